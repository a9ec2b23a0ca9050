"""Sources in other languages: the strings in a call, or behind a name, that says that they are models.

There is no parser for each of them. A string counts only with its owner (`"org/name"`), and only if the names in front
of it in its line say what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lineage.audit.discovery import model_keys as keys
from lineage.audit.discovery.addresses import address_references
from lineage.audit.discovery.model_keys import Meaning
from lineage.audit.discovery.name_shapes import is_telling
from lineage.audit.discovery.names import Form, read_name
from lineage.audit.discovery.references import reference
from lineage.audit.discovery.scripts import shell_references
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import Tree
from lineage_schemas.reference import Reference

_STRING = re.compile(r"\"([^\"\\\s]{3,200})\"|'([^'\\\s]{3,200})'")
_NAME = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(r"[ \t]*(?://|#(?!\[)|--|;;|/?\*|%)|.*?(?<![:\"'])//[ \t]")
_LOADING = re.compile(
    r"(?:from_?pretrained|download_?model|load_?model|new_?model|(?:hf_?|repo_?)model|model|with_revision)$", re.I
)
_REVISION = re.compile(r"(?:RepoType::Model|revision)[^\"'\n]{0,40}[\"']([^\"'\s]+)[\"']", re.IGNORECASE)
_REVISION_BELOW = re.compile(r"(?:RepoType::Model|revision)[^\"']{0,60}[\"']([^\"'\s]+)[\"']", re.IGNORECASE)
_ASIDE = re.compile(r"(?i)dataset|RepoType::Space|\b(?:import|use|package|require|include|using)\b")
_SHELL_STEP = re.compile(
    r"\b(?:sh|bat|powershell)[ \t]*\(?[ \t]*(?:script:[ \t]*)?"
    r"(?:('{3}|\"{3})(?P<long>.*?)\1|(['\"])(?P<short>[^'\"\n]*)\3)",
    re.DOTALL,
)
"""A step of a pipeline of Jenkins that gives a text to the shell."""

_NAMES_BEFORE = 3


def other_code_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a source in a language such as Go, Rust, Java, C# or Swift."""
    at = 0
    for number, line in enumerate(text.lines):
        comment = _COMMENT.match(line)
        code = (
            line[: comment.end()] if comment and comment[0].strip()[:1] not in ("/", "#", "-", ";", "*", "%") else line
        )
        if not (comment and code is line):
            above = text.lines[number - 1] if number else ""
            opens = above.rstrip().endswith(("(", ",", "=", "[", "{")) and len(above) < 200
            below = "\n".join(each[:200] for each in text.lines[number + 1 : number + 3]) if opens else ""
            found = list(_strings(text, code, at, above if opens and "//" not in above else "", below))
            yield from found or address_references(text, at, at + len(code))
        at += len(line) + 1


def groovy_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a pipeline of Jenkins: its strings, and what its steps give to the shell."""
    yield from other_code_references(text, tree)
    for match in _SHELL_STEP.finditer(text.body):
        group = "long" if match["long"] is not None else "short"
        yield from shell_references(text.part(match.start(group), match.end(group)), tree)


def _strings(text: Text, code: str, at: int, above: str, below: str) -> Iterator[Reference]:
    """Read the strings of a line; `above` is the line before it where a call goes on, `below` are those behind it."""
    if len(code) > 2_000 or "/" not in code or _ASIDE.search(code):
        return
    for match in _STRING.finditer(code):
        value = match[1] or match[2]
        name = read_name(value) if "/" in value else None
        if name is None or name.form != Form.ID:
            continue
        before = f"{above} {code[: match.start()]}"
        called = before.rstrip(" \t&*").endswith("(")
        names = [keys.plain_key(each) for each in _NAME.findall(before[-200:])][-_NAMES_BEFORE:]
        sure = called and bool(names) and _LOADING.search(names[-1]) is not None
        if not sure and not any(_says_model(each) for each in names) and not is_telling(name.model):
            continue
        revision = _REVISION.search(code, match.end()) or _REVISION_BELOW.search(below)
        place = text.place_at(at + match.start() + 1)
        yield reference(name, place, "certain" if sure else "likely", revision=revision[1] if revision else None)


def _says_model(key: str) -> bool:
    return key == "hub" or (keys.meaning(key) == Meaning.MODEL and not keys.is_hosted_key(key))

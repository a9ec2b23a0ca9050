"""Addresses: models that a text of any kind names by an address on the Hub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.audit.discovery.names import HOSTS, Form, Name, read_name
from lineage.audit.discovery.references import reference, unresolved
from lineage.audit.discovery.texts import Text

if TYPE_CHECKING:
    from lineage_schemas.product import Grade
    from lineage_schemas.reference import Reference

_ADDRESS = re.compile(
    r"(?:(?:https?|ssh)://(?:[^\s/@'\"<>]{1,200}@)?(?:[a-z-]{1,20}\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com)/"
    r"|(?<![\w./@-])(?:www\.)?(?:huggingface\.co|hf\.co)/|git@(?:hf\.co|huggingface\.co):"
    r"|(?<![\w+.:/-])(?:hf|huggingface):[a-z]+(?:-[a-z]+)+:|(?<![\w+.-])(?:hf|huggingface)://|(?<![\w-])hf[-_]hub:(?://)?)"
    r"[^\s'\"`<>|\\^{}\[\],;*]{1,600}",
    re.IGNORECASE,
)
_GIT_REVISION = re.compile(r"(?:[?&](?:ref|rev|tag)=|#(?![\w.-]+=))([\w./-]+)")
_ELSEWHERE = re.compile(
    r"https?://(?P<host>[\w.-]{1,200}(?::\d{1,5})?)/(?:[\w.-]{1,100}/)?[\w.-]{1,100}/[\w.-]{1,100}/resolve/"
    r"[^\s'\"`<>|\\^{}\[\],;*/]{1,200}/[^\s'\"`<>|\\^{}\[\],;*]{1,400}",
    re.IGNORECASE,
)
"""The address of a file of a model on another Hub, as programs that speak the Hub's protocol have it."""

_TRAILING = ".,;:!?*_~)"
COMMENTS = ("#", "//", "--", ";;", "/*", "<!--")
"""What most languages begin a comment with."""

_HINTS = (
    "hf.co",
    "huggingface.co",
    "hf-mirror.com",
    "hf://",
    "huggingface://",
    "hf-hub:",
    "hf_hub:",
    "huggingface:",
    "hf:",
)


def addresses(body: str) -> Iterator[tuple[int, Name]]:
    """Find the addresses of models in a text, each with the offset where it begins."""
    lower = body.lower()
    if not any(hint in lower for hint in _HINTS):
        return
    for match in _ADDRESS.finditer(body):
        name = read_name(_trimmed(match[0]))
        if name is not None and is_git(body, match.start()):
            revision = _GIT_REVISION.search(match[0])
            name = name._replace(revision=revision[1] if revision else name.revision)
        if name is not None and ("/" in name.model or name.form == Form.PAGE or "/" in match[0]):
            yield match.start(), name


def is_git(body: str, start: int) -> bool:
    """Return whether an address is one that git clones: `git+https://…`, as pip, npm and Nix take it."""
    return body[max(start - 4, 0) : start] == "git+"


def addresses_elsewhere(text: Text) -> Iterator[Reference]:
    """Find the addresses of files on other Hubs: which model of which Hub that is, only the Hub's owner knows."""
    if "/resolve/" not in text.body:
        return
    for match in _ELSEWHERE.finditer(text.body):
        parts = match[0].split("/")
        if match["host"].lower() not in HOSTS and not {"datasets", "spaces"} & set(parts[3:5]):
            line, _ = text.position(match.start())
            if not text.lines[line - 1].lstrip().startswith(COMMENTS):
                yield unresolved(_trimmed(match[0]), text.place_at(match.start()))


def _trimmed(address: str) -> str:
    """Cut what belongs to the sentence around an address, such as a full stop or the bracket that closes a link."""
    if "(" not in address:
        address = address.partition(")")[0]
    return address.rstrip(_TRAILING if "(" not in address else ".,;:!?*_~")


def address_references(
    text: Text, start: int = 0, end: int | None = None, *, cloned: bool = False
) -> Iterator[Reference]:
    """Read the addresses between two offsets. A page is only mentioned, unless git clones it."""
    body = text.body[start:end] if start or end is not None else text.body
    for offset, name in addresses(body):
        grade = address_grade(name, cloned=cloned or is_git(body, offset))
        yield reference(name, text.place_at(start + offset), grade)


def address_grade(name: Name, *, cloned: bool = False) -> Grade:
    """Return how sure it is that what is at an address is used: a program reads files and clones, a person pages."""
    return "possible" if name.form == Form.PAGE and not cloned else "certain"

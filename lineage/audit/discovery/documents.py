"""Files of configuration in YAML, JSON, TOML, and in lines of `key = value`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lineage.audit.discovery import model_keys as keys
from lineage.audit.discovery.addresses import address_references
from lineage.audit.discovery.configuration import configuration_references
from lineage.audit.discovery.configuration_keys import MEASURED, REPOSITORY_KEYS, is_script
from lineage.audit.discovery.json_nodes import json_nodes_and_problem, list_at, toml_nodes_and_problem
from lineage.audit.discovery.model_keys import Meaning
from lineage.audit.discovery.nodes import ListNode, MapNode, Scalar
from lineage.audit.discovery.references import reference
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import Tree
from lineage.audit.discovery.yaml_nodes import yaml_nodes
from lineage_schemas.reference import Reference

MAX_LISTED = 5_000
"""Lines of a list of models; a longer one is read for its addresses."""

MAX_COLUMNS = 200
"""Columns of a table that are read."""

_OF_LOADING = frozenset({"revision", "rev", "commit", "sha", "filename", "file", "subfolder"})

OWN_FILES = frozenset({"lineage.toml", "lineage.lock"})
"""Files that this program reads otherwise."""

_LINE = re.compile(
    r"[ \t]*(?:export[ \t]+|set[ \t]+(?:-\w+[ \t]+)?|setenv[ \t]+|\$?env:|ENV[ \t]+)?"
    r"([A-Za-z_][\w.-]*)[ \t]*(?:[:+?]?=|:(?=[ \t])|[ \t](?=[\"']))[ \t]*(.*)"
)
_HEAD = re.compile(r"[ \t-]*[\"']?(?:--?)?([A-Za-z][\w.-]*)[\"']?[ \t]*[:= ]")
_DEFAULT = re.compile(r"\b(?:default|or)[ (]+[^\"'{}]{0,80}?([\"'])([^\"'\s]+)\1")
_BLOCK = re.compile(r"[ \t]*(?:\w+(?:[ \t]+\"[^\"]*\")*[ \t]+\"([^\"]+)\"|([A-Za-z_]\w*)[ \t]*[=:]?)[ \t]*\{")
"""The first line of a block of Terraform: `variable "model_id" {`, `model {` or `environment = {`."""

_ONE_LINE = re.compile(
    r"[ \t]*(?:\w+(?:[ \t]+\"[^\"]*\")*[ \t]+\"([^\"]+)\"|([A-Za-z_]\w*)[ \t]*[=:]?)[ \t]*\{[ \t]*"
    r"([A-Za-z_][\w-]*)[ \t]*=[ \t]*([^{}]*?)[ \t]*\}"
)
"""A block of one line with one value: `variable "model_id" { default = "org/name" }`."""

_BLOCK_END = re.compile(r"[ \t]*\}[ \t,;)\]]*")

MAX_BLOCKS = 20
"""Blocks inside each other; what is deeper is read as if it were beside the last one."""

_SECTION = re.compile(r"[ \t]*\[+([^\]\n]+)\]+")


def yaml_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a YAML file: compose, Kubernetes, workflows, Hydra, values of Helm, configurations of any program."""
    documents, problem = yaml_nodes(text)
    if problem:
        tree.report(text.file, f"{problem}; what follows was read line by line")
    yield from configuration_references(text, ListNode(documents), tree)
    yield from _template_references(text)


def _template_references(text: Text) -> Iterator[Reference]:
    """Read the defaults that a template writes in a line about a model: `--model={{ .x | default "org/name" }}`."""
    at = 0
    for line in text.lines if "{{" in text.body else ():
        for match in _DEFAULT.finditer(line) if "{{" in line and not line.lstrip().startswith("#") else ():
            name = keys.read_value(match[2])
            head = _HEAD.match(line)
            if name and head and keys.meaning(keys.plain_key(head[1])) == keys.Meaning.MODEL:
                yield reference(name, text.place_at(at + match.start(2)), "likely")
        at += len(line) + 1


def json_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a JSON file, with comments or of one value a line too."""
    node, problem = json_nodes_and_problem(text)
    if problem:
        tree.report(text.file, f"not valid JSON: {problem}; what follows was not read")
    if node is not None:
        yield from configuration_references(text, node, tree)


def table_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a table of values with commas or tabs, if its first line says that it lists models to load.

    A column of models alone may as well be that of a table of results.
    """
    lines = text.lines
    mark = "\t" if "\t" in lines[0] else ";" if ";" in lines[0] else ","
    heads = [each.strip().strip("\"'") for each in lines[0].split(mark, MAX_COLUMNS)[:MAX_COLUMNS]]
    if not _lists_models(text.file, {keys.plain_key(each) for each in heads}):
        yield from address_references(text)
        return
    rows, at = ListNode(), len(lines[0]) + 1
    for line in lines[1:]:
        row, start = MapNode(), at
        for head, cell in zip(heads, line.split(mark, MAX_COLUMNS), strict=False):
            value = cell.strip().strip("\"'")
            row.entries.append((Scalar(text, head, 0), Scalar(text, value, start + (cell.find(value) if value else 0))))
            start += len(cell) + 1
        rows.items.append(row)
        at += len(line) + 1
    yield from configuration_references(text, rows, tree)


def _lists_models(file: str, heads: set[str]) -> bool:
    """Return whether the heads of a table are those of a list of models to load."""
    if any(MEASURED.search(head) for head in heads):
        return False
    says = "model_id" in heads or "models" in re.split(r"[\W_]", file.rpartition("/")[2].lower()) or heads & _OF_LOADING
    return bool(heads & REPOSITORY_KEYS or (says and any(keys.meaning(head) == Meaning.MODEL for head in heads)))


def list_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a file of one model a line, such as `models.txt`, if each line begins with a name; else its addresses."""
    found = islice(re.finditer(r"(?m)^[ \t]*([^\s#,;]+)", text.body), MAX_LISTED)
    starts = [(match.start(1), match[1]) for match in found]
    names = [(at, keys.read_value(each, bare=False)) for at, each in starts]
    if not names or any(name is None for _, name in names):
        yield from address_references(text)
        return
    yield from (reference(name, text.place_at(at), "likely") for at, name in names if name is not None)


def toml_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a TOML file, but for this program's own."""
    if text.file.rpartition("/")[2] in OWN_FILES:
        return
    node, problem = toml_nodes_and_problem(text)
    if problem:
        tree.report(text.file, f"not valid TOML: {problem}; what follows was not read")
    yield from configuration_references(text, node, tree)


def lines_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read lines of `key = value` or `KEY=value`, as in `.env`, INI and properties files, in sections or without."""
    root = MapNode()
    open_blocks = [root]
    command: Scalar | None = None  # a key of commands on the lines below it, as in tox.ini
    at = 0
    for line in text.lines:
        section, block = _SECTION.fullmatch(line.rstrip()), _BLOCK.fullmatch(line.rstrip())
        match, inner = _LINE.match(line), _ONE_LINE.fullmatch(line.rstrip())
        if line.lstrip().startswith(("#", ";", "//")):
            pass
        elif inner:
            made = _opened(text, inner, at, open_blocks[-1])
            key = Scalar(text, inner[3], at + inner.start(3))
            made.entries.append((key, _line_value(text, inner[4], at + inner.start(4))))
        elif header := section or block:
            open_blocks = open_blocks[: 1 if section else MAX_BLOCKS]
            open_blocks.append(_opened(text, header, at, open_blocks[-1]))
        elif _BLOCK_END.fullmatch(line):
            open_blocks = open_blocks[:-1] or [root]
        elif match:
            key = Scalar(text, match[1], at + match.start(1))
            start = at + match.start(2)
            items = list_at(text, start) if match[2].startswith("[") else None
            open_blocks[-1].entries.append((key, items or _line_value(text, match[2], start)))
            command = key if is_script(keys.plain_key(key.text)) and not match[2] else None
        elif command and line[:1].isspace() and line.strip():
            start = len(line) - len(line.lstrip())
            open_blocks[-1].entries.append((command, Scalar(text, line.strip(), at + start)))
        at += len(line) + 1
    yield from configuration_references(text, root, tree)
    yield from _template_references(text)


def _opened(text: Text, header: re.Match[str], at: int, parent: MapNode) -> MapNode:
    """Return the mapping that a line opens, with its last name as the key."""
    group = next(number for number, name in enumerate(header.groups()[:2], 1) if name)
    made = MapNode()
    parent.entries.append((Scalar(text, header[group], at + header.start(group)), made))
    return made


def _line_value(text: Text, raw: str, start: int) -> Scalar:
    """Return a value without its quotes and the comment behind it; the words of a command as they are."""
    if raw[:1] in ("'", '"'):
        end = raw.find(raw[0], 1)
        return Scalar(text, raw[1 : end if end > 0 else len(raw)], start + 1)
    return Scalar(text, re.sub(r"\s+[#;].*$", "", raw).rstrip().rstrip(","), start)

"""XML and protobuf's text format as nodes, read leniently: elements, attributes and messages with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lineage.audit.discovery.configuration import configuration_references
from lineage.audit.discovery.documents import lines_references
from lineage.audit.discovery.nodes import MAX_DEPTH, ListNode, MapNode, Scalar
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import Tree
from lineage_schemas.reference import Reference

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[|\]\]>|<\?.*?(?:\?>|\Z)", re.DOTALL)
_TAG = re.compile(r"<(/?)([A-Za-z_][\w.:-]*+)((?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*+)>([^<]*+)")
_ATTRIBUTE = re.compile(r"([A-Za-z_][\w.:-]*)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
MAX_ELEMENTS = 30_000
"""Elements of one file that are read, and messages or values of a protobuf text."""

_NAMING = ("name", "key", "id", "Include")
"""Attributes that say what the content of an element is: `<string name="model_id">…`."""

_TOKEN = re.compile(
    r"#[^\n]*|\"((?:[^\"\\\n]|\\.)*+)\"|'((?:[^'\\\n]|\\.)*+)'|([A-Za-z_][\w.]*)|[{}<>\[\]]|[^\s{}<>\[\]\"']"
)
_VALUES = ("string_value", "value", "val")


def xml_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a file of XML, such as the settings of a program, strings of an app or a property list."""
    yield from configuration_references(text, _elements(text, tree), tree)


def config_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a `.config` file, which is XML in .NET, and lines of `key = value` elsewhere."""
    is_xml = text.body.lstrip("\ufeff \t\n").startswith("<")
    yield from xml_references(text, tree) if is_xml else lines_references(text, tree)


def _elements(text: Text, tree: Tree) -> MapNode:
    """Return the elements as mappings: the attributes and the text of each, under its name or the one it is given."""
    body = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text.body)
    root = MapNode()
    stack = [root]
    key: Scalar | None = None  # of a property list, where it is an element of its own
    for number, match in enumerate(_TAG.finditer(body)):
        if number >= MAX_ELEMENTS:
            tree.report(text.file, f"it has more than {MAX_ELEMENTS:,} elements; the others were not read")
            break
        if match[1]:
            stack = stack[:-1] or [root]
            continue
        made = MapNode()
        named = _attributes(text, match, made) or key or Scalar(text, match[2].rpartition(":")[2], match.start(2))
        content = match[4].strip()
        value = Scalar(text, content, match.start(4) + len(match[4]) - len(match[4].lstrip()))
        key = value if match[2] == "key" and content else None
        if content and match[2] != "key":
            stack[-1].entries.append((named, value))
        stack[-1].entries.append((named, made))
        if not match[3].endswith("/") and len(stack) < MAX_DEPTH:
            stack.append(made)
    return root


def _attributes(text: Text, match: re.Match[str], made: MapNode) -> Scalar | None:
    """Put the attributes of an element into its mapping; return the value of one that names it."""
    found = {}
    for each in _ATTRIBUTE.finditer(match[3]):
        group = 2 if each[2] is not None else 3
        start = match.start(3)
        found[each[1]] = Scalar(text, each[group], start + each.start(group))
        made.entries.append((Scalar(text, each[1], start + each.start(1)), found[each[1]]))
    return next((found[name] for name in _NAMING if name in found), None)


def textproto_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read protobuf's text format, such as the `config.pbtxt` of a model of Triton."""
    root = MapNode()
    stack: list[MapNode | ListNode] = [root]
    key: Scalar | None = None
    for number, match in enumerate(_TOKEN.finditer(text.body)):
        mark = match[0]
        if number >= 10 * MAX_ELEMENTS:
            tree.report(text.file, f"it has more than {10 * MAX_ELEMENTS:,} words and marks; the others were not read")
            break
        if mark[0] == "#":
            continue
        if mark in "{<[":
            made: MapNode | ListNode = ListNode() if mark == "[" else MapNode()
            _add(stack[-1], key, made)
            key = None
            if len(stack) < MAX_DEPTH:
                stack.append(made)
        elif mark in "}>]":
            closed, stack = stack[-1], stack[:-1] or [root]
            _name_value(closed, stack[-1])
        elif match[3] and key is None and isinstance(stack[-1], MapNode):
            key = Scalar(text, mark, match.start())
        elif match[1] is not None or match[2] is not None:
            group = 1 if match[1] is not None else 2
            _add(stack[-1], key, Scalar(text, match[group], match.start(group)))
            key = None
        elif mark not in ":,;":
            key = None
    yield from configuration_references(text, root, tree)


def _add(parent: MapNode | ListNode, key: Scalar | None, node: Scalar | MapNode | ListNode) -> None:
    """Put a node below the message or list that is open, under the key before it."""
    if isinstance(parent, ListNode):
        parent.items.append(node)
    elif key is not None:
        parent.entries.append((key, node))


def _name_value(closed: MapNode | ListNode, parent: MapNode | ListNode) -> None:
    """Make `{ key: "model" value: { string_value: "org/x" } }` a key with its value."""
    if not isinstance(closed, MapNode):
        return
    name, value = closed.get("key"), closed.get("value")
    inner = value.get(*_VALUES) if isinstance(value, MapNode) else value
    if isinstance(name, Scalar) and isinstance(inner, Scalar):
        closed.entries.append((name, inner))

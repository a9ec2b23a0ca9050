"""JSON and TOML as nodes, with places. Both are read leniently: comments and commas too many do no harm.

The standard library's parsers give no places. What is not valid ends the reading there; the nodes up to it are kept,
and the caller gets to know.
"""

from __future__ import annotations

import json
import re
from typing import TypeVar

from lineage.audit.discovery.nodes import MAX_DEPTH, ListNode, MapNode, Node, Scalar
from lineage.audit.discovery.pieces import aligned
from lineage.audit.discovery.texts import Text

_BLANK = re.compile(r"(?:[\s,\ufeff]|//[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_INLINE_BLANK = re.compile(r"[ \t]*")
_LONG = re.compile(r'"""((?:[^"\\]|\\.|"(?!""))*+)"{3,5}|\'\'\'((?:[^\']|\'(?!\'\'))*+)\'{3,5}', re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*+)"|\'((?:[^\'\\\n]|\\.)*+)\'', re.DOTALL)
_WORD = re.compile(r"[^\s,:=\[\]{}\"'#]+")
_HEADER = re.compile(r"[ \t]*\[{1,2}([^\]\n]+)\]{1,2}")
_KEY_PART = re.compile(r"[ \t]*(?:\"([^\"\n]*)\"|'([^'\n]*)'|([\w-]+))[ \t]*(\.?)")
_TOML_BLANK = re.compile(r"(?:\s|#[^\n]*)*")


Container = TypeVar("Container", MapNode, ListNode)


class _Scan:
    """Read values from a text, without recursion."""

    def __init__(self, source: Text, at: int = 0) -> None:
        self.source, self.body, self.at = source, source.body, at
        self.problem = ""

    def value(self) -> Node | None:
        """Read one value; None where there is none."""
        root = ListNode()
        stack: list[MapNode | ListNode] = [root]
        while not self.problem:
            if len(stack) > 1 or not root.items:
                self._skip(_BLANK if len(stack) > 1 else _TOML_BLANK)
            if self.at >= len(self.body) or (len(stack) == 1 and root.items):
                break
            mark = self.body[self.at]
            if mark in "]}":
                self.at += 1
                stack = stack[:-1] if len(stack) > 1 else stack
            elif isinstance(stack[-1], MapNode):
                self._entry(stack[-1], stack)
            else:
                node = self._node()
                if node is not None:
                    stack[-1].items.append(node)
                    self._open(node, stack)
            if len(stack) > MAX_DEPTH:
                self.problem = f"nested more than {MAX_DEPTH} deep"
        if len(stack) > 1 and not self.problem:
            self.problem = "a bracket is not closed"
        return root.items[0] if root.items else None

    def _open(self, node: Node, stack: list[MapNode | ListNode]) -> None:
        if isinstance(node, MapNode | ListNode):
            stack.append(node)

    def _entry(self, mapping: MapNode, stack: list[MapNode | ListNode]) -> None:
        """Read a key, its `:` or `=`, and the beginning of its value."""
        key = self._node()
        self._skip(_BLANK)
        if not isinstance(key, Scalar) or self.body[self.at : self.at + 1] not in (":", "="):
            self.problem = self.problem or "a key is not followed by a value"
            return
        self.at += 1
        self._skip(_BLANK)
        node = self._node()
        if node is None:
            self.problem = self.problem or "a key has no value"
            return
        mapping.entries.append((key, node))
        self._open(node, stack)

    def _node(self) -> Node | None:
        """Read a string or word, or the bracket that opens a list or mapping."""
        mark = self.body[self.at : self.at + 1]
        if mark in ("{", "["):
            self.at += 1
            return MapNode() if mark == "{" else ListNode()
        for pattern in (_LONG, _STRING):
            match = pattern.match(self.body, self.at)
            if match:
                self.at = match.end()
                group = 1 if match[1] is not None else 2
                return self._string(match.start(group), match[group], escapes=group == 1)
        match = _WORD.match(self.body, self.at)
        if match is None:
            self.problem = "a value is missing, or a string is not closed"
            return None
        self.at = match.end()
        return Scalar(self.source, match[0], match.start(), is_string=False)

    def _string(self, start: int, raw: str, *, escapes: bool) -> Scalar:
        if raw.startswith("\n"):  # of TOML's long strings
            start, raw = start + 1, raw[1:]
        if not escapes or "\\" not in raw:
            return Scalar(self.source, raw, start)
        text = _unescaped(raw)
        return Scalar(self.source, text, start, aligned(self.body, start, start + len(raw), text, escapes=True))

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.body, self.at)
        self.at = match.end() if match else self.at


def _unescaped(raw: str) -> str:
    """Decode the escapes of JSON, in a text that may hold others and line ends."""
    raw = re.sub(r"\\\n[ \t]*", "", raw).replace("\n", "\\n").replace("\t", "\\t")
    try:
        return str(json.loads(f'"{raw}"', strict=False))
    except ValueError:
        return raw


def list_at(source: Text, offset: int) -> ListNode | None:
    """Read the list that begins at an offset, in a text that is otherwise not JSON; None if it does not end."""
    scan = _Scan(source, offset)
    node = scan.value()
    return node if isinstance(node, ListNode) and not scan.problem else None


def json_nodes(source: Text) -> Node | None:
    """Read a JSON text; None if it holds nothing."""
    return json_nodes_and_problem(source)[0]


def json_nodes_and_problem(source: Text) -> tuple[Node | None, str]:
    """Read a JSON text, also one of several values; return what ended the reading early, or an empty text."""
    scan, found = _Scan(source), []
    while not scan.problem:
        scan._skip(_BLANK)
        if scan.at >= len(scan.body):
            break
        node = scan.value()
        if node is None:
            break
        found.append(node)
    return (found[0] if len(found) == 1 else ListNode(found) if found else None), scan.problem


def toml_nodes_and_problem(source: Text) -> tuple[MapNode, str]:
    """Read a TOML text; return what ended the reading early, or an empty text."""
    tables = _Tables()
    table = tables.root
    scan = _Scan(source)
    while not scan.problem:
        scan._skip(_TOML_BLANK)
        if scan.at >= len(scan.body):
            break
        header = _HEADER.match(scan.body, scan.at)
        if header:
            path, _ = _key_path(source, header.start(1), header.end(1))
            table = tables.at(tables.root, path, new="[[" in header[0])
            scan.at = header.end()
            continue
        path, scan.at = _key_path(source, scan.at, len(scan.body))
        if not path or scan.body[scan.at : scan.at + 1] != "=":
            scan.problem = "a line is neither a key with a value nor a header"
            break
        scan.at += 1
        scan._skip(_INLINE_BLANK)
        node = scan.value()
        if node is not None:
            tables.at(table, path[:-1]).entries.append((path[-1], node))
    return tables.root, scan.problem


def _key_path(source: Text, at: int, end: int) -> tuple[list[Scalar], int]:
    """Read the parts of a key such as `tool."a b".name`; return where it ends."""
    path: list[Scalar] = []
    while len(path) < MAX_DEPTH:
        match = _KEY_PART.match(source.body, at, end)
        if match is None:
            break
        group = next(number for number in (1, 2, 3) if match[number] is not None)
        path.append(Scalar(source, match[group], match.start(group)))
        at = match.end()
        if not match[4]:
            break
    return path, at


class _Tables:
    """Hold the tables of a TOML text, each by the table that it is in and its key."""

    def __init__(self) -> None:
        self.root = MapNode()
        self._by_key: dict[tuple[int, str], MapNode | ListNode] = {}

    def at(self, table: MapNode, path: list[Scalar], *, new: bool = False) -> MapNode:
        """Return the table at the end of a path, made where it is missing; `new` adds one to the list there."""
        for number, key in enumerate(path):
            found = self._by_key.get((id(table), key.text))
            if new and number == len(path) - 1:
                if not isinstance(found, ListNode):
                    found = self._add(table, key, ListNode())
                found.items.append(MapNode())
            if isinstance(found, ListNode) and isinstance(found.items[-1], MapNode):
                table = found.items[-1]
            elif isinstance(found, MapNode):
                table = found
            else:
                table = self._add(table, key, MapNode())
        return table

    def _add(self, table: MapNode, key: Scalar, node: Container) -> Container:
        table.entries.append((key, node))
        self._by_key[id(table), key.text] = node
        return node

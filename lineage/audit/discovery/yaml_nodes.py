"""YAML as nodes, with places, from the events of its parser: an alias is never expanded, so that no text grows.

Templates of Jinja, Helm and their like are YAML with marks that are none: the marks are blanked out, at the same
length, before the text is read. What is not YAML even so is read by its lines.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from lineage.audit.discovery.nodes import MAX_DEPTH, ListNode, MapNode, Node, Scalar
from lineage.audit.discovery.pieces import aligned
from lineage.audit.discovery.texts import Text

_MARKS = (("{{", "}}"), ("{%", "%}"), ("{#", "#}"), ("<%", "%>"))
_FILLED = "\ue000"
"""A character of no meaning that stands for each one of a mark until it is known what else its line holds."""

_ONLY_FILLED = re.compile(rf"^[ \t{_FILLED}]*{_FILLED}[ \t{_FILLED}]*$", re.MULTILINE)
_LINE = re.compile(
    r"(?P<indent>[ \t]*)(?P<dash>(?:-[ \t]+)*)"
    r"(?:(?P<key>\"[^\"\n]*\"|'[^'\n]*'|[^\s:#'\"{}\[\]&*!|>%@`-][^\s:#]*)[ \t]*:"
    r"(?:[ \t]+|$))?(?P<value>[^\n]*)"
)
_BARE_MARK = re.compile(r"(?m)^[ \t]*(?:- |[\w.\"'-]+:[ \t]+)\{\{")
"""A mark that is a value of its own, which YAML takes for a mapping in a mapping."""

_COMMENT = re.compile(r"(?:^|[ \t]+)#.*$")


class Read(NamedTuple):
    """Hold the documents of a text, and why it was read by its lines; `problem` is empty if it was read as YAML."""

    documents: list[Node]
    problem: str = ""


def yaml_nodes(source: Text) -> Read:
    """Read a YAML text."""
    body = source.body
    is_template = "{{" in body or "{%" in body or "<%" in body
    documents, problem = ([], "") if is_template and _BARE_MARK.search(body) else _parsed(source, body)
    if is_template and (problem or not documents):
        documents, left = _parsed(source, _without_marks(body))
        return Read(_by_lines(source) if left else documents)
    return Read(_by_lines(source) if problem else documents, problem)


def _without_marks(body: str) -> str:
    """Replace the marks of a template by words of the same length, and by blanks on lines that hold nothing else."""
    for opening, closing in _MARKS:
        parts, at = [], 0
        while (start := body.find(opening, at)) >= 0 and (end := body.find(closing, start)) >= 0:
            mark = re.sub(r"[^\n]", _FILLED, body[start : end + 2])
            parts += [body[at:start], mark]
            at = end + 2
        body = "".join((*parts, body[at:]))
    return _ONLY_FILLED.sub(lambda line: " " * len(line[0]), body).replace(_FILLED, "x")


def _parsed(source: Text, body: str) -> tuple[list[Node], str]:
    """Compose the documents of a text; return what is wrong with it, or an empty text."""
    import yaml

    kind: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    composer = _Composer(source, body)
    try:
        for event in yaml.parse(body, Loader=kind):
            composer.take(event)
            if composer.depth > MAX_DEPTH:
                return composer.documents, f"nested more than {MAX_DEPTH} deep"
    except yaml.MarkedYAMLError as error:
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return composer.documents, f"not valid YAML{place}: {error.problem or 'it cannot be parsed'}"
    except (yaml.YAMLError, UnicodeEncodeError, ValueError, OverflowError):
        return composer.documents, "not valid YAML"
    return composer.documents, ""


class _Composer:
    """Put the events of a parser together to nodes."""

    def __init__(self, source: Text, body: str) -> None:
        self.documents: list[Node] = []
        self._blanked = body if body != source.body else ""
        self._source = source
        self._open: list[tuple[MapNode | ListNode, Scalar | None]] = []
        self._anchors: dict[str, Scalar] = {}
        self._mappings: dict[str, MapNode] = {}

    @property
    def depth(self) -> int:
        """Return how many lists and mappings are open."""
        return len(self._open)

    def take(self, event: Any) -> None:
        """Take one event. An alias counts as the single value that it stands for, and as nothing for other nodes."""
        kind = type(event).__name__
        if kind == "ScalarEvent":
            scalar = self._scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = scalar
            self._add(scalar)
        elif kind == "AliasEvent":
            self._merge(self._mappings.get(event.anchor))
            self._add(self._anchors.get(event.anchor, Scalar(self._source, "", event.start_mark.index)))
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            node: MapNode | ListNode = MapNode() if kind == "MappingStartEvent" else ListNode()
            self._add(node)
            self._open.append((node, None))
            if event.anchor and isinstance(node, MapNode):
                self._mappings[event.anchor] = node
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._open.pop()
        elif kind == "DocumentStartEvent":
            self._anchors, self._mappings = {}, {}

    def _merge(self, mapping: MapNode | None) -> None:
        """Note that the mapping of an alias behind `<<` is merged into the one that is open."""
        container, key = self._open[-1] if self._open else (None, None)
        if mapping is not None and isinstance(container, MapNode) and key is not None and key.text == "<<":
            container.merged.append(mapping)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.documents.append(node)
            return
        container, key = self._open[-1]
        if isinstance(container, ListNode):
            container.items.append(node)
        elif key is None:
            self._open[-1] = (container, node if isinstance(node, Scalar) else Scalar(self._source, "", 0))
        else:
            container.entries.append((key, node))
            self._open[-1] = (container, None)

    def _scalar(self, event: Any) -> Scalar:
        start, end, text, style = event.start_mark.index, event.end_mark.index, event.value, event.style
        body = self._source.body
        if style in ("'", '"'):
            start, end = start + 1, end - 1
        elif style in ("|", ">"):
            start = body.find("\n", start) + 1 or start
        if self._blanked and "x" in text and self._blanked.startswith(text, start):  # as it was before
            text = body[start : start + len(text)]
        if body.startswith(text, start) and style != "|":
            return Scalar(self._source, text, start, is_string=bool(style))
        offsets = aligned(body, start, end, text, escapes=style == '"')
        return Scalar(self._source, text, start, offsets, is_folded=style not in ("|", '"'))


def _by_lines(source: Text) -> list[Node]:
    """Read the keys and values of lines, nested by their indents; no line depends on what is wrong in another."""
    root = MapNode()
    stack: list[tuple[int, MapNode | ListNode]] = [(-1, root)]
    at = 0
    for line in source.lines:
        match = _LINE.match(line)
        if match and line.strip() and not line.lstrip().startswith("#"):
            _add_line(source, match, at, stack)
        at += len(line) + 1
    return [root]


def _add_line(source: Text, match: re.Match[str], at: int, stack: list[tuple[int, MapNode | ListNode]]) -> None:
    indent = len(match["indent"])
    dashed = bool(match["dash"])
    while len(stack) > 1 and (stack[-1][0] > indent or (stack[-1][0] == indent and not (dashed and _is_list(stack)))):
        stack.pop()
    if len(stack) > MAX_DEPTH:
        return
    parent = stack[-1][1]
    value = _line_value(source, match, at)
    if dashed:
        parent = _list_of(parent, indent, stack)
        item: Node = MapNode() if match["key"] else value
        parent.items.append(item)
        if isinstance(item, MapNode):
            indent += len(match["dash"])
            stack.append((indent - 1, item))
            parent_map: MapNode = item
        else:
            return
    elif isinstance(parent, MapNode):
        parent_map = parent
    else:
        return
    if match["key"]:
        key = Scalar(source, match["key"].strip("'\""), at + match.start("key"))
        node: Node = value if value.text else MapNode()
        parent_map.entries.append((key, node))
        if isinstance(node, MapNode):
            stack.append((indent, node))


def _is_list(stack: list[tuple[int, MapNode | ListNode]]) -> bool:
    return isinstance(stack[-1][1], ListNode) or (isinstance(stack[-1][1], MapNode) and not stack[-1][1].entries)


def _list_of(parent: MapNode | ListNode, indent: int, stack: list[tuple[int, MapNode | ListNode]]) -> ListNode:
    """Return the list that an item belongs to: the empty mapping of the key above becomes one."""
    if isinstance(parent, ListNode):
        return parent
    made = ListNode()
    if len(stack) > 1 and isinstance(stack[-2][1], MapNode) and stack[-2][1].entries and not parent.entries:
        key, _ = stack[-2][1].entries[-1]
        stack[-2][1].entries[-1] = (key, made)  # nothing has asked for the key's value yet
        stack[-1] = (stack[-1][0], made)
    return made


def _line_value(source: Text, match: re.Match[str], at: int) -> Scalar:
    """Return the value of a line, without its quotes and the comment behind it."""
    raw = _COMMENT.sub("", match["value"]) if match["value"][:1] not in ("'", '"') else match["value"]
    start = at + match.start("value")
    if raw[:1] in ("'", '"'):
        closing = raw.find(raw[0], 1)
        return Scalar(source, raw[1 : closing if closing > 0 else len(raw)], start + 1)
    if raw[:1] in ("|", ">", "&", "!") and " " not in raw.strip():
        return Scalar(source, "", start)
    return Scalar(source, raw.rstrip(), start, is_string=False)

"""Nodes: what configuration files hold, whatever their format, with the place of every key and value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from lineage.audit.discovery.pieces import decoded
from lineage.audit.discovery.texts import Text

MAX_DEPTH = 100
"""Lists and mappings inside each other; what is deeper is not read."""


@dataclass(frozen=True)
class Scalar:
    """Hold a single value as text. `offsets` has the offset of each of its characters, empty if they are side by side.

    `is_folded` says that the lines of the text are one line for the program that gets it.
    """

    source: Text
    text: str
    start: int
    offsets: Sequence[int] = ()
    is_string: bool = True
    is_folded: bool = False

    def as_text(self) -> Text:
        """Return the value as a text with places of its own."""
        return decoded(self.source, self.text, self.offsets or range(self.start, self.start + len(self.text)))

    def part(self, start: int, end: int) -> Scalar:
        """Return the characters between two positions as a value of its own."""
        offsets = self.offsets[start:end] if self.offsets else ()
        return replace(self, text=self.text[start:end], start=self.start + start, offsets=offsets)


@dataclass
class ListNode:
    """Hold a list."""

    items: list[Node] = field(default_factory=list)


@dataclass
class MapNode:
    """Hold keys with their values, in the order of the file; a key may occur more than once.

    `merged` are the mappings that YAML merges into this one by `<<`: their keys are the defaults of its own.
    """

    entries: list[tuple[Scalar, Node]] = field(default_factory=list)
    merged: list[MapNode] = field(default_factory=list, repr=False)
    _by_key: dict[str, Node] = field(default_factory=dict, repr=False)
    _indexed: int = 0

    def get(self, *names: str) -> Node | None:
        """Return the value of the first of these keys that is there, the first one of a key that occurs again."""
        for key, value in self.entries[self._indexed :]:
            self._by_key.setdefault(key.text, value)
        self._indexed = len(self.entries)
        return next((self._by_key[name] for name in names if name in self._by_key), None)

    def text(self, *names: str) -> str:
        """Return the text of the first of these keys that has a single value; empty if there is none."""
        value = self.get(*names)
        return value.text if isinstance(value, Scalar) else ""


Node = Scalar | ListNode | MapNode


def scalars(node: Node | None) -> Iterator[Scalar]:
    """Return a single value, or those of a list; nothing of what is deeper."""
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, ListNode):
        yield from (item for item in node.items if isinstance(item, Scalar))

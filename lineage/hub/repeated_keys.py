"""Keys that one mapping has more than once: which value counts is unknown, so that none is taken and all are quoted.

The problems are kept in stores as evidence, whose id is the hash of its content: another wording is another id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from lineage.hub.yaml_scalars import MERGE_KEY, STR, tag_of, value_and_key

MAX_SHOWN = 60
"""Characters of a value that a problem quotes."""

_QUOTED = 3
"""Values that a problem quotes."""


class RepeatedKeyError(ValueError):
    """Report which key an object has more than once, and with which values."""


class Repeats(NamedTuple):
    """Hold the problems of one document: by field of the root, and the first one anywhere in it."""

    by_field: dict[str, str]
    first: str | None


def repeated_key(key: str, values: Sequence[object], count: int | None = None) -> str:
    """Report that a key occurs twice, and quote the first values if they are texts; there are `count` in all."""
    count = len(values) if count is None else count
    texts = [value if isinstance(value, str) else "…" for value in values[:_QUOTED]]
    shown = " and ".join(f"“{text[:MAX_SHOWN] + '…' if len(text) > MAX_SHOWN else text}”" for text in texts)
    problem = f"the key {key[:MAX_SHOWN]} occurs {'twice' if count == 2 else f'{count} times'}: {shown}"
    return problem.encode(errors="replace").decode()


def repeats_of_documents(events: Iterable[Any]) -> Iterator[Repeats]:
    """Find the keys that occur twice in each document of a YAML stream whose events were read before without an error.

    Keys are the same if their type and their text are.
    """
    import yaml

    stream = iter(events)
    for event in stream:
        if isinstance(event, yaml.DocumentStartEvent):
            yield _repeats(stream)


class _Item(NamedTuple):
    """One node: a scalar with its text and what makes it another key, or a container that has problems in `within`."""

    identity: str | tuple[str, str] | None = None
    text: str | None = None
    within: _Container | None = None

    @property
    def key(self) -> str:
        """Return how the scalar is written as a key in JSON."""
        tag, text = self.identity if isinstance(self.identity, tuple) else (STR, self.text or "")
        _, key = value_and_key(tag, text)
        return text if key is MERGE_KEY else str(key)


class _Container:
    """A mapping, or a list, which has no keys."""

    __slots__ = ("again", "anchor", "below", "below_fields", "first", "is_mapping", "key")

    def __init__(self, anchor: str | None, *, is_mapping: bool) -> None:
        self.anchor = anchor
        self.is_mapping = is_mapping
        self.key: _Item | None = None
        self.first: dict[str | tuple[str, str], str | None] = {}
        self.again: dict[str | tuple[str, str], tuple[_Item, list[str | None], list[int]]] = {}
        self.below: _Container | None = None
        self.below_fields: list[tuple[_Item, _Container]] = []

    def add(self, item: _Item) -> None:
        """Add a node: an item of a list, a key, or the value of the key before it."""
        if self.is_mapping and self.key is None:
            self.key = item
            return
        # Of several problems the one of the mapping that ends last is reported.
        self.below = item.within or self.below
        if self.key is not None:
            if item.within:
                self.below_fields.append((self.key, item.within))
            self._note(self.key, item.text)
            self.key = None

    def _note(self, key: _Item, text: str | None) -> None:
        """Note the text of a key's value: the first one, or a further one."""
        if key.identity is None:
            return
        if key.identity not in self.first:
            self.first[key.identity] = text
            return
        _, texts, count = self.again.setdefault(key.identity, (key, [self.first[key.identity]], [1]))
        count[0] += 1
        if len(texts) < _QUOTED:
            texts.append(text)

    def own(self) -> Iterator[tuple[_Item, str]]:
        """Yield the keys that this mapping itself has more than once, in order of their first places."""
        for identity in self.first if self.again else ():
            if identity in self.again:
                key, texts, count = self.again[identity]
                yield key, repeated_key(key.text or "", texts, count[0])

    def problem(self) -> str | None:
        """Return the first problem in this container."""
        own = next((problem for _, problem in self.own()), None)
        return self.below.problem() if own is None and self.below else own


def _repeats(events: Iterator[Any]) -> Repeats:
    """Find the problems of one document."""
    from yaml.events import AliasEvent, DocumentEndEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

    opened: list[_Container] = []
    anchors: dict[str | None, _Item] = {}
    for event in events:
        if isinstance(event, ScalarEvent):
            item, anchor = _scalar(event), event.anchor
        elif isinstance(event, AliasEvent):
            item, anchor = anchors.get(event.anchor, _Item()), None
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            opened.append(_Container(event.anchor, is_mapping=isinstance(event, MappingStartEvent)))
            continue
        elif isinstance(event, DocumentEndEvent):
            break
        else:
            ended = opened.pop()
            if not opened:
                return _of_root(ended)
            item, anchor = _Item(within=ended if ended.again or ended.below else None), ended.anchor
        if anchor is not None:
            anchors[anchor] = item
        if opened:
            opened[-1].add(item)
    return Repeats({}, None)


def _scalar(event: Any) -> _Item:
    """Describe a scalar as the key that it may be."""
    tag, text = tag_of(event), event.value
    return _Item(text if tag == STR else (tag, text), text)


def _of_root(root: _Container) -> Repeats:
    """Gather the problems by field of the root."""
    by_field = {key.key: problem for key, problem in root.own()}
    for key, within in root.below_fields:
        by_field.setdefault(key.key, f"under {(key.text or '')[:MAX_SHOWN]} {within.problem()}")
    return Repeats(by_field, root.problem())

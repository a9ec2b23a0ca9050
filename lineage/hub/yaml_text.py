"""Reading YAML whose content is not trusted: values are made directly of the parser's events, within bounds.

PyYAML's own way composes a document and then constructs it, which takes several times as long and has no bounds on
numbers and merges. Here each event is counted before anything is made of it. Scalars have the types of PyYAML's safe
loader; other tags are not looked up. A value that does not have the form of its type, or is under another tag, stays
the text that the file has, because the other fields of the file do not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from lineage.hub.bounds import (
    MAX_CONTAINERS,
    MAX_DEPTH,
    MAX_VALUES,
    MAX_YAML_CHARACTERS,
    BoundError,
    too_deep,
    too_many_values,
)
from lineage.hub.collector import without_collector
from lineage.hub.repeated_keys import Repeats, repeats_of_documents
from lineage.hub.yaml_scalars import MERGE_KEY, plain_tag, starts_of_types, tag_of, value_and_key

_SET = "tag:yaml.org,2002:set"
_MAPPINGS = frozenset({None, "!", "tag:yaml.org,2002:map"})
_SEQUENCES = frozenset({None, "!", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:omap", "tag:yaml.org,2002:pairs"})

_MAX_KNOWN = 20_000
"""Unquoted scalars whose value is remembered: the keys of tables recur, and most of their figures."""

_LARGE = 100_000
"""Characters from which the garbage collector is paused."""


class YamlError(ValueError):
    """Report YAML that cannot be read; the text is the problem."""


class Document(NamedTuple):
    """Hold one document: the line where it begins, its value in JSON's types, and its keys that occur twice.

    Dates are ISO 8601, sets are lists, and values that aliases share are shared.
    """

    line: int
    value: Any
    repeats: Repeats = Repeats({}, None)


def read_yaml(text: str, *, unfold: bool) -> list[Document]:
    """Read the documents of a YAML text.

    With `unfold` what an alias stands for counts again at each alias, for a caller that visits all of it; without it
    only where a merge (`<<: *a`) copies its entries. Raises BoundError beyond the bounds, YamlError for broken YAML.
    """
    import yaml

    if len(text) > MAX_YAML_CHARACTERS:
        raise BoundError(f"the YAML is longer than {MAX_YAML_CHARACTERS} characters")
    kind: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(unfold=unfold)
    try:
        with without_collector(paused=len(text) > _LARGE):
            found = list(builder.documents(yaml.parse(text, Loader=kind)))
            if builder.has_repeats:
                repeats = repeats_of_documents(yaml.parse(text, Loader=kind))
                found = [document._replace(repeats=those) for document, those in zip(found, repeats, strict=True)]
    except yaml.MarkedYAMLError as error:
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise YamlError(f"the YAML is broken{place}: {error.problem or 'it cannot be parsed'}") from error
    except yaml.YAMLError as error:
        raise YamlError("the YAML is broken") from error
    except UnicodeEncodeError as error:  # half a surrogate pair
        raise YamlError(f"the YAML holds an impossible value: {error}") from error
    return found


def _broken(line: int, problem: str) -> YamlError:
    return YamlError(f"the YAML is broken in line {line}: {problem}")


class _Anchor(NamedTuple):
    """What an alias stands for: its value, the number of values in it, and its depth; a container's `key` is None."""

    value: Any
    key: Any
    line: int
    values: int = 1
    depth: int = 0


class _Open:
    """A container that has begun and not ended; `before` is the number of values that were counted before it."""

    __slots__ = ("anchor", "before", "depth", "is_mapping", "key", "line", "merges", "tag", "value")

    def __init__(self, event: Any, *, is_mapping: bool, before: int) -> None:
        self.value: Any = {} if is_mapping else []
        self.is_mapping = is_mapping
        self.tag: str | None = event.tag
        self.anchor: str | None = event.anchor
        self.line: int = event.start_mark.line + 1
        self.key: Any = None
        self.merges: list[tuple[Any, int]] = []
        self.before = before
        self.depth = 1

    def holds(self, merged: int, inside: int) -> None:
        """Note how deep this is with a value: as deep as the value's entries if they are merged into this."""
        self.depth = max(self.depth, merged if self.is_mapping and self.key is MERGE_KEY else inside)


class _Builder:
    """Make the values of documents out of events."""

    def __init__(self, *, unfold: bool) -> None:
        self.has_repeats = False
        self._unfold = unfold
        self._starts = starts_of_types()
        self._known: dict[str, tuple[Any, Any]] = {}
        self._anchors: dict[str, _Anchor | None] = {}
        self._open: list[_Open] = []
        self._values = 0
        self._folded = 0
        self._containers = 0

    def documents(self, events: Iterable[Any]) -> Iterator[Document]:
        """Yield the documents of a stream of events."""
        import yaml

        stream = iter(events)
        for event in stream:
            start = event.start_mark
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                self._count_container()
                yield Document(start.line + 1, self._document(stream))

    def _document(self, events: Iterator[Any]) -> Any:
        """Make the value of one document."""
        from yaml.events import AliasEvent, DocumentEndEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

        root: Any = None
        opened = self._open
        for event in events:
            kind = type(event)
            if kind is ScalarEvent:
                value, key = self._scalar(event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self._begin(event, is_mapping=kind is MappingStartEvent)
                continue
            elif kind is AliasEvent:
                value, key = self._alias(event)
            elif kind is DocumentEndEvent:
                break
            else:
                value, key = self._end()
            if not opened:
                root = value
                continue
            parent = opened[-1]
            if not parent.is_mapping:
                parent.value.append(value)
            elif parent.key is None:
                parent.key = key
                continue
            else:
                self._put(parent, value, event)
            self._values += 1
            if self._values > MAX_VALUES:
                raise too_many_values()
        return root

    def _scalar(self, event: Any) -> tuple[Any, Any]:
        """Give the value of a scalar, and how it is written as a key."""
        text = event.value
        if event.tag is None and event.implicit[0]:
            found = self._known.get(text)
            if found is None:
                found = value_and_key(plain_tag(text), text) if text[:1] in self._starts else (text, text)
                if len(self._known) < _MAX_KNOWN:
                    self._known[text] = found
        else:
            found = value_and_key(tag_of(event), text)
        if event.anchor is not None:
            self._name(event, _Anchor(*found, event.start_mark.line + 1))
        return found

    def _begin(self, event: Any, *, is_mapping: bool) -> None:
        """Open a container, which must not be a key."""
        self._count_container()
        if len(self._open) >= MAX_DEPTH:
            raise too_deep()
        if self._open and self._open[-1].is_mapping and self._open[-1].key is None:
            raise _broken(event.start_mark.line + 1, "found unhashable key")
        if event.anchor is not None:
            self._name(event, None)
        self._open.append(_Open(event, is_mapping=is_mapping, before=self._values + self._folded))

    def _count_container(self) -> None:
        """Count a list, a mapping or a document."""
        self._containers += 1
        if self._containers > MAX_CONTAINERS:
            raise BoundError(f"more than {MAX_CONTAINERS} lists and mappings")

    def _end(self) -> tuple[Any, None]:
        """Close the innermost container."""
        ended = self._open.pop()
        value = _typed(ended, _merged(ended) if ended.merges else ended.value)
        if ended.anchor is not None:
            values = self._values + self._folded - ended.before + 1
            self._anchors[ended.anchor] = _Anchor(value, None, ended.line, values, ended.depth)
        if self._open:
            self._open[-1].holds(ended.depth if ended.is_mapping else ended.depth - 1, ended.depth + 1)
        return value, None

    def _name(self, event: Any, anchor: _Anchor | None) -> None:
        """Remember what an anchor names: None while it is open."""
        if event.anchor in self._anchors:
            raise _broken(event.start_mark.line + 1, "second occurrence")
        self._anchors[event.anchor] = anchor

    def _alias(self, event: Any) -> tuple[Any, Any]:
        """Give what an alias stands for, and count it."""
        line = event.start_mark.line + 1
        if event.anchor not in self._anchors:
            raise _broken(line, "found undefined alias")
        found, parent = self._anchors[event.anchor], self._open[-1]
        if found is None or len(self._open) + found.depth > MAX_DEPTH:
            raise too_deep()
        if parent.is_mapping and parent.key is None and found.key is None:
            raise _broken(found.line, "found unhashable key")
        if self._unfold:
            self._values += found.values - 1
        else:
            self._folded += found.values - 1
        parent.holds(found.depth, found.depth + 1)
        return found.value, found.key

    def _put(self, mapping: _Open, value: Any, event: Any) -> None:
        """Put a value under the key that came before it; a merge is made when its mapping ends."""
        key, mapping.key = mapping.key, None
        if key is MERGE_KEY:
            self.has_repeats = self.has_repeats or bool(mapping.merges)
            mapping.merges.append((value, event.start_mark.line + 1))
            self._unfold = True
            self._values, self._folded = self._values + self._folded, 0
        else:
            self.has_repeats = self.has_repeats or key in mapping.value
            mapping.value[key] = value


def _merged(mapping: _Open) -> dict[str, Any]:
    """Copy the entries of other mappings; own entries take precedence, then the first mapping of a list."""
    merged: dict[str, Any] = {}
    for source, line in mapping.merges:
        if not isinstance(source, dict | list):
            raise _broken(line, "expected a mapping or list of mappings for merging, but found scalar")
        for entries in [source] if isinstance(source, dict) else reversed(source):
            if not isinstance(entries, dict):
                found = "sequence" if isinstance(entries, list) else "scalar"
                raise _broken(line, f"expected a mapping for merging, but found {found}")
            merged.update(entries)
    merged.update(mapping.value)
    return merged


def _typed(ended: _Open, value: Any) -> Any:
    """Give a container the form of its tag; what is under an unknown tag is unknown."""
    if ended.is_mapping:
        if ended.tag == _SET:
            return list(value)
        return value if ended.tag in _MAPPINGS else "{…}"
    return value if ended.tag in _SEQUENCES else "[…]"

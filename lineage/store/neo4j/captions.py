"""What Neo4j's browser writes into a node's circle: a `name` for every node, made from what it holds.

The browser chooses one property for all nodes of a label, by the first node that it meets: `name` before any other, and
where there is none whatever comes first, such as a size. So every node has a name and no name is empty. It is for
people: it is written with the node, never read back, and no dump knows of it. Refs and publishers have a `name` of
their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lineage.store.graph import NodeKind, Properties

NAME = "name"

SHOWN_DIGITS = 12
"""Digits of a hash that tell one node of a graph from another; the whole hash is the key."""

_LONG_HASH = re.compile(r"[0-9a-f]{40,}")


def shortened(key: str) -> str:
    """Shorten the hash in a key, and leave out what stands before it: a format's name, a model's."""
    found = _LONG_HASH.search(key)
    return key if found is None else found[0][:SHOWN_DIGITS]


def _file(key: str, properties: Properties) -> str:
    """Call a file by its content; one whose content nothing names by its path, since `at:` is a place."""
    return key.rpartition("/")[2] if key.startswith("at:") else shortened(key)


def _revision(key: str, properties: Properties) -> str:
    title = properties.get("title")
    return title if isinstance(title, str) and title.strip() else shortened(key.rpartition("@")[2])


def _change(key: str, properties: Properties) -> str:
    """Say what happened and whether anybody said so: `retrained silent`."""
    words = (properties.get("kind"), properties.get("verdict"))
    return " ".join(word for word in words if isinstance(word, str))


_CAPTIONS: Mapping[NodeKind, Callable[[str, Properties], object]] = {
    "Model": lambda _, properties: properties.get("id"),
    "Revision": _revision,
    "File": _file,
    "Weights": lambda key, _: shortened(key),
    "Change": _change,
    "Evidence": lambda _, properties: properties.get("rule"),
}

NAMED = frozenset(_CAPTIONS)
"""Kinds whose nodes are given a name. The others' records have a field of that name."""


def caption(kind: NodeKind, key: str, properties: Properties) -> str:
    """Name a node of a kind in NAMED; what says nothing of itself is called by its key."""
    found = _CAPTIONS[kind](key, properties)
    return found if isinstance(found, str) and found.strip() else key

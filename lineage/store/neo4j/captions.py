"""The `name` of a node, which Neo4j's browser writes into the node's circle.

The browser chooses one property for all nodes of a label, from the first node that it shows: `name` if there is one,
else whatever comes first, such as a size. So every node has a `name` that is not empty. It is for readers only: it is
written with the node, dropped when the node is read, and in no dump. The records of refs, publishers and products have
a field `name` of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lineage.store.graph import NodeKind, Properties

NAME = "name"

SHOWN_DIGITS = 12
"""Digits of a hash that are enough to distinguish nodes; the whole hash is in the key."""

_LONG_HASH = re.compile(r"[0-9a-f]{40,}")


def shortened(key: str) -> str:
    """Return the first digits of the hash in a key, without the format or model before it; else the key."""
    found = _LONG_HASH.search(key)
    return key if found is None else found[0][:SHOWN_DIGITS]


def _file(key: str, properties: Properties) -> str:
    """Name a file by its hash, or by its path where no hash is known (`at:`)."""
    return key.rpartition("/")[2] if key.startswith("at:") else shortened(key)


def _revision(key: str, properties: Properties) -> str:
    title = properties.get("title")
    return title if isinstance(title, str) and title.strip() else shortened(key.rpartition("@")[2])


def _change(key: str, properties: Properties) -> str:
    """Name a change by its kind and verdict: `retrained silent`."""
    parts = (properties.get("kind"), properties.get("verdict"))
    return " ".join(part for part in parts if isinstance(part, str))


_CAPTIONS: Mapping[NodeKind, Callable[[str, Properties], object]] = {
    "Model": lambda _, properties: properties.get("id"),
    "Revision": _revision,
    "File": _file,
    "Weights": lambda key, _: shortened(key),
    "Change": _change,
    "Evidence": lambda _, properties: properties.get("rule"),
    "MatchKey": lambda _, properties: properties.get("family"),
}

NAMED = frozenset(_CAPTIONS)
"""Kinds whose nodes get a caption. The records of the others have a field `name`."""


def caption(kind: NodeKind, key: str, properties: Properties) -> str:
    """Return the caption of a node of a kind in NAMED; its key where nothing better is known."""
    found = _CAPTIONS[kind](key, properties)
    return found if isinstance(found, str) and found.strip() else key

"""How a node meets what is stored under its key: one rule a kind, the same on every backend.

| kind | rule |
|---|---|
| Model | replaced; aliases are joined, each observation stays until a newer one comes |
| a model's stub | written where nothing is, or only the key is known; aliases are joined |
| Ref, Revision, Change, Publisher | replaced |
| Weights | filled: a null never erases, the level only rises |
| File | filled: a null never erases; of two aliases the lesser stays |
| Evidence | written once: its key is made from its content |

Edges are replaced (`lineage/store/codec.py` says which go with their source), attachments too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lineage.store.promoted import canonical
from lineage_schemas.ids import split_model_key
from lineage_schemas.level import LEVELS

if TYPE_CHECKING:
    from lineage.store.graph import NodeKind, Properties


def merged(kind: NodeKind, old: Properties, new: Properties) -> Properties:
    """Say what stands under a key after `new` met `old`. Neither is changed."""
    rule = RULES.get(kind)
    return new if rule is None else rule(old, new)


def stub(key: str) -> Properties:
    """Describe a model of which only the key is known."""
    from lineage_schemas.model import Model

    hub, model_id = split_model_key(key)
    return Model(key=key, hub=hub, id=model_id).model_dump(mode="json", exclude={"key"})


def met_by_stub(kind: NodeKind, key: str, old: Properties, new: Properties) -> Properties:
    """Say what stands under a key after a mere name met what is there: that, unless it knows even less."""
    if kind != "Model":
        return old
    aliases = sorted({*(old.get("aliases") or ()), *(new.get("aliases") or ())})
    bare = stub(key)
    knows_less = {**bare, **old, "aliases": []} == bare  # what an older version wrote lacks newer fields
    return {**(new if knows_less else old), "aliases": aliases}


def _model(old: Properties, new: Properties) -> Properties:
    aliases = sorted({*(old.get("aliases") or ()), *(new.get("aliases") or ())})
    before, after = old.get("observations") or {}, new.get("observations") or {}
    observations = {name: _newer(before.get(name), after.get(name)) for name in sorted({*before, *after})}
    return {**new, "aliases": aliases, "observations": observations}


def _newer(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Take the later of two observations; of two at one moment the same whichever comes first."""
    if old is None or new is None:
        return old if new is None else new
    return max(old, new, key=lambda seen: (_instant(seen["observed_at"]), canonical(seen.get("value"))))


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _filled(old: Properties, new: Properties) -> Properties:
    return {**old, **{name: value for name, value in new.items() if value is not None}}


def _weights(old: Properties, new: Properties) -> Properties:
    levels = [level for level in (old.get("level"), new.get("level")) if level in LEVELS]
    return {**_filled(old, new), "level": max(levels, key=LEVELS.index, default=new.get("level"))}


def _file(old: Properties, new: Properties) -> Properties:
    aliases = [alias for alias in (old.get("alias"), new.get("alias")) if alias is not None]
    return {**_filled(old, new), "alias": min(aliases, default=None)}


def _once(old: Properties, new: Properties) -> Properties:
    return old


RULES: Mapping[NodeKind, Callable[[Properties, Properties], Properties]] = {
    "Model": _model,
    "Weights": _weights,
    "File": _file,
    "Evidence": _once,
}
"""Kinds that are not simply replaced."""

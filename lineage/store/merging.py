"""How a written node is merged with the one stored under its key: one rule for each kind, on every backend.

| kind | rule |
|---|---|
| Model | replaced; aliases are united, each observation stays until a newer one is written |
| a model's stub | written where nothing is stored, or only the key is known; aliases are united |
| Ref, Revision, Change, Publisher | replaced |
| Weights | filled: a null never erases, the level only rises |
| File | filled: a null never erases; of two aliases the smaller one stays |
| Evidence | written once: its key is made from its content |

Edges are replaced (`lineage/store/codec.py` lists which of a source are deleted), attachments too.
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
    """Return what to store under a key where `old` is stored and `new` is written. Neither is changed."""
    rule = RULES.get(kind)
    return new if rule is None else rule(old, new)


def stub(key: str) -> Properties:
    """Describe a model of which only the key is known."""
    from lineage_schemas.model import Model

    hub, model_id = split_model_key(key)
    return Model(key=key, hub=hub, id=model_id).model_dump(mode="json", exclude={"key"})


def merged_stub(kind: NodeKind, key: str, old: Properties, new: Properties) -> Properties:
    """Return what to store where the stub `new` is written: `old`, unless `old` holds no more than a name."""
    if kind != "Model":
        return old
    aliases = sorted({*(old.get("aliases") or ()), *(new.get("aliases") or ())})
    bare = stub(key)
    knows_less = {**bare, **old, "aliases": []} == bare  # an older version wrote fewer fields
    return {**(new if knows_less else old), "aliases": aliases}


def _model(old: Properties, new: Properties) -> Properties:
    aliases = sorted({*(old.get("aliases") or ()), *(new.get("aliases") or ())})
    before, after = old.get("observations") or {}, new.get("observations") or {}
    observations = {name: _newer(before.get(name), after.get(name)) for name in sorted({*before, *after})}
    return {**new, "aliases": aliases, "observations": observations}


def _newer(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the later of two observations. Of two at the same moment the choice does not depend on their order."""
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
"""The rules of the kinds that are not simply replaced."""

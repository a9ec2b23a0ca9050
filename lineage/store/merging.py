"""How a written node is merged with the one stored under its key: one rule for each kind, on every backend.

| kind | rule |
|---|---|
| Model | replaced; aliases and former identities are united, each observation stays until a newer one is written |
| a Model's trust | what a Hub said stays until it was asked again |
| a Model's first facts | the earlier stay for ever, the later fill what is null |
| a model's stub | written where nothing is stored, or only the key is known; aliases are united |
| Ref | the later target stays, the other one becomes a former target; no former target is ever lost |
| Revision | replaced; a null does not erase the category |
| Change, Publisher, Product | replaced |
| Weights | filled: a null never erases, the level only rises |
| File | filled: a null never erases; of two aliases the smaller one stays |
| Evidence, MatchKey | written once: its key is made from its content |

Edges are replaced (`lineage/store/codec.py` lists which of a source are deleted), attachments too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    # Each observation is newer by itself: an answer of the Hub without `downloads` keeps the figure of the day before.
    before, after = old.get("observations") or {}, new.get("observations") or {}
    observations = {name: _newer(before.get(name), after.get(name)) for name in sorted({*before, *after})}
    kept = {
        "first": _first(old.get("first"), new.get("first")),
        "former_identities": _identities(
            [*(old.get("former_identities") or ()), *(new.get("former_identities") or ())]
        ),
        "single_folder": old.get("single_folder") if new.get("single_folder") is None else new["single_folder"],
        "trust": _trust(old.get("trust"), new.get("trust")),
    }
    return {**new, **_known(kept, new), "aliases": aliases, "observations": observations}


def _known(kept: Properties, new: Properties) -> Properties:
    """Leave out what says nothing and is not in the written row: a row that lacks a field may be copied as it is."""
    return {name: value for name, value in kept.items() if name in new or value not in (None, [])}


def _newer(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the later of two observations. Of two at the same moment the choice does not depend on their order."""
    if old is None or new is None:
        return old if new is None else new
    return max(old, new, key=lambda seen: (_instant(seen["observed_at"]), canonical(seen.get("value"))))


def _trust(old: Properties | None, new: Properties | None) -> Properties | None:
    """Unite what a Hub said of a model: each part as it was asked for last."""
    if old is None or new is None:
        return old if new is None else new
    parts = {}
    for name in sorted({*old, *new}):
        known = [each[name] for each in (old, new) if each.get(name) is not None]
        parts[name] = max(known, key=lambda said: (_instant(said["asked_at"]), canonical(said)), default=None)
    return parts


def _first(old: Properties | None, new: Properties | None) -> Properties | None:
    """Unite what was first observed of a model, whichever is written first.

    The values of the earlier observation stay, and the later one fills what is null. Without both dates the stored one
    counts as the earlier.
    """
    if old is None or new is None:
        return old if new is None else new
    before, after = old.get("observed_at"), new.get("observed_at")
    new_is_earlier = before is not None and after is not None and _instant(after) < _instant(before)
    return _filled(old, new) if new_is_earlier else _filled(new, old)


def _identities(found: Iterable[Properties]) -> list[Properties]:
    """Unite former identities: of those that differ in their dates of observation only, the earliest stays."""
    united: dict[str, Properties] = {}
    for each in found:
        facts = canonical({**each, "observed_at": None})
        united[facts] = _first(united.get(facts), each) or each
    return [united[facts] for facts in sorted(united)]


def _ref(old: Properties, new: Properties) -> Properties:
    """Return the ref that was read later, with every target that either of the two has or had.

    Of two readings with a date the later one counts, whichever is written first, so that a backup or a slow process
    cannot move a ref back. Without both dates the written one counts.
    """
    # Example: `main` was read at commit A on Monday and at B on Tuesday. Whichever row is written last, the result is
    #   {target: B, since: Tuesday, former: [{target: A, first_read: Monday, last_read: Monday}]}
    # A third row, A on Wednesday, gives the target A since Wednesday, and both A and B are former targets.
    later, earlier = (old, new) if _is_read_later(old, new) else (new, old)
    since, read = later.get("since"), earlier.get("since")
    former = [*(old.get("former") or ()), *(new.get("former") or ())]
    if earlier.get("target") == later.get("target") and (since is None or read is None):
        since = since or read
    elif (earlier.get("target"), read) != (later.get("target"), since):
        former.append({"target": earlier.get("target"), "first_read": read, "last_read": read})
    return {**later, **_known({"since": since, "former": _former(former)}, later)}


def _is_read_later(ref: Properties, than: Properties) -> bool:
    """Return whether dates say that a ref was read after another one; at one moment the larger target counts."""
    mine, other = ref.get("since"), than.get("since")
    if mine is None or other is None:
        return False
    return (_instant(mine), str(ref.get("target"))) > (_instant(other), str(than.get("target")))


def _former(found: Iterable[Properties]) -> list[Properties]:
    """Unite former targets: one entry for each commit, with its first and its last date."""
    dates: dict[str, dict[str, list[str]]] = {}
    for each in found:
        seen = dates.setdefault(each["target"], {"first_read": [], "last_read": []})
        for name, known in seen.items():
            known += [each[name]] if each.get(name) is not None else []
    return [
        {
            "target": target,
            "first_read": min(seen["first_read"], key=_moment, default=None),
            "last_read": max(seen["last_read"], key=_moment, default=None),
        }
        for target, seen in sorted(dates.items())
    ]


def _moment(text: str) -> tuple[datetime, str]:
    """Order dates by time; two texts of one moment by their text, so that their order makes no difference."""
    return _instant(text), text


def _revision(old: Properties, new: Properties) -> Properties:
    category = old.get("category") if new.get("category") is None else new["category"]
    return {**new, **_known({"category": category}, new)}


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _filled(old: Properties, new: Properties) -> Properties:
    return {**old, **{name: value for name, value in new.items() if value is not None}}


def _weights(old: Properties, new: Properties) -> Properties:
    # A reading of headers after one of whole files knows no digests of tensors: the older row's digests and its level
    # `full` stay. Levels are ordered by what they read, and not by name.
    levels = [level for level in (old.get("level"), new.get("level")) if level in LEVELS]
    return {**_filled(old, new), "level": max(levels, key=LEVELS.index, default=new.get("level"))}


def _file(old: Properties, new: Properties) -> Properties:
    # One content has one blob id. If two readings give two, one is wrong; the smaller stays, whichever is written last.
    aliases = [alias for alias in (old.get("alias"), new.get("alias")) if alias is not None]
    return {**_filled(old, new), "alias": min(aliases, default=None)}


def _once(old: Properties, new: Properties) -> Properties:
    return old


RULES: Mapping[NodeKind, Callable[[Properties, Properties], Properties]] = {
    "Model": _model,
    "Ref": _ref,
    "Revision": _revision,
    "Weights": _weights,
    "File": _file,
    "Evidence": _once,
    "MatchKey": _once,
}
"""The rules of the kinds that are not simply replaced."""

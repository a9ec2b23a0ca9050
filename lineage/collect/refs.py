"""The refs of a model as they are read now, with the targets that earlier readings saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lineage.store.merging import merged
from lineage.store.records import record_of
from lineage_schemas.ids import ref_key
from lineage_schemas.ref import FormerTarget, Ref

if TYPE_CHECKING:
    from lineage.store.interface import StoreView
    from lineage_schemas.history import History

_A_MOMENT = timedelta(microseconds=1)


class KnownRef(NamedTuple):
    """Hold a recorded ref, and the date of the last reading that is known to have seen it at its target."""

    ref: Ref
    last_read: datetime | None


def present_refs(
    view: StoreView, key: str, history: History, former: Mapping[str, str], now: datetime
) -> Iterator[Ref]:
    """Yield the refs of a history as they are recorded now: with the mark of the last check, and with former targets.

    `former` maps the old keys of renamed models to new ones: a ref is followed across the rename.
    """
    known = _known_refs(view, key, former)
    for ref in history.refs:
        is_default = ref.name == history.default_branch
        read = Ref(
            key=ref_key(key, ref.name), model=key, name=ref.name, kind=ref.kind, target=ref.target,
            is_default=is_default, since=now,
        )  # fmt: skip
        yield read_again(known[ref.name], read) if ref.name in known else read


def read_again(known: KnownRef, read: Ref) -> Ref:
    """Return a ref as it is read now, with everything that is known of it: pure, for a ref that moved or did not.

    `read` is the present reading, `read.since` its date. If the target is the recorded one, the date of the first
    reading that saw it there stays, also where that date is not known. Else the recorded target becomes a former one,
    and the new one is dated after it, also by a clock that was set back: the store takes the later date as the present
    state.
    """
    stored = known.ref.model_copy(update={"key": read.key, "model": read.model})
    now = read.since
    if stored.target == read.target:
        now = stored.since
    elif stored.since is not None and now is not None:
        now = max(now, stored.since + _A_MOMENT)
    read_before = [date for date in (stored.since, known.last_read) if date is not None]
    left = FormerTarget(target=stored.target, first_read=stored.since, last_read=max(read_before, default=None))
    later = read.model_copy(
        update={
            "since": now, "checked": stored.checked, "former": () if stored.target == read.target else (left,),
        }
    )  # fmt: skip
    rows = (ref.model_dump(mode="json") for ref in (stored, later))
    return Ref.model_validate(merged("Ref", *rows))


def _known_refs(view: StoreView, key: str, former: Mapping[str, str]) -> dict[str, KnownRef]:
    """Find the recorded refs of a model by name; if the model had another name before, those too.

    Every collection of a model reads all branches and tags, so that its date is that of their last reading. It is not
    that of a vanished ref, nor of pull requests, which are read on request only.
    """
    names = [*(old for old, new in former.items() if new == key), key]
    models = view.nodes("Model", names)
    found: dict[str, KnownRef] = {}
    for name in names:
        collected_at = models.get(name, {}).get("collected_at")
        last_read = None if collected_at is None else datetime.fromisoformat(collected_at)
        for row in view.find("Ref", {"model": name}):
            ref = record_of("Ref", row)
            was_read = not ref.vanished and ref.kind != "pull_request"
            found[ref.name] = KnownRef(ref, last_read if was_read else None)
    return found

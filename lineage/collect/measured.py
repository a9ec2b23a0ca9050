"""What a reading means for the edges of the graph: its weights with their match keys, as the store will hold them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from lineage.collect.at_rest import declared_of_reading
from lineage.collect.descent import Descent, NewWeights, descent
from lineage.collect.members import Dates, KnownWeights, MemberReader, Present, WeightsRead
from lineage.fingerprint.match_keys import match_keys
from lineage.store.records import record_of
from lineage_schemas.ids import revision_key
from lineage_schemas.match_key import WeightsKeys

if TYPE_CHECKING:
    from lineage.collect.reading import ModelReading
    from lineage.derivation.side import Side
    from lineage.store.interface import StoreView
    from lineage_schemas.change import Change
    from lineage_schemas.weights import GroupWeights


def measured_descent(
    view: StoreView, known: KnownWeights, reading: ModelReading, former: Collection[str], keys: Iterable[WeightsKeys]
) -> Descent:
    """Work out the edges of a model that was read, and those of the models that are or were related to it.

    Nothing is worked out, and all stored edges stay, where the reading changes nothing that they follow from.
    """
    key, present = reading.key, _present(view, reading)
    if not former and _is_settled(view, present, reading, keys := tuple(keys)):
        return Descent()
    new = NewWeights(_read(reading), {each.weights: each for each in keys})
    now: dict[str, Present | None] = {**dict.fromkeys(former), key: present}
    return descent(view, known, [key, *former], now, new)


def _is_settled(view: StoreView, present: Present, reading: ModelReading, keys: Iterable[WeightsKeys]) -> bool:
    """Return whether the store's edges are those of this reading already: the same weights, declarations and dates.

    Edges follow from the store alone, so that a model that is read again unchanged changes none of them.
    """
    stored = MemberReader(view, KnownWeights(), {}, {}).present(present.key)
    if stored != present:
        return False
    known = {(source, target) for source, target in view.neighbours("HAS_KEY", [each.weights for each in keys], "out")}
    if any((each.weights, key.key) not in known for each in keys for key in each.keys):
        return False
    sketches = reading.weights.samples.attachments()
    return all(view.attachment(each.kind, each.key) == each.data for each in sketches)


def keys_of_reading(view: StoreView, reading: ModelReading) -> tuple[WeightsKeys, ...]:
    """Make the match keys of the weights at the commit that was read, of all that is known of them."""
    groups = {each.weights: each.group.name for each in _groups(reading)}
    reader = MemberReader(view, KnownWeights(), {}, _read(reading))
    return _keys_of((digest, reader.side(digest, name)) for digest, name in sorted(groups.items()))


def lacking_keys(view: StoreView, models: Iterable[str]) -> tuple[WeightsKeys, ...]:
    """Make the match keys of stored models that have none: an older version, or an import, stored their weights."""
    reader = MemberReader(view, KnownWeights(), {}, {})
    present = [each for key in models if (each := reader.present(key)) is not None and each.digest is not None]
    having = {source for source, _ in view.neighbours("HAS_KEY", [each.digest or "" for each in present], "out")}
    lacking = {each.digest or "": each.group for each in present if each.digest not in having}
    return _keys_of((digest, reader.side(digest, group)) for digest, group in sorted(lacking.items()))


def _keys_of(sides: Iterable[tuple[str, Side]]) -> tuple[WeightsKeys, ...]:
    keys = ((digest, match_keys(side.sketch, side.rows, side.arch)) for digest, side in sides)
    return tuple(WeightsKeys(weights=digest, keys=found) for digest, found in keys if found)


def _groups(reading: ModelReading) -> list[GroupWeights]:
    """List the weight groups at the commit that was read."""
    own = revision_key(reading.key, reading.snapshot.commit)
    return [each for each in reading.weights.group_weights if each.revision == own]


def _read(reading: ModelReading) -> dict[str, WeightsRead]:
    """Map the digests of weights to what the reading knows of them."""
    attached = {(each.kind, each.key): each.data for each in reading.weights.attachments}
    return {
        each.key: WeightsRead(
            each.model_dump(), attached.get(("tensors", each.key)), attached.get(("sketch", each.key))
        )
        for each in reading.weights.weights
    }


def _present(view: StoreView, reading: ModelReading) -> Present:
    """Describe the model as it will be stored."""
    head, groups = reading.snapshot.commit, _groups(reading)
    digests = {each.weights for each in groups}
    main = min(groups, key=lambda each: (not each.group.main, each.group.name, each.weights), default=None)
    return Present(
        reading.key,
        head,
        main.weights if main else None,
        main.group.name if main else "",
        declared_of_reading(view, reading.key, head, reading.derivation.evidence, digests),
        Dates.of(_changes(view, reading)),
    )


def _changes(view: StoreView, reading: ModelReading) -> list[Change]:
    """List the changes of a model as they will be stored: an incomplete history leaves the stored ones."""
    found = {change.key: change for report in reading.lines for change in report.changes}
    if reading.history.incomplete is None:
        return list(found.values())
    stored = (record_of("Change", row) for row in view.find("Change", {"model": reading.key}))
    return [*found.values(), *(each for each in stored if each.key not in found)]

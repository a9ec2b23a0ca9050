"""What a standard loader takes before and after a push, where pairing groups does not show it.

Pairing follows content: shards that stay are the same group, whatever is uploaded beside them. A loader follows names
and the index: it takes one file before shards, and the shards that the index lists. So a set may stay untouched while
loaders stop taking it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from lineage.fingerprint.groups import INDEX, shard_name
from lineage.versioning.groups import QUANTISED, Pairing, PlacedGroup, stem
from lineage.versioning.indexes import Placement, UnreadIndex, candidates, set_of_index
from lineage_schemas.file import FileVersion
from lineage_schemas.weight_group import WeightGroup

LOADED_STEMS = frozenset(
    {"model", "pytorch_model", "tf_model", "flax_model", "diffusion_pytorch_model", "adapter_model"}
)
"""Stems under which transformers, diffusers and PEFT look for weights, one for each format of the same model."""


def replaced_for_loaders(
    before: Mapping[str, PlacedGroup],
    after: Mapping[str, PlacedGroup],
    pairs: Iterable[Pairing],
    unread: Collection[tuple[str, str | None]] = (),
) -> Iterator[Pairing]:
    """Pair groups that loaders take for each other although pairing found another fate for both.

    The name of a group goes to what a standard loader takes under it; a set that it does not take is called by its
    number of shards. So a name, or an index, that means other files than before is a replacement. A group that is gone
    is none of these: it was removed. In the folders and formats of `unread` indexes it is not known which shards are
    loaded, but a whole file still comes first. The main group is looked at too: files beside the weights decide it.
    """
    pairs = list(pairs)
    became = {id(pair.before): pair.after for pair in pairs if pair.before}
    for new in after.values():
        known = new.group.declared_shards is None or new.place not in unread
        for old in (before.get(new.group.name), _of_same_index(before, after, new), _main_before(before, new, pairs)):
            kept = became.get(id(old)) if old else None
            if old and kept and kept is not new and known and old.identities != new.identities:
                yield Pairing(old, new)
                break


def _main_before(before: Mapping[str, PlacedGroup], new: PlacedGroup, pairs: Iterable[Pairing]) -> PlacedGroup | None:
    """Find the main group before where another group that was there already is the main one now.

    The presence of `config.json`, `params.json` and `model_index.json` decides which one is loaded. Quantisations are
    picked by file name.
    """
    if not new.group.main or new.group.format in QUANTISED:
        return None
    stayed = any(pair.after is new and pair.before and not pair.before.group.main for pair in pairs)
    return next((placed for placed in before.values() if placed.group.main), None) if stayed else None


def _of_same_index(
    before: Mapping[str, PlacedGroup], after: Mapping[str, PlacedGroup], new: PlacedGroup
) -> PlacedGroup | None:
    """Find the set that an index listed before, unless a whole file beside it is taken first."""
    index = new.group.index
    if index is None:
        return None
    alone = after.get(index[: index.rindex(".index.")])
    if alone and alone is not new and alone.group.declared_shards is None:
        return None
    return next((placed for placed in before.values() if placed.group.index == index), None)


def converted_main(
    before: Mapping[str, PlacedGroup], after: Mapping[str, PlacedGroup], pairs: Iterable[Pairing]
) -> Pairing | None:
    """Pair the main group before with a new one in another format that loaders prefer to it, while both are there.

    Quantisations are picked by file name: one more beside another is not a replacement.
    """
    old, new = (next((placed for placed in side.values() if placed.group.main), None) for side in (before, after))
    if not old or not new or _loaded_as(old) is None or _loaded_as(old) != _loaded_as(new):
        return None
    stays = any(pair.before is old and pair.after and pair.after is not new for pair in pairs)
    added = any(pair.before is None and pair.after is new for pair in pairs)
    return Pairing(old, new) if stays and added and old.group.format != new.group.format else None


def _loaded_as(placed: PlacedGroup) -> tuple[str, str | None, bool] | None:
    """Name the place in which a library looks for a group's weights; None where people pick the file by name."""
    group = placed.group
    if group.format in QUANTISED or stem(group) not in LOADED_STEMS:
        return None
    return group.component, group.variant, stem(group) == "adapter_model"


def undecided_indexes(
    before: Placement, after: Placement, old: Mapping[str, FileVersion], new: Mapping[str, FileVersion]
) -> Iterator[tuple[str, UnreadIndex]]:
    """Give the unread indexes that matter to a push: it changed them, or shards among which they decide."""
    for path, why in sorted({**before.unread, **after.unread}.items()):
        among = [*candidates(before.groups, path), *candidates(after.groups, path)]
        paths = {path, *(file for placed in among for file in placed.files)}
        if any(old.get(each) != new.get(each) for each in paths):
            yield path, why


def sets_without_index(
    groups: Mapping[str, PlacedGroup], old: Mapping[str, FileVersion], new: Mapping[str, FileVersion]
) -> Iterator[tuple[WeightGroup, WeightGroup]]:
    """Give the rival sets of a tree where a push changed one of them or the index that listed one."""
    for one, other in rival_sets([placed.group for placed in groups.values()], new):
        listed = (path for path in old if INDEX.search(path) and set_of_index(path) == (one.component, one.format))
        if any(old.get(path) != new.get(path) for path in (*listed, *one.files, *other.files)):
            yield one, other


def rival_sets(groups: Iterable[WeightGroup], paths: Collection[str]) -> Iterator[tuple[WeightGroup, WeightGroup]]:
    """Give two complete sets of shards of one stem, where the tree has no index that could list either.

    Names do not show which of them is the model. A whole file of that name comes before both, and quantisations are
    picked by file name.
    """
    listed = {set_of_index(path) for path in paths if INDEX.search(path)}
    sets: dict[str, list[WeightGroup]] = {}
    whole = set()
    for group in groups:
        if group.declared_shards is None:
            whole.add(group.name)
        elif group.complete and group.format not in QUANTISED and (group.component, group.format) not in listed:
            sets.setdefault(shard_name(group.files[0]).group, []).append(group)
    for name, alike in sets.items():
        if len(alike) > 1 and name not in whole:
            yield alike[0], alike[1]

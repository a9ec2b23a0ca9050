"""Kinds of change: what a push did to each weight group, first by names and hashes, then by what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lineage.errors import few
from lineage.fingerprint.groups import INDEX
from lineage.fingerprint.weight_files import is_weight_file
from lineage.versioning.contents import Contents
from lineage.versioning.groups import Pairing, PlacedGroup, pair_groups, stem
from lineage.versioning.indexes import Indexes, Placement, candidates, moved_indexes, set_of_index
from lineage.versioning.line import PushTrees
from lineage.versioning.loaded import converted_main, replaced_for_loaders, sets_without_index, undecided_indexes
from lineage_schemas.change import COUNTING_KINDS, ChangeKind, GroupChange, Replacement
from lineage_schemas.file import FileVersion
from lineage_schemas.unchecked import Unchecked

STRENGTH: tuple[ChangeKind, ...] = (
    "reshaped", "retrained", "partial", "replaced", "requantised", "cast", "removed", "unknown",
    "component_added", "format_added", "renamed", "reserialised", "checkpoint", "first_upload",
)  # fmt: skip
"""Strongest first: a push has the strongest kind of its groups."""

WHOLE_MODEL_STEMS = frozenset(
    {"model", "pytorch_model", "tf_model", "flax_model", "rust_model", "adapter_model", "diffusion_pytorch_model",
     "openvino_model", "consolidated", "decoder_model", "encoder_model", "decoder_model_merged"}
)  # fmt: skip
"""Stems under which libraries keep a whole model: a new format of one is the same model, not a new component."""


_Found = tuple[GroupChange, Pairing]
"""A group's change with the groups before and after it."""


@dataclass(frozen=True)
class WeightPush:
    """Hold a push that touched weight groups: its trees, its groups' changes, and the groups to compare.

    `pairs` gives for each group change (same order) the groups before and after. `after` are all groups that are there
    after the push. `continues` marks a push that only adds shards which an earlier one left out, `on_inherited` the
    first upload of a branch that began with the weights of another. `unchecked` lists the indexes that decide what
    loaders take and could not be read.
    """

    trees: PushTrees
    groups: tuple[GroupChange, ...]
    pairs: tuple[Pairing, ...]
    after: Mapping[str, PlacedGroup]
    replacements: tuple[Replacement, ...] = ()
    continues: bool = False
    on_inherited: bool = False
    unchecked: tuple[Unchecked, ...] = ()

    @property
    def kind(self) -> ChangeKind:
        """Give the strongest kind of the groups."""
        return strongest(change.kind for change in self.groups)

    @property
    def counts(self) -> bool:
        """Return whether a user who updates gets something different."""
        return self.kind in COUNTING_KINDS and not self.continues


@dataclass
class _Past:
    """Remember along a line: how each group began, and the groups that were there last.

    `placement` belongs to `tree`, the one after the last push. `all_gone` says that the line has no weights now
    although it had, `own` that a branch has had weights that are not inherited.
    """

    begun: dict[str, ChangeKind] = field(default_factory=dict)
    groups: Mapping[str, PlacedGroup] = field(default_factory=dict)
    all_gone: bool = False
    own: bool = False
    tree: Mapping[str, FileVersion] = field(default_factory=dict)
    placement: Placement = field(default_factory=lambda: Placement({}, {}))


def strongest(kinds: Iterable[ChangeKind]) -> ChangeKind:
    """Pick the strongest of some kinds."""
    return min(kinds, key=STRENGTH.index)


def weight_pushes(
    trees: Iterable[PushTrees], indexes: Indexes, contents: Contents, own_from: int | None = None
) -> Iterator[WeightPush]:
    """Go along the pushes of a line, oldest first, and give those that changed weight groups, or which of them load.

    Here content is compared by hash only; `lineage.versioning.measured` reads the bytes. From position `own_from` on a
    branch is its own: the first push from there that brings weights is its first upload.
    """
    past = _Past()
    for push in trees:
        if push.before == push.after:
            continue
        before = past.placement if push.before == past.tree else indexes.placed(push.push.base or "", push.before)
        after = indexes.placed(push.push.revisions[-1], push.after)
        if moved := moved_indexes(before, after, push.before, push.after):
            before = indexes.placed(push.push.base or "", push.before, moved)
            after = indexes.placed(push.push.revisions[-1], push.after, moved)
        was, now = contents.with_aliases(past.groups if past.all_gone else before.groups, after.groups)
        before, after = before._replace(groups=was), after._replace(groups=now)
        pairs = _pairs(before.groups, after.groups, past)
        found = [(change, pair) for pair in pairs if (change := _group_change(pair, past))]
        if not past.all_gone:
            found = _as_loaded(push, before, after, pairs, found)
        unchecked = (*_unchecked(push, before, after), *_unchecked_data(pairs))
        if unchecked and not found:
            found = [_unknown(push, before, after)]
        unread = [item for change, pair in found if change.kind == "replaced" for item in contents.unchecked(pair)]
        if found:
            brings = any(change.kind not in _BRINGS_NOTHING for change, _ in found)
            own = own_from is not None and push.first >= own_from and brings and not past.own
            past.own = past.own or own
            weighty = _weight_push(push, found, after.groups, past, (*unchecked, *unread), first=own or not past.groups)
            past.begun |= {change.group: change.kind for change in weighty.groups}
            yield weighty
        past.tree, past.placement = push.after, after
        past.all_gone = bool(past.groups) and not after.groups
        past.groups = after.groups or past.groups


_BRINGS_NOTHING: frozenset[ChangeKind] = frozenset({"removed", "renamed", "unknown"})
"""Kinds of groups in a push that brings no new file."""


def _pairs(before: Mapping[str, PlacedGroup], after: Mapping[str, PlacedGroup], past: _Past) -> list[Pairing]:
    """Pair the groups before and after; what comes back is compared with what was there when all went."""
    if past.all_gone:
        return [pair for pair in pair_groups(before, after, any_variant=True) if pair.after]
    return pair_groups(before, after)


def _as_loaded(
    push: PushTrees, before: Placement, after: Placement, pairs: list[Pairing], found: list[_Found]
) -> list[_Found]:
    """Put replacements of what loaders take in the place of the additions that pairing found."""
    names = {id(pair.before): pair.after.group.name for pair in pairs if pair.before and pair.after}
    unread = {set_of_index(path) for path in (*before.unread, *after.unread)}
    for swap in replaced_for_loaders(before.groups, after.groups, pairs, unread):
        assert swap.before is not None
        found = [(change, pair) for change, pair in found if pair.after is not swap.after]
        found.append((_replaced(push, swap, f"loaded instead of {names[id(swap.before)]}, which stays"), swap))
    if converted := converted_main(before.groups, after.groups, pairs):
        found = [(change, converted if pair.after is converted.after else pair) for change, pair in found]
    return sorted(found, key=lambda item: item[0].group)


def _replaced(push: PushTrees, swap: Pairing, note: str) -> GroupChange:
    """Describe that a loader takes other files.

    `files` are those of both sides, and indexes, that the push touched; where it touched none of these, the files
    beside them that it added or removed and that decide what is loaded, such as `config.json`.
    """
    assert swap.before is not None
    assert swap.after is not None
    paths = {*swap.before.files, *swap.after.files, swap.after.group.index, swap.before.group.index} - {None}
    files = {path for path in paths if path and push.before.get(path) != push.after.get(path)}
    if not files:
        files = {path for path in (*push.before, *push.after) if (path in push.before) != (path in push.after)}
    return GroupChange(
        group=swap.name,
        kind="replaced",
        files=tuple(sorted(files)),
        before=swap.before.digest,
        after=swap.after.digest,
        note=note,
    )


def _unchecked(push: PushTrees, before: Placement, after: Placement) -> Iterator[Unchecked]:
    """List what leaves open which shards loaders take: an index that was not read, or two sets without an index."""
    for path, why in undecided_indexes(before, after, push.before, push.after):
        yield Unchecked(
            what=f"shards that {path} lists at {push.push.revisions[-1][:12]}",
            reason=f"the index lists the shards that are loaded, and it was not read: {why.reason}",
            decide_with=f"lineage check {push.push.model}" if why.again else None,
        )
    for one, other in sets_without_index(after.groups, push.before, push.after):
        yield Unchecked(
            what=f"which shards are loaded at {push.push.revisions[-1][:12]}",
            reason=f"two complete sets have the same name, {one.name} and {other.name}, and no index lists one of them",
        )


def _unchecked_data(pairs: Iterable[Pairing]) -> Iterator[Unchecked]:
    """Say of which files that a push changed it is not known whether they hold a group's tensors."""
    for pair in pairs:
        changed = _loose_changes(pair)
        loose = (pair.after and pair.after.loose) or (pair.before and pair.before.loose)
        if changed and loose and pair.after:
            yield Unchecked(
                what=f"whether {few(changed)} {'hold' if len(changed) > 1 else 'holds'} tensors of {pair.name}",
                reason=f"the .onnx file, which names its data, could not be read: {loose.reason}",
                decide_with=loose.decide_with,
            )


def _loose_changes(pair: Pairing) -> list[str]:
    """List the files that a push changed and that may belong to a group; none where the group came or went."""
    if not pair.before or not pair.after:
        return []
    was, now = (dict(side.loose.files) if side.loose else {} for side in (pair.before, pair.after))
    held = {*pair.before.files, *pair.after.files}
    return sorted(path for path in {*was, *now} - held if was.get(path) != now.get(path))


def _unknown(push: PushTrees, before: Placement, after: Placement) -> _Found:
    """Describe a push that changed nothing but an unread index, or removed the index of two sets."""
    path = next((path for path, _ in undecided_indexes(before, after, push.before, push.after)), None)
    if path:
        group = next(iter(candidates(after.groups, path)), None) or next(iter(candidates(before.groups, path)))
    else:
        group = after.groups[next(sets_without_index(after.groups, push.before, push.after))[0].name]
    gone = (each for each in push.before if each not in push.after and INDEX.search(each))
    files = (path,) if path else tuple(sorted(gone))
    change = GroupChange(group=group.group.name, kind="unknown", files=files, note="the index changed")
    return change, Pairing(group, group)


def _weight_push(
    push: PushTrees,
    found: list[_Found],
    after: Mapping[str, PlacedGroup],
    past: _Past,
    unchecked: tuple[Unchecked, ...],
    *,
    first: bool,
) -> WeightPush:
    """Put the groups' changes of one push together."""
    changes, pairs = [change for change, _ in found], [pair for _, pair in found]
    if first:
        note = "the first weights of this branch's own" if past.groups else None
        changes = [change.model_copy(update={"kind": "first_upload", "note": note}) for change in changes]
    written = {path: number for path, number in sorted(push.written.items()) if is_weight_file(path)}
    return WeightPush(
        push,
        tuple(changes),
        tuple(pairs),
        after,
        tuple(Replacement(path=p, times=n) for p, n in written.items() if _is_listed(push, p, n, first=first)),
        continues=not first and all(_continues(pair) for pair in pairs),
        on_inherited=first and bool(past.groups),
        unchecked=() if first else unchecked,
    )


def _is_listed(push: PushTrees, path: str, written: int, *, first: bool) -> bool:
    """Return whether a path was replaced more than once, or in a first upload at all.

    A first content replaces nothing. What a first upload replaces is in no other number of the answer.
    """
    return written > (1 if path in push.before or first else 2)


def _group_change(pair: Pairing, past: _Past) -> GroupChange | None:
    """Describe what a push did to one group; None where it did nothing to it."""
    old, new = pair.before, pair.after
    if old and new and dict(old.files) == dict(new.files) and not past.all_gone:
        loose = _loose_changes(pair)
        what = "may hold its tensors"
        return GroupChange(group=pair.name, kind="unknown", files=tuple(loose), note=what) if loose else None
    kind, note = _kind(pair, past)
    return GroupChange(
        group=pair.name,
        kind=kind,
        files=tuple(sorted(_touched(old, new) or (new.files if new else ()))),
        before=old.digest if old else None,
        after=new.digest if new else None,
        note=note,
    )


def _touched(old: PlacedGroup | None, new: PlacedGroup | None) -> set[str]:
    """List the paths of a group that were added, replaced or removed."""
    was, now = (old.files if old else {}), (new.files if new else {})
    return {path for path in {*was, *now} if was.get(path) != now.get(path)}


def _kind(pair: Pairing, past: _Past) -> tuple[ChangeKind, str | None]:
    """Find one group's kind by names and hashes alone."""
    old, new = pair.before, pair.after
    if old and new:
        return _kind_of_both(old, new, past)
    if old:
        return "removed", None
    assert new is not None
    return _kind_of_new(new, past.groups), None


def _kind_of_both(old: PlacedGroup, new: PlacedGroup, past: _Past) -> tuple[ChangeKind, str | None]:
    if old.holds_the_same(new):
        if old.digest != new.digest:
            in_lfs = any(version.sha256 for version in new.files.values())
            return "reserialised", f"the same bytes, {'now' if in_lfs else 'no longer'} in git LFS"
        return "renamed", "came back unchanged" if past.all_gone else None
    if _continues(Pairing(old, new)):
        return past.begun.get(old.group.name, "first_upload"), "adds the missing shards of an earlier push"
    if sorted(old.identities) == sorted(new.identities):
        return "replaced", "files exchanged their contents"
    if old.group.format != new.group.format:
        return "replaced", f"{old.group.format}→{new.group.format}"
    if old.group.name != new.group.name:
        return "replaced", f"was {old.group.name}"
    return "replaced", None


def _kind_of_new(new: PlacedGroup, before: Mapping[str, PlacedGroup]) -> ChangeKind:
    """Distinguish a further format of the same model from other parameters beside it.

    A format that is there already, in the same folder or under the same stem (a checkpoint, another part of a
    pipeline), holds other parameters.
    """
    beside = list(before.values())
    stems = {stem(group.group) for group in beside}
    whole = stem(new.group) in WHOLE_MODEL_STEMS | stems or new.group.format in {"gguf", "onnx"}
    alike = [group for group in beside if group.group.format == new.group.format]
    taken = any(g.group.component == new.group.component or stem(g.group) == stem(new.group) for g in alike)
    return "format_added" if beside and whole and not taken else "component_added"


def _continues(pair: Pairing) -> bool:
    """Return whether a push only adds shards that are missing from an incomplete set."""
    old, new = pair.before, pair.after
    if not old or not new or old.group.complete is not False:
        return False
    same_set = old.group.declared_shards == new.group.declared_shards
    return same_set and len(new.files) > len(old.files) and all(new.files.get(p) == v for p, v in old.files.items())


def with_groups(push: WeightPush, groups: Iterable[GroupChange]) -> WeightPush:
    """Return the same push with other changes of its groups."""
    return replace(push, groups=tuple(groups))

"""Kinds of change: what a push did to each weight group, first by names and hashes, then by what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lineage.versioning.groups import Pairing, PlacedGroup, pair_groups, placed_groups, stem
from lineage.versioning.line import PushTrees
from lineage_schemas.change import COUNTING_KINDS, ChangeKind, GroupChange, Replacement

STRENGTH: tuple[ChangeKind, ...] = (
    "reshaped", "retrained", "partial", "replaced", "requantised", "cast", "removed",
    "component_added", "format_added", "renamed", "reserialised", "checkpoint", "first_upload",
)  # fmt: skip
"""Strongest first: a push has the strongest kind of its groups."""

WHOLE_MODEL_STEMS = frozenset(
    {"model", "pytorch_model", "tf_model", "flax_model", "rust_model", "adapter_model", "diffusion_pytorch_model",
     "openvino_model", "consolidated", "decoder_model", "encoder_model", "decoder_model_merged"}
)  # fmt: skip
"""Stems under which libraries keep a whole model: a new format of one is the same model, not a new component."""


@dataclass(frozen=True)
class WeightPush:
    """Hold a push that touched weight groups: its trees, its groups' changes, and the groups to compare.

    `pairs` gives for each group change (same order) what stood before and after. `continues` marks a push that only
    adds shards which an earlier one left out.
    """

    trees: PushTrees
    groups: tuple[GroupChange, ...]
    pairs: tuple[Pairing, ...]
    replacements: tuple[Replacement, ...] = ()
    continues: bool = False

    @property
    def kind(self) -> ChangeKind:
        """Give the strongest kind of the groups."""
        return strongest(change.kind for change in self.groups)

    @property
    def counts(self) -> bool:
        """Say whether a user who updates gets something different."""
        return self.kind in COUNTING_KINDS and not self.continues


@dataclass
class _Past:
    """Remember along a line: how each group began, and the groups that stood there last.

    `all_gone` says that the line has no weights now although it had.
    """

    begun: dict[str, ChangeKind] = field(default_factory=dict)
    groups: Mapping[str, PlacedGroup] = field(default_factory=dict)
    all_gone: bool = False


def strongest(kinds: Iterable[ChangeKind]) -> ChangeKind:
    """Pick the strongest of some kinds."""
    return min(kinds, key=STRENGTH.index)


def weight_pushes(trees: Iterable[PushTrees]) -> Iterator[WeightPush]:
    """Go along the pushes of a line, oldest first, and give those that changed weight groups.

    Content is told apart by hash only here; `lineage.versioning.measured` looks into the bytes.
    """
    past = _Past()
    for push in trees:
        if push.before == push.after:
            continue
        after = placed_groups(push.push.revisions[-1], push.after)
        found = [(change, pair) for pair in _pairs(push, after, past) if (change := _group_change(pair, past))]
        weighty = _weight_push(push, [change for change, _ in found], [pair for _, pair in found], past)
        if found:
            yield weighty
        past.groups = after or past.groups
        past.all_gone = not after
        for change in weighty.groups:
            past.begun[change.group] = change.kind


def _pairs(push: PushTrees, after: Mapping[str, PlacedGroup], past: _Past) -> list[Pairing]:
    """Pair what stood before with what stands after; what comes back is compared with what was when all went."""
    if past.all_gone:
        return [pair for pair in pair_groups(past.groups, after, any_variant=True) if pair.after]
    return pair_groups(placed_groups(push.push.base or "", push.before), after)


def _weight_push(push: PushTrees, changes: list[GroupChange], pairs: list[Pairing], past: _Past) -> WeightPush:
    """Put the groups' changes of one push together."""
    if not past.groups:
        changes = [change.model_copy(update={"kind": "first_upload"}) for change in changes]
    return WeightPush(
        push,
        tuple(changes),
        tuple(pairs),
        tuple(Replacement(path=p, times=n) for p, n in sorted(push.written.items()) if _times(push, p, n) > 1),
        continues=bool(past.groups) and all(_continues(pair) for pair in pairs),
    )


def _times(push: PushTrees, path: str, written: int) -> int:
    """Count replacements of a path: a first content replaces nothing."""
    return written if path in push.before else written - 1


def _group_change(pair: Pairing, past: _Past) -> GroupChange | None:
    """Tell what a push did to one group; None where it left it alone."""
    old, new = pair.before, pair.after
    if old and new and dict(old.files) == dict(new.files) and not past.all_gone:
        return None
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
    """Tell one group's kind by names and hashes alone."""
    old, new = pair.before, pair.after
    if old and new:
        return _kind_of_both(old, new, past)
    if old:
        return "removed", None
    assert new is not None
    return _kind_of_new(new, past.groups), None


def _kind_of_both(old: PlacedGroup, new: PlacedGroup, past: _Past) -> tuple[ChangeKind, str | None]:
    if old.identities == new.identities:
        return "renamed", "came back unchanged" if past.all_gone else None
    if _continues(Pairing(old, new)):
        return past.begun.get(old.group.name, "first_upload"), "adds the missing shards of an earlier push"
    if old.group.format != new.group.format:
        return "replaced", f"{old.group.format}→{new.group.format}"
    if old.group.name != new.group.name:
        return "replaced", f"was {old.group.name}"
    return "replaced", None


def _kind_of_new(new: PlacedGroup, before: Mapping[str, PlacedGroup]) -> ChangeKind:
    """Tell a further format of the same model from other parameters beside it.

    A format that stands there already, in the same folder or under the same stem (a checkpoint, another part of a
    pipeline), holds other parameters.
    """
    beside = list(before.values())
    stems = {stem(group.group) for group in beside}
    whole = stem(new.group) in WHOLE_MODEL_STEMS | stems or new.group.format in {"gguf", "onnx"}
    alike = [group for group in beside if group.group.format == new.group.format]
    taken = any(g.group.component == new.group.component or stem(g.group) == stem(new.group) for g in alike)
    return "format_added" if beside and whole and not taken else "component_added"


def _continues(pair: Pairing) -> bool:
    """Say whether a push only adds shards that are missing from an incomplete set."""
    old, new = pair.before, pair.after
    if not old or not new or old.group.complete is not False:
        return False
    same_set = old.group.declared_shards == new.group.declared_shards
    return same_set and len(new.files) > len(old.files) and all(new.files.get(p) == v for p, v in old.files.items())


def with_groups(push: WeightPush, groups: Iterable[GroupChange]) -> WeightPush:
    """Give the same push with its groups' changes told better."""
    return replace(push, groups=tuple(groups))

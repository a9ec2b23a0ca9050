"""Training runs: what a trainer pushes by itself while it works counts once, with its last replacement."""

from __future__ import annotations

from collections.abc import Iterable

from lineage.fingerprint.weight_files import is_weight_file
from lineage.versioning.kinds import WeightPush, with_groups
from lineage.versioning.line import Line
from lineage.versioning.words import is_training_title
from lineage_schemas.change import COUNTING_KINDS, GroupChange


def with_checkpoints(line: Line, pushes: Iterable[WeightPush]) -> list[WeightPush]:
    """Turn all replacements of a training run but the last into checkpoints.

    A run is a row of weight pushes, one after another, whose weight commits all have a trainer's titles.
    """
    told = list(pushes)
    in_run = [_by_trainer(line, push) for push in told]
    for i, push in enumerate(told[:-1]):
        if in_run[i] and in_run[i + 1] and push.counts:
            told[i] = with_groups(push, (_as_checkpoint(change) for change in push.groups))
    return told


def _as_checkpoint(change: GroupChange) -> GroupChange:
    return change.model_copy(update={"kind": "checkpoint"}) if change.kind in COUNTING_KINDS else change


def _by_trainer(line: Line, push: WeightPush) -> bool:
    """Say whether every commit of a push that wrote weights has a title that a trainer writes."""
    writers = [
        commit.title
        for commit in line.commits[push.trees.first : push.trees.last + 1]
        if any(is_weight_file(change.path) and change.new for change in commit.changes or ())
    ]
    return bool(writers) and all(is_training_title(title) for title in writers)

"""Training runs: what a trainer pushes by itself while it works counts once, with its last replacement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lineage.fingerprint.weight_files import is_weight_file
from lineage.versioning.groups import Pairing
from lineage.versioning.kinds import WeightPush, with_groups
from lineage.versioning.line import Line
from lineage.versioning.words import is_training_title
from lineage_schemas.change import COUNTING_KINDS, GroupChange

RUN_END = re.compile(r"end of training|training (?:complete|done|finished)", re.IGNORECASE)
"""A title after which a run is over."""

RUN_SAVED = re.compile(r"^model save$", re.IGNORECASE)
"""A title after which nothing of a run comes but its end."""

PROGRESS = (
    re.compile(r"(?<![a-z])epoch[- _=:]*(\d+(?:\.\d+)?)", re.IGNORECASE),
    re.compile(r"(?<![a-z])iter(?:ation)?[- _=:]*(\d+)", re.IGNORECASE),
    re.compile(r"(?<![a-z])(?:step|check-?point)[- _=:]*(?:at )?(?:step[- _=:]*)?(\d+)", re.IGNORECASE),
)
"""How far a run is, by its titles: epochs go before iterations and those before steps, which may begin again."""

CHECKPOINT_FOLDER = re.compile(
    r"(?:^|/)(?:(?:last|best|tmp)[-_])?(?:checkpoint|ckpt)s?(?:[-_/].*|\d.*)?$", re.IGNORECASE
)
"""Components that are steps of a run kept beside its result: `checkpoint-500`, `last-checkpoint`."""


def with_checkpoints(line: Line, pushes: Iterable[WeightPush]) -> list[WeightPush]:
    """Turn all replacements of a training run but the last into checkpoints.

    A run is a row of pushes whose weight commits all have a trainer's titles, and no other change between
    them counts. It ends with a title that announces the end, and where the epoch or step falls. Checkpoint folders that
    a trainer deletes, or that a person deletes during a run, are checkpoints too, as long as other weights remain: the
    trainer keeps only the last few.
    """
    # Example, titles of five pushes that each replace model.safetensors, with the run of each:
    #   `Training in progress, step 500` 0 | `…step 1000` 0 | `End of training` 0 | `Fix config` None | `…step 500` 1
    # The first two become checkpoints, because a later replacement belongs to the same run; the other three count.
    changed = list(pushes)
    by_commit = _runs(line)
    runs = [_run_of(line, push, by_commit) for push in changed]
    for i, push in enumerate(changed):
        if push.after and (runs[i] is not None or _is_inside(runs, i)):
            changed[i] = with_groups(push, map(_without_rotation, push.groups, push.pairs))
    # Backwards, because only what comes after a replacement shows that it was not the last one of its run.
    later: int | None = None
    for i in reversed(range(len(changed))):
        if changed[i].counts:
            if later is not None and runs[i] == later:
                changed[i] = with_groups(changed[i], map(_as_checkpoint, changed[i].groups))
            later = runs[i]
    return changed


def _runs(line: Line) -> list[int | None]:
    """Number the training runs by titles alone; None for each commit without a trainer's title."""
    runs: list[int | None] = []
    nothing: tuple[float | None, ...] = (None,) * len(PROGRESS)
    run, reached, last = 0, nothing, ""
    for commit in line.commits:
        if not is_training_title(commit.title):
            runs.append(None)
            continue
        now = _progress(commit.title)
        # `epoch 1 step 100` after `epoch 0 step 900` goes on: the epoch rose, so that the lower step does not count.
        # `step 100` after `step 900` without epochs is a new run.
        if _is_over(last, commit.title) or _falls(reached, now):
            run, reached = run + 1, nothing
        reached = tuple(old if new is None else new for old, new in zip(reached, now, strict=True))
        last = commit.title
        runs.append(run)
    return runs


def _progress(title: str) -> tuple[float | None, ...]:
    return tuple(float(found[1]) if (found := pattern.search(title)) else None for pattern in PROGRESS)


def _falls(before: Sequence[float | None], now: Sequence[float | None]) -> bool:
    """Compare how far two titles are by the first measure in which they differ."""
    both = [(old, new) for old, new in zip(before, now, strict=True) if old is not None and new is not None]
    return next((new < old for old, new in both if new != old), False)


def _is_over(last: str, title: str) -> bool:
    """Return whether a trainer's title begins another run, because the one before it ended its own."""
    return bool(RUN_END.search(last) or (RUN_SAVED.search(last) and not RUN_END.search(title)))


def _run_of(line: Line, push: WeightPush, by_commit: Sequence[int | None]) -> int | None:
    """Give the run in which a push begins; None where another author wrote weights, or removed them and wrote none."""
    touched = {
        position: any(change.new for change in weights)
        for position in range(push.trees.first, push.trees.last + 1)
        if (weights := [c for c in line.commits[position].changes or () if is_weight_file(c.path)])
    }
    deciding = [by_commit[at] for at, writes in touched.items() if writes] or [by_commit[at] for at in touched]
    begun = [run for at in touched if (run := by_commit[at]) is not None]
    return begun[0] if begun and None not in deciding else None


def _is_inside(runs: Sequence[int | None], i: int) -> bool:
    """Return whether the trainers' pushes before and after one belong to the same run."""
    before = next((run for run in reversed(runs[:i]) if run is not None), None)
    after = next((run for run in runs[i + 1 :] if run is not None), None)
    return before is not None and before == after


def _without_rotation(change: GroupChange, pair: Pairing) -> GroupChange:
    """Distinguish the removal of an old checkpoint folder from that of weights for use."""
    if change.kind != "removed" or not pair.before or not CHECKPOINT_FOLDER.search(pair.before.group.component):
        return change
    return change.model_copy(update={"kind": "checkpoint", "note": "a checkpoint of the run, removed"})


def _as_checkpoint(change: GroupChange) -> GroupChange:
    return change.model_copy(update={"kind": "checkpoint"}) if change.kind in COUNTING_KINDS else change

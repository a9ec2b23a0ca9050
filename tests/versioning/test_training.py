"""Training runs: where one ends, what counts of it, and the checkpoints that it takes away."""

from __future__ import annotations

import pytest

from tests.support.lines import HistoryBuilder

MONTH = 30 * 24.0


def kinds(built: HistoryBuilder) -> list[str]:
    """List the kinds of the changes."""
    return [change.kind for change in built.report().changes]


def run(built: HistoryBuilder, start: float, titles: list[str], name: str) -> None:
    """Push new weights every two hours, one commit a title."""
    for i, title in enumerate(titles):
        built.commit(start + 2 * i, {"model.safetensors": f"{name} {i}"}, title)


STEPS = ["Training in progress, step 500", "Training in progress, step 1000"]


@pytest.mark.parametrize(
    "titles",
    [
        [*STEPS, "End of training"],
        [*STEPS, "Model save", "End of training"],
        [*STEPS, "Model save"],
        ["Training in progress, epoch 1", "Training in progress, epoch 2"],
        ["Training in progress, epoch 1, step 500", "Training in progress, epoch 2, step 100"],
        ["checkpoint-500", "checkpoint-1500"],
        ["Saving weights and logs of step 1000", "Saving weights and logs of step 2000", "Training complete"],
    ],
)
def test_two_runs_count_twice(titles: list[str]) -> None:
    """A second run begins after the first one's end, or where the step or epoch falls: each counts once."""
    built = HistoryBuilder()
    run(built, 0, titles, "first")
    run(built, 3 * MONTH, titles, "second")
    inner = ["checkpoint"] * (len(titles) - 1)
    assert kinds(built) == ["first_upload", *inner[1:], "replaced", *inner, "replaced"]
    assert sum(change.verdict == "silent" for change in built.report().changes) == 2


def test_runs_without_steps_count_each() -> None:
    """Three runs that push nothing but their ends are two replacements."""
    built = HistoryBuilder()
    run(built, 0, ["End of training"] * 3, "end")
    assert kinds(built) == ["first_upload", "replaced", "replaced"]


def test_an_end_that_writes_no_weights_ends_the_run() -> None:
    """The last step counts where the end of training only writes a card, though the next run's steps are higher."""
    built = HistoryBuilder()
    run(built, 0, STEPS, "first")
    built.commit(5, {"README.md": "text"}, "End of training")
    run(built, MONTH, ["Training in progress, step 2000", "Training in progress, step 4000"], "second")
    assert kinds(built) == ["first_upload", "replaced", "checkpoint", "replaced"]


def test_a_push_in_which_one_run_ends_and_another_begins_counts() -> None:
    """The last step of one run and the first of the next, within an hour: the push holds a run's last replacement."""
    built = HistoryBuilder()
    run(built, 0, STEPS, "first")
    built.commit(10, {"model.safetensors": "end"}, "End of training")
    built.commit(10.5, {"model.safetensors": "anew"}, "Training in progress, step 500")
    built.commit(12, {"model.safetensors": "last"}, "Training in progress, step 1000")
    assert kinds(built) == ["first_upload", "checkpoint", "replaced", "replaced"]


def test_addition_by_another_author_does_not_end_a_run() -> None:
    """A further format that a person adds while a run goes on leaves it one run; a replacement does not."""
    for files, expected in (
        ({"model.onnx": "o"}, ["first_upload", "checkpoint", "format_added", "replaced"]),
        ({"model.safetensors": "by hand"}, ["first_upload", "replaced", "replaced", "replaced"]),
    ):
        built = HistoryBuilder()
        run(built, 0, STEPS, "run")
        built.commit(20, files, "Upload by hand")
        built.commit(30, {"model.safetensors": "later"}, "Training in progress, step 1500")
        assert kinds(built) == expected


def rotating() -> HistoryBuilder:
    """Build a run that keeps its checkpoint folders beside the model: the second push adds one."""
    built = HistoryBuilder()
    for i, title in enumerate(STEPS):
        step = 500 * (i + 1)
        built.commit(
            2 * i, {"model.safetensors": f"m{step}", f"checkpoint-{step}/model.safetensors": f"c{step}"}, title
        )
    return built


def test_a_trainer_that_removes_checkpoints_changes_nothing_for_users() -> None:
    """Checkpoint folders that a trainer deletes at its end do not count, and the last replacement before does."""
    built = rotating()
    built.commit(9, {"checkpoint-500/model.safetensors": None}, "End of training")
    assert kinds(built) == ["first_upload", "replaced", "checkpoint"]
    assert [group.kind for group in built.report().changes[2].groups] == ["checkpoint"]


def test_the_last_push_of_a_run_has_the_kind_of_its_weights() -> None:
    """Where the last push replaces the model and removes a checkpoint, it is a replacement."""
    built = rotating()
    built.commit(9, {"model.safetensors": "end", "checkpoint-500/model.safetensors": None}, "End of training")
    last = built.report().changes[-1]
    assert kinds(built) == ["first_upload", "component_added", "replaced"]
    assert {group.group: group.kind for group in last.groups} == {
        "model.safetensors": "replaced", "checkpoint-500/model.safetensors": "checkpoint",
    }  # fmt: skip


def test_checkpoints_that_a_person_removes() -> None:
    """What a person deletes does not count while the run goes on, and is a removal afterwards."""
    for goes_on, expected in (
        (True, ["first_upload", "component_added", "checkpoint", "replaced"]),
        (False, ["first_upload", "replaced", "removed"]),
    ):
        built = rotating()
        built.commit(9, {"checkpoint-500/model.safetensors": None}, "Delete checkpoint-500 folder")
        if goes_on:
            built.commit(20, {"model.safetensors": "m1500"}, "Training in progress, step 1500")
        assert kinds(built) == expected


def test_weights_for_use_that_a_trainer_removes_are_removed() -> None:
    """Weights that are not a checkpoint, and the last weights that there are, count as removed."""
    built = HistoryBuilder()
    built.commit(0, {"model.safetensors": "a", "codec.pth": "c"})
    built.commit(9, {"codec.pth": None}, "End of training")
    assert kinds(built) == ["first_upload", "removed"]
    only = HistoryBuilder()
    only.commit(0, {"checkpoint-500/model.safetensors": "a"}, STEPS[0])
    only.commit(9, {"checkpoint-500/model.safetensors": None}, "End of training")
    assert kinds(only) == ["first_upload", "removed"]

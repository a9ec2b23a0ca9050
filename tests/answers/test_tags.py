"""Tags that move, vanish or name a version again, in two readings of a real repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.diff import diff
from lineage.answers.history import history
from lineage.answers.marks import confirm
from lineage_schemas.answers.check import CheckAnswer
from tests.support.notes import Notes
from tests.support.readings import EVERY_KIND, MODEL, WEIGHTS, Readings, by_rule, readings, tagged, weights

pytestmark = pytest.mark.slow


@pytest.fixture(params=EVERY_KIND)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Readings]:
    """Make a model with one upload, tagged v1.0, on each kind of Hub."""
    with tagged(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Readings]:
    """Make the same model on a directory Hub."""
    with tagged("directory", tmp_path) as made:
        yield made


def head(model: Readings) -> str:
    """Return the commit of the default branch."""
    return model.repository.git("rev-parse", "main")


def verdicts(answer: CheckAnswer) -> list[str | None]:
    """List the verdicts of the changes that count."""
    return [change.verdict for change in answer.weight_changes if change.counts]


def move(model: Readings, *arguments: str) -> None:
    """Move the tag v1.0."""
    model.repository.git("tag", "-f", *arguments)


def test_a_tag_that_moved_announces_nothing_and_is_a_finding(model: Readings) -> None:
    """Weights under a tag that was recorded elsewhere are silent, and the tag's move is an error with both commits."""
    first = head(model)
    assert model.check().verdict == "clean"
    second = model.repository.commit({WEIGHTS: weights(2)})
    move(model, "v1.0", "main")
    answer = model.check()
    assert verdicts(answer) == ["silent"]
    assert set(by_rule(answer)) == {"silent-weight-change", "moved-tag"}
    [moved] = by_rule(answer)["moved-tag"]
    assert (moved.severity, moved.rule, moved.pointer.revision) == ("error", "LW003", second)
    assert first in moved.message
    assert second in moved.message
    assert moved.pointer.field == "refs/tags/v1.0"


def test_since_a_tag_starts_where_it_was_first_recorded(model: Readings) -> None:
    """`--since v1.0` covers what came after the recorded commit, and the answer and a note say so."""
    first = head(model)
    model.check()
    second = model.repository.commit({WEIGHTS: weights(2)})
    move(model, "v1.0", "main")
    for name in ("v1.0", "refs/tags/v1.0"):
        answer = model.check(since=name)
        assert (answer.since, answer.since_revision) == (name, first)
        assert verdicts(answer) == ["silent"]
        [note] = answer.notes
        assert first in note
        assert second in note
    assert model.check(since=second).since_revision == second
    assert model.check(since=second).notes == ()


def test_what_was_silent_stays_silent_whenever_it_is_collected_again(model: Readings) -> None:
    """Further readings, offline or not, give the same answer as the one that saw the move."""
    model.check()
    model.repository.commit({WEIGHTS: weights(2)})
    move(model, "v1.0", "main")
    answer = model.check()
    collect(model.session(), [MODEL], refresh=True)
    for again in (model.check(), model.check(offline=True)):
        assert (again.findings, again.weight_changes) == (answer.findings, answer.weight_changes)


def test_a_first_reading_says_nothing_of_moves(model: Readings) -> None:
    """A tag that moved before the first reading announces the commit at which it was found."""
    model.repository.commit({WEIGHTS: weights(2)})
    move(model, "v1.0", "main")
    answer = model.check()
    assert (answer.verdict, answer.findings, verdicts(answer)) == ("clean", (), ["versioned"])


def test_a_new_tag_announces(local: Readings) -> None:
    """A tag that no earlier reading saw announces its commit, also beside one that moved there."""
    local.check()
    local.repository.commit({WEIGHTS: weights(2)})
    move(local, "v1.0", "main")
    local.repository.git("tag", "v1.1", "main")
    answer = local.check()
    assert verdicts(answer) == ["versioned"]
    [change] = [change for change in answer.weight_changes if change.counts]
    assert [signal.value for signal in change.signals] == ["v1.1"]
    assert set(by_rule(answer)) == {"moved-tag"}


def test_equal_files_or_equal_tensors_make_the_move_milder(model: Readings) -> None:
    """A tag between commits with the same main weights, by file or by tensor, is reported and does not count."""
    model.check()
    model.repository.commit({"README.md": b"text"})
    move(model, "v1.0", "main")
    answer = model.check()
    assert (answer.verdict, [each.severity for each in answer.findings]) == ("clean", ["info"])
    model.repository.commit({WEIGHTS: weights(1, format_of="tf")})
    move(model, "v1.0", "main")
    answer = model.check(level="full")
    assert (answer.verdict, [each.severity for each in answer.findings]) == ("clean", ["info"])


def test_files_that_were_not_compared_are_an_error(local: Readings) -> None:
    """Other bytes whose tensors cannot be read may be other weights: the finding says that they were not compared."""
    local.repository.commit({WEIGHTS: None, "pytorch_model.bin": b"one"})
    move(local, "v1.0", "main")
    local.check()
    local.repository.commit({"pytorch_model.bin": b"other"}, "Version 2")
    move(local, "v1.0", "main")
    [moved] = by_rule(local.check())["moved-tag"]
    assert moved.severity == "error"
    assert "were not compared" in moved.message


def test_a_commit_on_no_branch_has_weights_that_were_not_compared(local: Readings) -> None:
    """A tag that moved to a commit beside every branch is an error, because the weights there are not recorded."""
    local.check()
    aside = local.repository.commit({WEIGHTS: weights(2)}, branch="refs/heads/aside")
    move(local, "v1.0", aside)
    local.repository.git("update-ref", "-d", "refs/heads/aside")
    [moved] = by_rule(local.check())["moved-tag"]
    assert moved.severity == "error"


def test_annotated_and_nested_tags_count_by_their_commit(model: Readings) -> None:
    """A tag that becomes annotated, or a tag of a tag, on the same commit has not moved; on another one it has."""
    model.check()
    move(model, "-a", "-m", "note", "v1.0", head(model))
    assert model.check().findings == ()
    model.repository.git("tag", "-a", "-m", "inner", "inner", "main")
    move(model, "-a", "-m", "outer", "v1.0", "inner")
    assert model.check().findings == ()
    second = model.repository.commit({WEIGHTS: weights(2)})
    move(model, "-a", "-m", "moved", "v1.0", second)
    answer = model.check()
    assert by_rule(answer)["moved-tag"][0].pointer.revision == second
    assert verdicts(answer) == ["silent"]


def test_a_removed_tag_is_a_warning_and_keeps_its_record(model: Readings) -> None:
    """A tag that vanished is named with its commit on every check, and does not count unless that is asked for."""
    first = head(model)
    model.check()
    model.repository.git("tag", "-d", "v1.0")
    for _ in range(2):
        answer = model.check()
        [removed] = answer.findings
        assert (removed.id, removed.severity, answer.verdict) == ("version-removed", "warning", "clean")
        assert first in removed.message
    assert model.check(fail_on="warning").verdict == "findings"


def test_since_a_removed_tag_starts_at_its_record(local: Readings) -> None:
    """A tag that no longer exists still names the start of a range, also if a branch has its name now."""
    first = head(local)
    local.check()
    local.repository.git("tag", "-d", "v1.0")
    second = local.repository.commit({WEIGHTS: weights(2)})
    answer = local.check(since="v1.0")
    assert (answer.since_revision, verdicts(answer)) == (first, ["silent"])
    assert "no longer exists" in answer.notes[0]
    local.repository.git("update-ref", "refs/heads/v1.0", second)
    assert local.check(since="v1.0").since_revision == first


def test_a_tag_that_was_removed_and_made_again_elsewhere_moved(model: Readings) -> None:
    """The record of a removed tag decides what it announces when it returns."""
    model.check()
    model.repository.git("tag", "-d", "v1.0")
    model.repository.commit({WEIGHTS: weights(2)})
    assert set(by_rule(model.check())) == {"silent-weight-change", "version-removed"}
    model.repository.git("tag", "v1.0", "main")
    answer = model.check()
    assert set(by_rule(answer)) == {"silent-weight-change", "moved-tag"}
    assert verdicts(answer) == ["silent"]


def test_a_tag_that_returned_announces_again_and_its_move_is_info(local: Readings) -> None:
    """Where the tag was first recorded it announces; that it was elsewhere in between is still said."""
    local.check()
    first = head(local)
    second = local.repository.commit({WEIGHTS: weights(2)}, "Version 2")
    move(local, "v1.0", second)
    assert local.check().verdict == "findings"
    move(local, "v1.0", first)
    answer = local.check()
    [moved] = answer.findings
    assert (moved.id, moved.severity, answer.verdict) == ("moved-tag", "info", "clean")
    assert second in moved.message


def test_the_first_of_several_moves_counts(local: Readings) -> None:
    """After two moves one finding names the first recorded commit and the present one."""
    first = head(local)
    local.check()
    second = local.repository.commit({WEIGHTS: weights(2)}, "Version 2")
    move(local, "v1.0", second)
    local.check()
    third = local.repository.commit({WEIGHTS: weights(3)})
    move(local, "v1.0", third)
    answer = local.check()
    [moved] = by_rule(answer)["moved-tag"]
    assert first in moved.message
    assert third in moved.message
    assert local.check(since="v1.0").since_revision == first
    assert verdicts(answer) == ["versioned", "silent"]


def test_a_recorded_commit_that_is_gone_leaves_the_range_open(model: Readings) -> None:
    """If the recorded commit is no longer on the branch, nothing is checked, with the command that decides it."""
    model.check()
    model.repository.git("update-ref", "-d", "refs/heads/main")
    model.repository.commit({WEIGHTS: weights(1), "README.md": b"rewritten"})
    second = model.repository.commit({WEIGHTS: weights(2)}, "Version 2")
    move(model, "v1.0", second)
    answer = model.check(since="v1.0")
    [item] = [item for item in answer.unchecked if item.what == "--since v1.0"]
    assert item.decide_with == f"lineage check {MODEL} --since {second}"
    assert answer.since_revision is None
    assert answer.weight_changes == ()


def test_a_commit_that_is_named_accepts_the_move(local: Readings) -> None:
    """A range from the tag's new commit on leaves the move out; dates, `last` and the tag itself do not."""
    local.check()
    second = local.repository.commit({WEIGHTS: weights(2)}, "Version 2")
    move(local, "v1.0", second)
    confirm(local.session(), local.check())
    assert local.check(since=second).findings == ()
    assert local.check(since=second[:10]).findings == ()
    for since in ("last", "yesterday", "v1.0", local.repository.git("rev-parse", "main~1")):
        assert set(by_rule(local.check(since=since))) == {"moved-tag"}


def test_a_tag_that_moved_onto_checked_commits_is_found_by_the_next_check(local: Readings) -> None:
    """A move that comes after the last check is reported by `--since last`, though no commit is new."""
    second = local.repository.commit({WEIGHTS: weights(2)}, "Version 2")
    confirm(local.session(), local.check(since="last"))
    move(local, "v1.0", second)
    answer = local.check(since="last")
    assert (answer.verdict, answer.weight_changes) == ("findings", ())
    assert set(by_rule(answer)) == {"moved-tag"}


def test_another_branch_reports_only_its_own_tags(local: Readings) -> None:
    """A tag that was never on the checked branch is the default branch's business."""
    local.repository.git("update-ref", "refs/heads/other", head(local))
    second = local.repository.commit({WEIGHTS: weights(2)}, "Version 2")
    local.repository.git("tag", "v2.0", second)
    local.check()
    third = local.repository.commit({WEIGHTS: weights(3)}, "Version 3")
    move(local, "v2.0", third)
    assert set(by_rule(local.check())) - {"overstated-version"} == {"moved-tag"}
    assert local.check(f"{MODEL}@other").findings == ()
    assert set(by_rule(local.check(f"{MODEL}@{third}"))) - {"overstated-version"} == {"moved-tag"}
    assert local.check(f"{MODEL}@{head(local)}~0"[:-2]).verdict == "findings"


def test_a_range_that_is_compared_anew_knows_the_recorded_tags(local: Readings) -> None:
    """Where a range begins inside a push, its rest is judged by the first recorded target too."""
    local.check()
    start = local.repository.commit({WEIGHTS: weights(2)})
    local.repository.commit({WEIGHTS: weights(3)}, later=60)
    move(local, "v1.0", "main")
    answer = local.check(since=start)
    assert verdicts(answer) == ["silent"]


def test_a_pull_request_knows_the_recorded_tags(local: Readings) -> None:
    """The line of a pull request is judged by the first recorded targets too."""
    local.check()
    local.repository.commit({WEIGHTS: weights(2)}, branch="refs/pr/1")
    move(local, "v1.0", "refs/pr/1")
    answer = local.check(f"{MODEL}@refs/pr/1")
    assert verdicts(answer) == ["silent"]
    assert "moved-tag" in by_rule(answer)


def test_a_moved_tag_is_noted_while_the_check_runs(local: Readings) -> None:
    """The start that a tag means is said as a progress note too."""
    local.check()
    local.repository.commit({WEIGHTS: weights(2)})
    move(local, "v1.0", "main")
    notes = Notes()
    check(local.session(progress=notes), [MODEL], since="v1.0")
    assert any("first recorded" in note for note in notes.notes)


def test_a_renamed_model_keeps_the_record_of_its_tags(tmp_path: Path) -> None:
    """A tag that moved together with a rename that the Hub redirects has moved."""
    with readings("server", tmp_path) as made:
        assert made.server is not None
        made.repository.commit({WEIGHTS: weights(1)})
        made.repository.git("tag", "v1.0")
        made.check()
        made.repository.commit({WEIGHTS: weights(2)})
        move(made, "v1.0", "main")
        made.server.rename(MODEL, "org/renamed")
        answer = made.check()
        assert answer.model == "org/renamed"
        assert verdicts(answer) == ["silent"]
        assert "moved-tag" in by_rule(answer)
        assert "name-reregistered" not in by_rule(answer)


def test_the_history_lists_where_tags_were(local: Readings) -> None:
    """`history` has the recorded commits of tags that moved or vanished."""
    first = head(local)
    local.repository.git("tag", "v0.9", "main")
    local.repository.git("tag", "steady", "main")
    local.check()
    second = local.repository.commit({WEIGHTS: weights(2)})
    move(local, "v1.0", "main")
    local.repository.git("tag", "-d", "v0.9")
    answer = history(local.session(), MODEL)
    found = [(each.name, each.target, [former.target for former in each.former]) for each in answer.moved_tags]
    assert found == [("v0.9", None, [first]), ("v1.0", second, [first])]


def test_a_diff_of_a_moved_tag_says_which_commit_it_reads(model: Readings) -> None:
    """`diff` reads the tag's present commit, as a loader does, and notes the recorded one."""
    first = head(model)
    model.check()
    second = model.repository.commit({WEIGHTS: weights(2)})
    move(model, "v1.0", "main")
    model.check()
    answer = diff(model.session(), f"{MODEL}@v1.0", MODEL)
    assert (answer.a.revision, answer.weights.kind) == (second, "equal")
    [note] = answer.notes
    assert f"{MODEL}@{first}" in note
    assert diff(model.session(), f"{MODEL}@{first}", MODEL).notes == ()


def test_the_note_after_a_check_names_what_is_reported_again(local: Readings) -> None:
    """After `--since last`, silent changes are not reported again, and moved tags are."""
    local.check()
    local.repository.commit({WEIGHTS: weights(2)})
    move(local, "v1.0", "main")
    notes = Notes()
    confirm(local.session(progress=notes), local.check(since="last"))
    assert notes.notes[-1].endswith("will not report these findings again, except moved-tag")
    again = Notes()
    answer = local.check(since="last")
    confirm(local.session(progress=again), answer)
    assert (set(by_rule(answer)), again.notes) == ({"moved-tag"}, [])

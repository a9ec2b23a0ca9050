"""Ranges of a line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lineage.errors import RevisionNotFoundError
from lineage.versioning.since import commits_meant, find_since, in_range, parse_date
from tests.support.lines import HistoryBuilder


def tagged() -> HistoryBuilder:
    """Build a model with an upload and two replacements, the first one tagged."""
    line = HistoryBuilder()
    line.commit(0, {"model.safetensors": "a"})
    line.commit(48, {"model.safetensors": "b"}, tag="v2/rc")
    line.commit(96, {"model.safetensors": "c"})
    line.commit(96.5, {"README.md": "text"})
    return line


@pytest.mark.parametrize(
    ("asked", "in_reach"),
    [
        ("2024-01-02", 2),
        ("2024-01-04T00:00:00Z", 1),
        ("2023-01-01", 3),
        ("2030-01-01", 0),
        ("v2/rc", 1),
        ("refs/tags/v2/rc", 1),
        ("main", 0),
        (f"{0:040x}", 2),
        (f"{2:040x}", 0),
    ],
)
def test_range_begins_after_a_date_tag_branch_or_commit(asked: str, in_reach: int) -> None:
    """Changes after the start are in range; what came with the start itself is not."""
    line = tagged()
    report = line.report()
    since = find_since(report.line, line.history(), asked)
    assert len(in_range(report.line, report.changes, since)) == in_reach


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("yesterday", "2024-02-29"), ("1d", "2024-02-29"), ("7d", "2024-02-23"), ("3w", "2024-02-09"),
        ("0d", "2024-03-01"), ("999999w", "0001-01-01"), ("7", None), ("d", None), ("-1d", None), ("7D", None),
        ("7 d", None), ("\u0667d", None), ("yesterday ", None),
    ],
)  # fmt: skip
def test_days_ago_are_whole_days(text: str, day: str | None) -> None:
    """`yesterday`, `7d` and `3w` begin with the day so long ago, in UTC; other texts are no dates."""
    moment = parse_date(text, datetime(2024, 3, 1, 15, 30, tzinfo=UTC))
    assert (f"{moment:%Y-%m-%d}".rjust(10, "0") if moment else None) == day
    assert moment is None or (moment.hour, moment.tzinfo) == (0, UTC)


def test_a_tag_wins_over_days_ago() -> None:
    """A tag that is called `7d` is meant by that name."""
    line = HistoryBuilder()
    first = line.commit(0, {"model.safetensors": "a"}, tag="7d")
    line.commit(48, {"model.safetensors": "b"})
    since = find_since(line.report().line, line.history(), "7d")
    assert (since.commit, since.by_date) == (first, False)


def test_a_push_that_is_cut_at_the_start_is_in_range_with_its_rest() -> None:
    """A push that went on after the start belongs to the range with what came after it, compared with the start."""
    line = HistoryBuilder()
    line.commit(0, {"model.safetensors": "a"})
    start = line.commit(48, {"model.safetensors": "b"})
    line.commit(48.5, {"model.safetensors": "c"})
    report = line.report(cuts=(2,))
    found = in_range(report.line, report.changes, find_since(report.line, line.history(), start))
    assert [(len(change.revisions), change.base) for change in found] == [(1, start)]


def since_date(line: HistoryBuilder, asked: str) -> tuple[int, list[int]]:
    """Give the position where a date's range starts, and the positions of the commits that may belong to it."""
    report = line.report()
    since = find_since(report.line, line.history(), asked)
    return since.position, [found for commit in since.doubtful if (found := report.line.position(commit)) is not None]


def test_an_old_date_at_the_tip_hides_nothing() -> None:
    """The range starts before the first commit that is not older than the date, whatever date a later one bears."""
    line = tagged()
    line.commit(-400_000, {"README.md": "backdated"})
    assert since_date(line, "2024-01-03") == (0, [])
    assert since_date(line, "2024-01-05") == (1, [])


@pytest.mark.parametrize("hours", [-400_000, None])
def test_weights_whose_date_says_nothing_are_doubtful(hours: float | None) -> None:
    """A backdated or undated replacement that the dates leave out of the range is named; a card is not."""
    line = tagged()
    line.commit(hours, {"model.safetensors": "d"})
    line.commit(hours, {"README.md": "more"})
    assert since_date(line, "2024-02-01") == (5, [4])
    assert since_date(line, "2024-01-05") == (1, [])


@pytest.mark.parametrize("asked", ["nothing", "abcdef1234", "000000"])
def test_unknown_or_ambiguous_start_is_refused(asked: str) -> None:
    """A start that is not on the line, or a prefix of several commits, is an error that names the model."""
    line = tagged()
    with pytest.raises(RevisionNotFoundError, match=r"org/name"):
        find_since(line.report().line, line.history(), asked)


def test_a_tag_wins_over_the_date_that_it_looks_like() -> None:
    """`2024-01-02` is the tag of that name, wherever it points; with a time it is a date."""
    line = HistoryBuilder()
    line.commit(0, {"model.safetensors": "a"})
    line.commit(48, {"model.safetensors": "b"}, tag="2024-01-02")
    line.commit(60, {"model.safetensors": "c"})
    assert find_since(line.report().line, line.history(), "2024-01-02").position == 1
    assert find_since(line.report().line, line.history(), "2024-01-02T00:00").position == 0


def test_a_tag_of_another_line_that_looks_like_a_date_is_refused() -> None:
    """A name that is not on the line is not silently read as a date; the hint shows how to write the date."""
    line = tagged()
    history = line.history()
    elsewhere = history.refs[0].model_copy(update={"name": "refs/tags/2024-01-04", "kind": "tag", "target": "f" * 40})
    with pytest.raises(RevisionNotFoundError) as raised:
        find_since(line.report().line, history.model_copy(update={"refs": (*history.refs, elsewhere)}), "2024-01-04")
    assert "2024-09-06T00:00" in (raised.value.hint or "")


@pytest.mark.parametrize(
    ("text", "commits"),
    [
        ("v2/rc", {1}),
        ("refs/tags/v2/rc", {1}),
        ("main", {3}),
        ("rc", set()),
        ("tags/v2/rc", set()),
        (f"{2:040x}", {2}),
        ("0000000", {0, 1, 2, 3}),
        ("000000", set()),
        ("", set()),
    ],
)
def test_names_of_commits(text: str, commits: set[int]) -> None:
    """A ref is named in full or by all that follows its kind, a commit by seven digits and more."""
    assert commits_meant(tagged().history(), text).commits == {f"{number:040x}" for number in commits}


def test_a_ref_wins_over_the_beginning_of_a_commit() -> None:
    """A tag whose name could begin a commit id means what it is on."""
    line = tagged()
    line.tags["0000000"] = f"{2:040x}"
    assert commits_meant(line.history(), "0000000").commits == {f"{2:040x}"}


def test_a_branch_and_a_tag_of_one_name_are_ambiguous() -> None:
    """Where a name means two commits of the line, neither is taken."""
    line = tagged()
    line.tags["main"] = f"{1:040x}"
    with pytest.raises(RevisionNotFoundError, match="more than one"):
        find_since(line.report().line, line.history(), "main")

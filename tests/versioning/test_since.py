"""Ranges of a line."""

from __future__ import annotations

import pytest

from lineage.errors import RevisionNotFoundError
from lineage.versioning.since import find_since, in_range
from tests.support.lines import Told


def told() -> Told:
    """Tell a model with an upload and two replacements, the first one tagged."""
    line = Told()
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
    line = told()
    report = line.report()
    since = find_since(report.line, line.history(), asked)
    assert len(in_range(report.line, report.changes, since)) == in_reach


def test_push_that_went_on_after_the_start_is_in_range() -> None:
    """A push of which a later commit touched weights again is told whole."""
    line = Told()
    line.commit(0, {"model.safetensors": "a"})
    start = line.commit(48, {"model.safetensors": "b"})
    line.commit(48.5, {"model.safetensors": "c"})
    report = line.report()
    found = in_range(report.line, report.changes, find_since(report.line, line.history(), start))
    assert [len(change.revisions) for change in found] == [2]


@pytest.mark.parametrize("asked", ["nothing", "abcdef1234", "000000"])
def test_unknown_or_ambiguous_start_is_refused(asked: str) -> None:
    """A start that is not on the line, or a prefix of several commits, is an error that says so."""
    line = told()
    with pytest.raises(RevisionNotFoundError, match=r"org/name"):
        find_since(line.report().line, line.history(), asked)

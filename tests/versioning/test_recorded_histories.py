"""Recorded histories of real repositories: what is known of them must be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage_schemas.change import COUNTING_KINDS
from tests.support.lines import NoTexts, recorded, report_of
from tests.support.shared import SHARED, needs_shared

HISTORIES = sorted((SHARED / "data" / "histories").glob("*.json.gz"))

pytestmark = needs_shared


def find(name: str) -> Path:
    """Find one recorded history by its repository's name."""
    return next(path for path in HISTORIES if name in path.name)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_every_history_adds_up(path: Path) -> None:
    """Each line has one first upload at most, and exactly its counting changes have verdicts."""
    changes = report_of(recorded(path), NoTexts()).changes
    assert all((c.verdict is not None) == c.counts for c in changes)
    assert all(c.counts == (c.kind in COUNTING_KINDS) for c in changes)
    assert not changes or changes[0].kind == "first_upload"
    assert sum(c.kind == "first_upload" for c in changes) <= 1


def test_reflection_replaced_all_shards_once_in_silence() -> None:
    """All 162 shards were replaced in one push without a tag, after a push of look-alike commits."""
    report = report_of(recorded(find("Reflection")), NoTexts())
    first, second = report.changes
    assert (first.kind, second.kind, second.verdict) == ("first_upload", "replaced", "silent")
    assert len(second.groups) == 1
    assert len(second.groups[0].files) == 162
    empty = [commit for commit in report.line.commits if commit.changes == ()]
    assert len(empty) >= 130


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("Atom-7B", ["first_upload", "replaced", "removed", "replaced"]),
        ("granite-3.1-1b", ["first_upload", "replaced"]),
        ("CesarChaMal", ["first_upload", "renamed", "component_added", "removed", "replaced"]),
        ("s2-pro", ["first_upload", "component_added"]),
        ("llava", ["first_upload", "component_added"]),
        ("distilroberta", ["first_upload", "format_added", "format_added", "format_added"]),
        ("nuxwork", ["first_upload", "removed", "replaced"]),
        ("oasstpythia", ["first_upload"]),
        ("gpt-oss", ["first_upload"]),
    ],
)
def test_kinds_of_known_repositories(name: str, kinds: list[str]) -> None:
    """Groups that move, formats and components that are added, training state: each has its kind."""
    assert [change.kind for change in report_of(recorded(find(name)), NoTexts()).changes] == kinds


def test_default_branch_need_not_be_main() -> None:
    """Histories whose only branch is `master` or `develop` are read along it."""
    for name, branch in (("mapengAdam", "refs/heads/master"), ("seamless", "refs/heads/develop")):
        report = report_of(recorded(find(name)), NoTexts())
        assert report.line.branch == branch
        assert report.changes

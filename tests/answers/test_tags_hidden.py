"""Moves of tags and re-used versions that are hidden by other groups, branches, removed tags or spellings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.readings import MODEL, WEIGHTS, Readings, by_rule, tagged, weights

pytestmark = pytest.mark.slow


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Readings]:
    """Make a model with one upload, tagged v1.0, on a directory Hub."""
    with tagged("directory", tmp_path) as made:
        yield made


def test_other_groups_than_the_main_one_count(local: Readings) -> None:
    """A tag between commits that differ only in a pickle beside the weights is an error."""
    first = local.repository.commit({"pytorch_model.bin": b"pickled one"})
    local.repository.git("tag", "v1.1", first)
    local.check()
    later = local.repository.commit({"pytorch_model.bin": b"pickled two"}, "Release v2.0")
    local.repository.git("tag", "-f", "v1.1", later)
    answer = local.check()
    (moved,) = by_rule(answer)["moved-tag"]
    assert (moved.severity, answer.verdict) == ("error", "findings")


def test_a_branch_in_place_of_a_removed_tag_is_a_moved_tag(local: Readings) -> None:
    """A branch with the name of a removed tag is loaded in its place, and a range from the name starts at the tag."""
    first = local.repository.git("rev-parse", "main")
    local.check()
    local.repository.git("tag", "-d", "v1.0")
    later = local.repository.commit({WEIGHTS: weights(2)}, "Upload model")
    local.repository.git("update-ref", "refs/heads/v1.0", later)
    for target, since in ((MODEL, None), (MODEL, "v1.0"), (f"{MODEL}@v1.0", None)):
        answer = local.check(target, since=since)
        assert [each.severity for each in by_rule(answer)["moved-tag"]] == ["error"]
        assert answer.verdict == "findings"
    assert local.check(since="v1.0").since_revision == first
    assert local.check(since="refs/heads/v1.0").since_revision == later


def test_a_tag_that_moved_and_was_removed_is_both(local: Readings) -> None:
    """The removal of a moved tag does not take its move away."""
    local.check()
    local.repository.git("tag", "-f", "v1.0", local.repository.commit({WEIGHTS: weights(2)}, "Release v2.0"))
    local.check()
    local.repository.git("tag", "-d", "v1.0")
    found = by_rule(local.check())
    assert [each.severity for each in found["moved-tag"]] == ["error"]
    assert [each.severity for each in found["version-removed"]] == ["warning"]


def test_a_removed_tag_still_names_its_version(local: Readings) -> None:
    """Another spelling of a removed version on other weights is a version that is used again."""
    local.check()
    local.repository.git("tag", "-d", "v1.0")
    local.repository.git("tag", "V1.0.0", local.repository.commit({WEIGHTS: weights(2)}, "Upload model"))
    answer = local.check()
    assert [each.severity for each in by_rule(answer)["version-reused"]] == ["error"]
    assert answer.verdict == "findings"


def test_a_version_on_another_branch_with_other_weights_is_used_again(local: Readings) -> None:
    """Two tags of one version, one of them on another branch, are found from the default branch."""
    other = local.repository.commit({WEIGHTS: weights(2)}, "Release", branch="refs/heads/rel")
    local.repository.git("tag", "1.0.0", other)
    assert [each.severity for each in by_rule(local.check())["version-reused"]] == ["error"]


def test_the_name_of_a_tag_accepts_no_move(local: Readings) -> None:
    """A range from another tag reports a move between earlier commits; one from a commit does not."""
    second = local.repository.commit({WEIGHTS: weights(2)}, "Release v1.5")
    third = local.repository.commit({WEIGHTS: weights(3)}, "Release v2.0")
    local.repository.git("tag", "v2.0", third)
    local.check(since="v2.0")
    local.repository.git("tag", "-f", "v1.0", second)
    assert "moved-tag" in by_rule(local.check(since="v2.0"))
    assert "moved-tag" not in by_rule(local.check(since=third))

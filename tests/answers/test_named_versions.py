"""Versions that tags and cards name twice, and cards that contradict tags, in real repositories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineage_schemas.answers.check import CheckAnswer
from lineage_schemas.answers.finding import Finding
from tests.support.hub_faults import refused
from tests.support.readings import MODEL, HubKind, Readings, by_rule, readings, weights

pytestmark = pytest.mark.slow

WEIGHTS = "model.safetensors"
KINDS: tuple[HubKind, ...] = ("directory", "server")


ABOUT_LEVELS = ("understated-version", "bump-without-change", "overstated-version")


def about_names(answer: CheckAnswer) -> list[Finding]:
    """List the findings but those about whether a version announced enough."""
    return [each for each in answer.findings if each.id not in ABOUT_LEVELS]


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Readings]:
    """Make an empty repository on a directory Hub."""
    with readings("directory", tmp_path) as made:
        yield made


def card(version: str | None, text: str = "") -> bytes:
    """Write a card with a version field."""
    field = f"version: {version}\n" if version is not None else ""
    return f"---\nlicense: mit\n{field}---\n# A model\n{text}\n".encode()


def found(model: Readings, rule: str, target: str = MODEL, **how: Any) -> list[Finding]:
    """Check the model, and return the findings of a rule."""
    return by_rule(model.check(target, **how)).get(rule, [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_tag_that_repeats_the_version_of_an_earlier_card_is_found(kind: HubKind, tmp_path: Path) -> None:
    """The card names 1.1 and a tag names v1.1 after another change: one version names two revisions."""
    with readings(kind, tmp_path) as made:
        first = made.repository.commit({WEIGHTS: weights(1), "README.md": card("1.1")})
        second = made.repository.commit({WEIGHTS: weights(2), "README.md": card("1.2")})
        made.repository.git("tag", "v1.1", second)
        [again] = found(made, "version-reused")
        assert (again.severity, again.rule, again.pointer.revision) == ("error", "LW005", second)
        assert first in again.message
        assert "weights differ" in again.message
        [differ] = found(made, "card-and-tag-differ")
        assert (differ.severity, differ.pointer.file, differ.pointer.field) == ("warning", "README.md", "version")
        assert found(made, "version-reused", offline=True) == [again]
        assert found(made, "version-reused", since=second) == []
        assert found(made, "version-reused", since=first) == [again]


def test_two_tags_of_one_version_are_found(model: Readings) -> None:
    """`v1.0` and `1.0.0` on different weights are one version, used twice; each version is reported once."""
    for seed, tag in enumerate(("v1.0", "1.0.0", "release-1")):
        model.repository.git("tag", tag, model.repository.commit({WEIGHTS: weights(seed)}, f"Version {seed + 7}"))
    [again] = found(model, "version-reused")
    assert "the tag v1.0" in again.message
    assert "the tag 1.0.0" in again.message


def test_a_card_that_returns_to_a_version_is_found(model: Readings) -> None:
    """A card that says 1.0, then 1.1, then 1.0 again names two states 1.0."""
    for seed, version in enumerate(("1.0", "1.1", "1.0")):
        model.repository.commit({WEIGHTS: weights(seed), "README.md": card(version)})
    [again] = found(model, "version-reused")
    assert again.pointer.file == "README.md"


def test_a_version_that_a_card_without_weights_names_is_known(model: Readings) -> None:
    """A card that announces a version in a push of its own names the weights that were there."""
    model.repository.commit({WEIGHTS: weights(1)})
    model.repository.commit({"README.md": card("2.0")})
    model.repository.git("tag", "v2", model.repository.commit({WEIGHTS: weights(2)}))
    assert len(found(model, "version-reused")) == 1


def test_a_card_that_keeps_its_version_names_it_once(model: Readings) -> None:
    """A version that stays in the card while texts and weights change is not named again."""
    model.repository.commit({WEIGHTS: weights(1), "README.md": card("1.0")})
    model.repository.commit({"README.md": card("1.0", "more text")})
    model.repository.commit({WEIGHTS: weights(2), "README.md": card("1.0", "even more")}, "retrained on more data")
    assert found(model, "version-reused") == []


def test_a_version_within_one_push_is_named_once(model: Readings) -> None:
    """The card of one commit and the tag of another commit of the same push name one state."""
    model.repository.commit({WEIGHTS: weights(1)})
    model.repository.commit({"README.md": card("1.1")})
    model.repository.commit({WEIGHTS: weights(2)}, later=60)
    model.repository.git("tag", "v1.1", model.repository.commit({"config.json": b"{}"}, later=60))
    assert model.check().findings == ()


def test_a_version_on_equal_weights_may_be_named_again(model: Readings) -> None:
    """After a change was taken back, the version that it had is that of its weights again."""
    model.repository.git("tag", "v1.0", model.repository.commit({WEIGHTS: weights(1)}))
    model.repository.git("tag", "v1.1", model.repository.commit({WEIGHTS: weights(2)}))
    model.repository.git("tag", "1.0.0", model.repository.commit({WEIGHTS: weights(1)}))
    assert found(model, "version-reused") == []


def test_branches_name_no_versions(model: Readings) -> None:
    """A branch called v1.0 beside a tag of that version elsewhere is not a second naming."""
    first = model.repository.commit({WEIGHTS: weights(1)})
    model.repository.git("update-ref", "refs/heads/1.0", first)
    model.repository.git("tag", "v1.0", model.repository.commit({WEIGHTS: weights(2)}))
    assert model.check().findings == ()


@pytest.mark.parametrize(
    ("tags", "version"),
    [
        (["v2.0"], "2"),
        (["v2"], "2.0.0"),
        (["v1.10"], "1.10"),
        (["v1.1.0", "stable"], "1.1"),
        (["v1.0", "v1.1"], "1.1"),
        (["latest"], "1.1"),
        (["step-1000"], "1.1"),
        (["1000"], "1.1"),
        (["v1.1-awq"], "1.0"),
        (["2024.05"], "1.1"),
        (["v1.1"], None),
        (["v1.1"], "main"),
        (["v2.0-rc.1"], "'2.0rc1'"),
    ],
)
def test_tags_and_cards_that_agree_or_name_no_version(model: Readings, tags: list[str], version: str | None) -> None:
    """Spellings of one version agree; names, steps, dates and variants are not compared."""
    commit = model.repository.commit({WEIGHTS: weights(1), "README.md": card(version)})
    for tag in tags:
        model.repository.git("tag", tag, commit)
    assert about_names(model.check()) == []


@pytest.mark.parametrize(("tag", "version"), [("v2.0", "1.1"), ("v1.1", "1.10"), ("v1.0", "1.0-rc1"), ("v2", "'1'")])
def test_tags_and_cards_that_differ(model: Readings, tag: str, version: str) -> None:
    """A tag beside another version in the card is a warning, which leaves the verdict clean."""
    commit = model.repository.commit({WEIGHTS: weights(1), "README.md": card(version)})
    model.repository.git("tag", tag, commit)
    answer = model.check()
    [differ] = about_names(answer)
    assert (differ.id, differ.severity, answer.verdict) == ("card-and-tag-differ", "warning", "clean")
    assert f"`version: {version.strip(chr(39))}`" in differ.message
    assert f" {tag} " in differ.message


def test_cards_are_compared_offline(tmp_path: Path) -> None:
    """The cards of tagged commits are kept, so that a later check needs no Hub."""
    with readings("api", tmp_path) as made:
        commit = made.repository.commit({WEIGHTS: weights(1), "README.md": card("1.1")})
        made.repository.git("tag", "v2.0", commit)
        made.repository.commit({"README.md": card("2.0")})
        before = made.check()
        assert [each.id for each in about_names(before)] == ["card-and-tag-differ"]
        after = made.check(offline=True)
        assert about_names(after) == about_names(before)


def test_cards_cost_a_bounded_number_of_requests(tmp_path: Path) -> None:
    """Where each card costs a request, the newest twenty are read."""
    with readings("api", tmp_path) as made:
        for number in range(24):
            commit = made.repository.commit({"README.md": card(f"{number}.0"), WEIGHTS: weights(1)})
            made.repository.git("tag", f"v{number}.0", commit)
        answer = made.check()
        assert made.server is not None
        assert 20 <= len(made.server.asked("*/README.md")) <= 24
        assert about_names(answer) == []


def test_a_card_that_was_not_read_is_noted(tmp_path: Path) -> None:
    """Nothing is claimed of a tagged commit whose card could not be read: a note says so, and the verdict stays."""
    with readings("api", tmp_path) as made:
        commit = made.repository.commit({WEIGHTS: weights(1), "README.md": card("1.1")})
        made.repository.git("tag", "v2.0", commit)
        made.repository.commit({"README.md": card("2.0")})
        assert made.server is not None
        made.server.fault(f"*/{commit}/README.md", refused(404, "EntryNotFound"))
        answer = made.check()
        assert (answer.verdict, answer.findings) == ("clean", ())
        assert answer.notes == ("the card was not read at v2.0, so its version was not compared with the tag",)

"""Announced versions of a line: which, in which order, and at which revision."""

from __future__ import annotations

import pytest

from lineage.versioning.announced import Announced, announced_versions, current_version, other_tags
from lineage.versioning.line import first_parent_line
from lineage.versioning.named_versions import card_identities
from lineage.versioning.signals import tags_by_commit
from tests.support.lines import HistoryBuilder


def announced(made: HistoryBuilder) -> list[Announced]:
    """List the announced versions of a history's only branch."""
    history = made.history()
    line = first_parent_line(history, "refs/heads/main", made.commits[-1].id)
    texts = {commit.id: made.texts.get((commit.id, "README.md")) for commit in made.commits}
    identities = zip(line.commits, card_identities(line), strict=True)
    cards = {identity: text for commit, identity in identities if identity and (text := texts[commit.id])}
    return announced_versions(line, tags_by_commit(history), cards, made.report().changes)


def shown(made: HistoryBuilder) -> list[tuple[str, int, str]]:
    """List number, position and source of the announced versions."""
    return [(each.number.shown, each.position, each.by) for each in announced(made)]


def card(version: str) -> str:
    """Write a card with a version."""
    return f"---\nversion: {version}\n---\n# Model\n"


def test_tags_cards_and_the_name_announce_in_order_of_the_line() -> None:
    """The name speaks for the first upload, a card for its push, a tag for its commit."""
    made = HistoryBuilder("org/model-v1")
    made.commit(0, {"README.md": "# Model"})
    made.commit(3, {"model.safetensors": "a"})
    made.commit(50, {"README.md": card("1.1")})
    made.commit(50.5, {"model.safetensors": "b"})
    made.commit(100, {"model.safetensors": "c"}, tag="v2.0")
    assert shown(made) == [("1.0.0", 1, "name"), ("1.1.0", 3, "card"), ("2.0.0", 4, "tag")]


def test_a_version_of_card_and_tag_is_at_the_tag() -> None:
    """A card that names a version before it is tagged does not announce it twice."""
    made = HistoryBuilder()
    made.commit(0, {"model.safetensors": "a", "README.md": card("1.0")})
    made.commit(24, {"model.safetensors": "b"}, tag="v1.0.0")
    assert shown(made) == [("1.0.0", 1, "tag")]


def test_several_tags_of_one_commit() -> None:
    """An abbreviation of another tag is left out, equal spellings count once, and other tags are no versions."""
    made = HistoryBuilder()
    made.commit(0, {"model.safetensors": "a"})
    for tag in ("v1", "v1.2", "v1.2.3", "1.2.3", "fp16", "4.0bpw"):
        made.tags[tag] = made.commits[0].id
    assert shown(made) == [("1.2.3", 0, "tag")]
    assert other_tags(tags_by_commit(made.history())) == ["4.0bpw", "fp16"]


def test_a_name_with_its_own_numbering_is_left_out() -> None:
    """A lower tag shows that the number in the name is another series."""
    made = HistoryBuilder("org/bert-v3")
    made.commit(0, {"model.safetensors": "a"})
    made.commit(24, {"model.safetensors": "b"}, tag="v1.0")
    assert shown(made) == [("1.0.0", 1, "tag")]


def test_a_lower_version_stays_in_its_place() -> None:
    """The order is that of the line, also where a number goes down."""
    made = HistoryBuilder()
    made.commit(0, {"model.safetensors": "a"}, tag="v2.0")
    made.commit(24, {"model.safetensors": "b"}, tag="v1.1")
    assert shown(made) == [("2.0.0", 0, "tag"), ("1.1.0", 1, "tag")]


def test_a_card_names_its_version_once_and_ends_before_a_tag() -> None:
    """A card that keeps its version announces nothing more; one in the push of a tag does not reach past the tag."""
    made = HistoryBuilder()
    made.commit(0, {"README.md": card("1.0")})
    made.commit(0.2, {"model.safetensors": "a"}, tag="v0.9")
    made.commit(0.4, {"model.safetensors": "b"})
    made.commit(30, {"README.md": card("1.0") + "More.\n"})
    assert shown(made) == [("0.9.0", 1, "tag"), ("1.0.0", 1, "card")]


def test_the_block_of_a_card_announces_its_version() -> None:
    """The version under the key `lineage` is a version of the card."""
    made = HistoryBuilder()
    made.commit(0, {"model.safetensors": "a", "README.md": "---\nlineage:\n  version: 1.4.0\n---\n"})
    assert shown(made) == [("1.4.0", 0, "card")]


@pytest.mark.parametrize(("position", "expected"), [(0, None), (1, "1.0.0"), (2, "1.0.0"), (3, "1.1.0")])
def test_the_current_version_is_the_last_announced_one(position: int, expected: str | None) -> None:
    """A revision has the version that was announced last up to it."""
    made = HistoryBuilder()
    made.commit(0, {"model.safetensors": "a"})
    made.commit(24, {"README.md": "# Model"}, tag="v1.0")
    made.commit(48, {"model.safetensors": "b"})
    made.commit(72, {"README.md": "# Model 2"}, tag="v1.1")
    found = current_version(announced(made), position)
    assert (found.number.shown if found else None) == expected

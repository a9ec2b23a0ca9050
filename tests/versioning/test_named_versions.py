"""Versions that tags and cards name along a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.versioning.named_versions import card_identities, card_versions, differing, named_versions, reused
from lineage.versioning.words import is_date, version_of
from tests.support.lines import HistoryBuilder


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v1.0", "1"),
        ("1.0.0", "1"),
        ("V1", "1"),
        ("v-2.10", "2.10"),
        ("v0.0", "0"),
        ("release/2.0", "2"),
        ("version 3", "3"),
        ("01.02", "1.2"),
        ("1.0rc1", "1-rc1"),
        ("v1.0.0-rc.1", "1-rc1"),
        ("1.0-preview", "1-rc0"),
        ("1.0a2", "1-a2"),
        ("1.0.alpha2", "1-a2"),
        ("v1.0-awq", None),
        ("1000", None),
        ("7b", None),
        ("1.5b", None),
        ("latest", None),
        ("", None),
        ("v", None),
        ("1." * 50 + "1", None),
        ("1.0\n", "1"),
        ("١.٢", None),
    ],
)
def test_a_text_that_is_a_version_as_a_whole(text: str, version: str | None) -> None:
    """Spellings of one version are equal; sizes, variants and names are not versions."""
    assert version_of(text) == version


@given(st.text(max_size=40))
def test_any_text_is_a_version_or_none(text: str) -> None:
    """No text is an error, and a version is its own spelling again where a field marks it."""
    found = version_of(text, needs_mark=False)
    assert found is None or version_of(found, needs_mark=False) == found


@pytest.mark.parametrize(
    ("version", "expected"), [("2024.5", True), ("20240506", True), ("2", False), ("1.2024", False)]
)
def test_dates_are_told_from_numbers(version: str, expected: bool) -> None:
    """A version that begins with a year is a date."""
    assert is_date(version) is expected


@pytest.mark.parametrize(
    ("fields", "versions"),
    [
        ("version: 1.10", {"version: 1.10": "1.10"}),
        ("version: 1.10  # next: 2", {"version: 1.10": "1.10"}),
        ("version: '1.10'", {"version: 1.10": "1.10"}),
        ("version: 2\nmodel_version: 2.1", {"version: 2": "2", "model_version: 2.1": "2.1"}),
        ("version: true", {}),
        ("version: [1.0]", {}),
        ("version: main", {}),
        ("version: [", {}),
        ("license: mit", {}),
    ],
)
def test_versions_of_a_card_are_read_as_they_are_written(fields: str, versions: dict[str, str]) -> None:
    """A number keeps its zeros; other values and broken metadata name no version."""
    assert card_versions(f"---\n{fields}\n---\nversion: 9.9\n") == versions


def test_a_version_of_the_text_below_the_metadata_is_not_a_field() -> None:
    """Only the metadata block has fields."""
    assert card_versions("---\nlicense: mit\n---\nversion: 1.0\n") == {}
    assert card_versions("version: 1.0") == {}
    assert card_versions("---\n{version: 1.5}\n---\nversion: 9.9\n") == {"version: 1.5": "1.5"}


def test_names_along_a_line() -> None:
    """Tags name a version where they are, cards where their version is new; a removed card names it anew."""
    line = HistoryBuilder()
    texts: dict[str, str] = {}
    for hours, version in ((0, "1"), (48, "1"), (96, None), (144, "1")):
        content = None if version is None else f"---\nversion: {version}\n---\n{'later' if hours == 48 else ''}"
        line.commit(hours, {"README.md": content, "model.safetensors": f"{hours}"}, tag="v1.0" if hours == 48 else "")
        texts |= {} if content is None else {card_identities(line.report().line)[-1] or "": content}
    report = line.report()
    tags = {line.tags["v1.0"]: ["v1.0"]}
    named = named_versions(report.line, tags, texts)
    assert [(each.position, each.source) for each in named] == [
        (0, "the card (version: 1)"), (1, "the tag v1.0"), (3, "the card (version: 1)"),
    ]  # fmt: skip
    assert [each.again.position for each in reused(named, report.line, report.changes)] == [1, 3]
    assert named_versions(report.line, {}, {}) == []


def test_a_date_and_a_number_are_not_compared() -> None:
    """A tag that is a date does not contradict a numbered card, and one of several tags may be that of the card."""
    card = "---\nversion: '1.1'\n---\n"
    assert differing(["2024.05", "latest"], card) is None
    assert differing(["v2.0", "v1.1.0"], card) is None
    assert differing(["2024.05", "v2.0"], card) == ("v2.0", "version: 1.1")

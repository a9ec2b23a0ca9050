"""Numbers of versions: which texts are one, their order, the level of a step, and the number after a change."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.versioning.numbers import Number, Step, next_number, read_number, step_between


def number(text: str) -> Number:
    """Read a text that is a version."""
    found = read_number(text, needs_mark=False)
    assert found is not None, text
    return found


@pytest.mark.parametrize(
    ("text", "shown", "coerced"),
    [
        ("v2", "2.0.0", True),
        ("1.0", "1.0.0", True),
        ("release-2", "2.0.0", True),
        ("v1.0.0-rc1", "1.0.0-rc1", False),
        ("1.0.0-rc.1+build.5", "1.0.0-rc.1", False),
        ("v1.0-beta", "1.0.0-beta", True),
        ("1.0rc2", "1.0.0-rc.2", True),
        ("1.2.3.4", "1.2.3+4", True),
        ("20.4", "20.4.0", True),
        ("2024.05", "2024.05", False),
        ("v2024.1.0", "2024.1.0", False),
        ("2024-05-06", "2024-05-06", False),
        ("20240506", "20240506", False),
    ],
)
def test_a_number_is_read_as_it_is_written(text: str, shown: str, coerced: bool) -> None:
    """Semver stays, other numbers are coerced to it, and dates stay dates."""
    found = read_number(text)
    assert found is not None
    assert (found.shown, found.coerced) == (shown, coerced)


@pytest.mark.parametrize(
    "text",
    ["fp16", "4.0bpw", "gguf", "main-backup", "1", "2024", "123456789", "20241399", "1.0.0-fp16", "1.0.0-q4_k_m",
     "v1.0-awq", "", "v", "١.٢", "1." * 60, "9" * 4000, "latest", "epoch-3"],
)  # fmt: skip
def test_a_text_that_is_not_a_version(text: str) -> None:
    """Formats, sizes, steps and names are not versions."""
    assert read_number(text) is None


@given(st.text(max_size=60) | st.from_regex(r"v?\d{1,5}([-._]\d{1,4}){0,4}(-?(rc|post|fp)\d*)?", fullmatch=True))
def test_any_text_is_a_number_or_none(text: str) -> None:
    """No text is an error, and what a number is shown as is the same number again."""
    found = read_number(text)
    if found is not None and not found.rest:
        again = read_number(found.shown, needs_mark=False)
        assert again is not None
        assert again.same_as(found)


def test_versions_are_in_the_order_of_semver() -> None:
    """Pre-releases come before their version, numbers are compared as numbers, dates among themselves."""
    order = ["0.9", "1.0.0-alpha", "1.0.0-rc.1", "1.0.0-rc.2", "v1", "1.0.0.1", "1.2", "1.10", "v2.0.0"]
    for early, late in pairwise(order):
        assert number(late).is_after(number(early)) is True
        assert number(early).is_after(number(late)) is False
    assert number("2024.10").is_after(number("2024.9")) is True
    assert number("2024.10").is_after(number("1.0")) is None


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        ("1.0", "2.0", "major"),
        ("1.0.0", "1.1.0", "minor"),
        ("1.0.0", "1.0.1", "patch"),
        ("1.9", "1.10", "minor"),
        ("0.3.1", "0.4.0", "major"),
        ("0.3.1", "0.3.2", "patch"),
        ("0.9", "1.0", "major"),
        ("1.0.0", "1.1.0-rc1", "minor"),
        ("1.1.0-rc1", "1.1.0-rc2", "minor"),
        ("2.0.0-rc1", "2.0.0", "major"),
        ("1.0.1-rc1", "1.0.1", "patch"),
        ("1.2.3.4", "1.2.3.5", "patch"),
        ("2.0", "1.1", "none"),
        ("v1.0", "1.0.0", "none"),
        ("2024.05", "2024.06", None),
        ("1.0", "2024.06", None),
    ],
)
def test_the_level_that_a_step_announces(before: str, after: str, step: Step | None) -> None:
    """The first number that differs is the level; within 0.x the second one may break; a date names no level."""
    assert step_between(number(before), number(after)) == step


@pytest.mark.parametrize(
    ("current", "step", "expected"),
    [
        ("1.4.2", "major", "2.0.0"),
        ("1.4.2", "minor", "1.5.0"),
        ("1.4.2", "patch", "1.4.3"),
        ("v2", "none", "2.0.0"),
        ("0.3.1", "major", "0.4.0"),
        ("0.3.1", "minor", "0.4.0"),
        ("0.3.1", "patch", "0.3.2"),
        ("1.1.0-rc1", "minor", "1.1.0"),
        ("1.1.0-rc1", "major", "2.0.0"),
        ("2024.05", "major", "2024.09"),
        ("2024.5", "minor", "2024.9"),
        ("2024-05-06", "minor", "2024-09-10"),
        ("20240506", "patch", "20240910"),
        ("2024.09", "patch", "2024.09.1"),
        ("2024.09.1", "patch", "2024.09.2"),
        ("2024.12", "patch", "2024.12.1"),
    ],
)
def test_the_number_after_a_change(current: str, step: Step, expected: str) -> None:
    """Semver is counted by its rules; a calendar version takes the date of the change, or a counter."""
    assert next_number(number(current), step, datetime(2024, 9, 10, tzinfo=UTC)) == expected


@given(
    st.tuples(*[st.integers(1, 50)] * 3) | st.tuples(st.just(0), *[st.integers(0, 50)] * 2),
    st.sampled_from(["major", "minor", "patch"]),
)
def test_the_suggested_number_announces_at_least_the_level(numbers: tuple[int, int, int], step: Step) -> None:
    """What is suggested for a level is a later number, and its step announces that level or a higher one."""
    current = number(".".join(map(str, numbers)))
    later = number(next_number(current, step, None))
    order: list[Step | None] = ["none", "patch", "minor", "major"]
    assert later.is_after(current)
    assert order.index(step_between(current, later)) >= order.index(step)

"""What each format can prove: the table in code, the page that shows it, and what follows from a share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.derivation.numeric.formats import (
    EXACT,
    FORMATS,
    MAX_OF_NEXT,
    MIN_CODES,
    NEAR_EXACT,
    Format,
    formats_of,
    judged,
)
from lineage.fingerprint.values.requantise import GRIDS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "formats.md"
CODES = 50_000

BELOW_THEIR_CLASS = {"IQ4_XS": 0.0002}
"""Exact by its files; the table has the lower share of matrices in memory, and the page says so."""


def rows_of_page() -> Iterator[tuple[str, ...]]:
    """Read the rows of both tables: name, files, share of the parent, share of the next relative, class."""
    head: list[str] = []
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
        elif head[0] in ("type", "layout") and "files" in head and not set(line) <= {"|", "-"}:
            by = dict(zip(head, cells, strict=True))
            shares = ("codes that return to the true parent", "to the next relative")
            yield by[head[0]], by["files"], *(by[each] for each in shares), by["class"]


PAGE_ROWS = {row[0]: row[1:] for row in rows_of_page()}


def least(cell: str) -> float | None:
    """Return the least share that a cell names."""
    return min((float(each) / 100 for each in re.findall(r"([\d.]+) %", cell)), default=None)


def test_the_page_has_the_rows_of_the_table() -> None:
    """Each format of the table is one row of the page, in the same order, and the page has no other."""
    assert list(PAGE_ROWS) == [row.name for row in FORMATS]


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_the_page_says_of_a_format_what_answers_follow(row: Format) -> None:
    """Files, shares, class and margin of a row are those by which `compare` judges."""
    files, parent, relative, kind = PAGE_ROWS[row.name]
    assert sum(int(each) for each in files.split(",")) == row.files
    assert least(parent) == (None if row.returns is None else pytest.approx(row.returns, abs=1e-9))
    assert least(relative) == (None if row.relative is None else pytest.approx(row.relative, abs=1e-9))
    assert re.match(rf"{row.kind}\b", kind)
    assert (row.margin is None) or kind.startswith(f"least residual: {row.margin}")


@pytest.mark.parametrize("row", [row for row in FORMATS if row.files], ids=lambda row: row.name)
def test_a_class_follows_from_the_shares(row: Format) -> None:
    """Exact formats return 99.9 %, near-exact ones 90 % with the next relative at 80 % at most."""
    if row.kind == "exact":
        assert (row.returns or 0) >= EXACT - BELOW_THEIR_CLASS.get(row.name, 0)
    if row.kind == "near-exact":
        assert (row.returns or 0) >= NEAR_EXACT
        assert (row.relative or 1) <= MAX_OF_NEXT
    assert (row.margin is not None) == (row.kind == "least residual")


@pytest.mark.parametrize("row", [row for row in FORMATS if not row.files], ids=lambda row: row.name)
def test_a_format_without_files_has_no_class_that_proves(row: Format) -> None:
    """Without a real file a format is not measured, shows relatives only, or is not compared."""
    assert row.kind in ("not measured", "related only", "not comparable")
    assert row.returns is row.relative is None


def test_the_layouts_of_a_method_are_told_apart() -> None:
    """No sample of one bit width and zero point belongs to two rows, but for files with an importance matrix."""
    for method in {method for row in FORMATS for method in row.methods}:
        for bits in (None, 2, 3, 4, 8, 16):
            for zeros in (None, False, True):
                assert len([row for row in formats_of(method, bits, zeros) if not row.variant]) <= 1


def test_formats_without_a_row_are_not_measured() -> None:
    """A grid that is known is no measured format: GPTQ of 8 bits has a row and no real file."""
    for method in GRIDS:
        rows = formats_of(method, 8)
        if not rows or not rows[0].files:
            found = judged(rows, 1.0, CODES)
            assert (found.outcome, found.proves) == ("undecided", False)
            assert found.why == "no real file of this format was measured"
    assert not any(row.files for row in formats_of("gptq", 8))


@pytest.mark.parametrize(
    "row", [row for row in FORMATS if row.kind == "exact" and row.methods], ids=lambda row: row.name
)
def test_only_the_share_of_the_parent_counts_for_an_exact_format(row: Format) -> None:
    """The least share of any true parent counts for it, that of the nearest relative never, and less is against it."""
    rows = formats_of(row.methods[0], row.bits, row.zeros)
    returns, relative = row.returns or 0, row.relative or 0
    assert judged(rows, returns, CODES).proves
    between = judged(rows, relative, CODES)
    assert (between.outcome, between.proves) == ("undecided", False)
    assert f"the parent of this format returns ≥ {row.parent_from(CODES):.2%}" in between.why
    below = judged(rows, relative - 0.001, CODES)
    assert below.outcome == ("undecided" if row.moved_by else "against")
    assert (row.moved_by or "") in below.why


@pytest.mark.parametrize(("method", "share"), [("Q5_1", 0.987), ("Q4_0", 0.993), ("Q8_0", 0.90), ("Q5_0", 0.996)])
def test_a_light_fine_tune_is_not_taken_for_the_parent(method: str, share: float) -> None:
    """A light fine-tune of the parent, or the parent of a file with an importance matrix: neither for nor against."""
    assert judged(formats_of(method), share, CODES).outcome == "undecided"


def test_a_twin_is_not_told_from_the_parent() -> None:
    """Where as many codes return as from the parent, the answer names near-twins."""
    assert "near-twin" in judged(formats_of("Q2_K"), 0.9998, CODES).why


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize(
    ("method", "why"),
    [
        ("IQ3_S", "of this format the parent is only the nearest of several candidates, by 1.06 to 1.12"),
        ("awq", "programs change values before they write this format, so that it only shows relatives"),
        ("Q8_K", "no real file of this format was measured"),
    ],
)
def test_a_class_without_a_share_decides_nothing(method: str, why: str, share: float) -> None:
    """Least residual, related only and not measured give their reason, whatever returns."""
    found = judged(formats_of(method), share, CODES)
    assert (found.outcome, found.why) == ("undecided", why)


def test_a_near_exact_format_counts_from_nine_in_ten_and_proves_nothing() -> None:
    """A near-exact format names the method from 90 %; what is below the next relative is against it."""
    rows = [Format("near", 2, "near-exact", 0.95, 0.7, ("near",))]
    found = [judged(rows, share, CODES) for share in (0.9, 0.8, 0.69)]
    assert [(each.outcome, each.proves) for each in found] == [("for", False), ("undecided", False), ("against", False)]


@given(codes=st.integers(MIN_CODES, 1_000_000), row=st.sampled_from([each for each in FORMATS if each.kind == "exact"]))
def test_more_codes_never_lower_what_the_parent_must_return(codes: int, row: Format) -> None:
    """The allowance shrinks with the sample, lets at least one code miss, and stays above the next relative."""
    few, more = row.parent_from(codes), row.parent_from(2 * codes)
    assert few is not None
    assert more is not None
    assert (row.relative or 0) < few <= more <= min(EXACT, row.returns or 0)
    assert few <= 1 - 1 / codes


def test_a_handful_of_codes_shows_nothing() -> None:
    """Fewer than 256 codes neither show nor exclude a parent."""
    assert (
        judged(formats_of("Q8_0"), 1.0, MIN_CODES - 1).why == f"{MIN_CODES - 1} codes are too few, {MIN_CODES} show it"
    )

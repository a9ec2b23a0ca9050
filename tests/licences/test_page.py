"""docs/licences.md shows the table of licences."""

from __future__ import annotations

from lineage.licences import parse
from lineage.licences.table import licences
from tests.support.shared import ROOT
from tools.write_licences import PAGE, TABLE, rewritten


def test_the_page_is_fresh() -> None:
    """The tables of the page are those of the data (`make licences-table` writes them)."""
    text = PAGE.read_text("utf-8")
    assert len(TABLE.findall(text)) == 1
    assert rewritten(text) == text, "run `make licences-table`"
    assert all(f"| `{licence.id}` |" in text for licence in licences())


def test_a_stale_page_is_noticed() -> None:
    """A value that differs from the data is found."""
    text = PAGE.read_text("utf-8")
    assert rewritten(text.replace("| `mit` | `MIT` | yes |", "| `mit` | `MIT` | no |")) == text
    assert "| `mit` | `MIT` | yes |" in text


def test_the_page_has_the_bounds_of_the_code() -> None:
    """The page names the bounds that `parse` applies."""
    text = " ".join((ROOT / "docs" / "licences.md").read_text("utf-8").split())
    bounds = (
        f"{parse.MAX_CHARACTERS:,} characters, {parse.MAX_LICENCES} licences or {parse.MAX_DEPTH} nested parentheses"
    )
    assert bounds in text

"""Write the tables of docs/licences.md from the licences that are known."""

from __future__ import annotations

import re
from pathlib import Path

from lineage.licences.table import TERMS, Licence, exceptions, licences

ROOT = Path(__file__).parents[1]

PAGE = ROOT / "docs" / "licences.md"

TABLE = re.compile(r"(?<=<!-- licences -->\n).*?(?=<!-- end of licences -->)", re.DOTALL)

EXCEPTIONS = re.compile(r"(?<=<!-- exceptions -->\n).*?(?=<!-- end of exceptions -->)", re.DOTALL)

HEADINGS = (
    "commercial use",
    "derivatives",
    "attribution",
    "notice",
    "share-alike",
    "naming",
    "acceptable use",
    "users",
)
"""What the columns of the terms are called, in their order."""


def table() -> str:
    """Write a row for each licence."""
    head = ["licence", "SPDX", *HEADINGS, "source", "remark"]
    lines = [_row(head), _row(["---"] * len(head)), *map(_licence, licences())]
    return "\n" + "\n".join(lines) + "\n\n"


def exception_table() -> str:
    """Write a row for each exception."""
    rows = [
        _row([f"`{each.id}`", ", ".join(f"{term}: {value}" for term, value in each.relaxes), f"[text]({each.source})"])
        for each in exceptions()
    ]
    return "\n" + "\n".join([_row(["exception", "relaxes", "source"]), _row(["---"] * 3), *rows]) + "\n\n"


def _licence(licence: Licence) -> str:
    """Write the row of a licence."""
    spdx = ", ".join(f"`{name}`" for name in licence.spdx)
    values = [f"{int(value):,}" if value.isdecimal() else value for value in licence.values]
    assert len(values) == len(TERMS)
    return _row([f"`{licence.id}`", spdx, *values, f"[text]({licence.source})", licence.note])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def rewritten(text: str) -> str:
    """Return the page with its current tables."""
    return EXCEPTIONS.sub(lambda _: exception_table(), TABLE.sub(lambda _: table(), text))


def main() -> int:
    """Rewrite the page."""
    PAGE.write_text(rewritten(PAGE.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

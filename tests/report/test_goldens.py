"""Every renderer is compared with a reviewed output."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lineage.report.render import IN_DETAIL, RENDERERS, render
from lineage.report.text import plain
from tests.report.records import ANSWERS

ENDINGS = {"commands": "sh", "card": "yaml", "markdown": "md", "mermaid": "mmd", "dot": "dot", "jsonl": "jsonl",
           "csv": "csv", "html": "html", "sarif": "sarif", "github": "github"}  # fmt: skip

CASES = [
    (name, to_format)
    for name, make in ANSWERS.items()
    for record, to_format in RENDERERS
    if type(make()).__name__ == record
]

WIDTH = 100


def text_of(name: str, to_format: str, *, in_detail: bool = False) -> str:
    """Render an answer as for a pipe."""
    rendered = render(ANSWERS[name](), to_format, in_detail=in_detail)
    return rendered if isinstance(rendered, str) else plain(rendered)


@pytest.mark.parametrize(("name", "to_format"), CASES)
def test_a_renderer_writes_its_golden(name: str, to_format: str, golden: Callable[[str, str], None]) -> None:
    """An answer is rendered exactly as in its reviewed golden."""
    golden(f"{name}.{ENDINGS.get(to_format, 'txt')}", text_of(name, to_format))


@pytest.mark.parametrize("to_format", [to_format for answer, to_format in IN_DETAIL if answer == "CheckAnswers"])
def test_details_of_all_models_are_shown_if_they_are_asked_for(
    to_format: str, golden: Callable[[str, str], None]
) -> None:
    """In detail, the models without a finding have their details too."""
    golden(
        f"check-several-in-detail.{ENDINGS.get(to_format, 'txt')}", text_of("check-several", to_format, in_detail=True)
    )


@pytest.mark.parametrize("to_format", ["table", "markdown"])
def test_each_of_many_models_is_one_row(to_format: str) -> None:
    """A model that is missing is one row, and what a finding says is not repeated; in detail, no row is left out."""
    short, whole = (text_of("audit-many", to_format, in_detail=each) for each in (False, True))
    assert (short.count("lab/gone-"), whole.count("lab/gone-")) == (21, 26)  # one of them in the command
    assert "5 more; " in short


def test_every_renderer_has_a_golden() -> None:
    """Every pair of record and format has a golden."""
    assert {(type(ANSWERS[name]()).__name__, to_format) for name, to_format in CASES} == set(RENDERERS)


@pytest.mark.parametrize(("name", "to_format"), [case for case in CASES if case[1] in {"table", "tree"}])
def test_lines_are_short(name: str, to_format: str) -> None:
    """Text formats fit into 100 columns, except digests and lists of evidence."""
    long = [line for line in text_of(name, to_format).splitlines() if len(line) > WIDTH]
    assert [line for line in long if ".v1:" not in line and "·" not in line] == []

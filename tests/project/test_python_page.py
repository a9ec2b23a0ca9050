"""docs/python.md shows the current output of its code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.shared import ROOT

PAGE = ROOT / "docs/python.md"

BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)

RUN = """
import contextlib, io, json, sys
names, outputs = {"__name__": "page"}, []
for code in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "docs/python.md", "exec"), names)
    outputs.append(printed.getvalue())
print(json.dumps(outputs))
"""


def outputs(page: str, folder: Path) -> list[str]:
    """Run the code of a page, block after block in one process, and return what each block prints."""
    codes = [block["code"] for block in BLOCK.finditer(page)]
    done = subprocess.run(
        [sys.executable, "-c", RUN], input=json.dumps(codes), cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def rewritten(page: str, printed: list[str]) -> str:
    """Return a page with the current output of its blocks."""
    rest = iter(printed)

    def block(found: re.Match[str]) -> str:
        shown = next(rest)
        return f"```python\n{found['code']}```\n" + (f"\n```text\n{shown}```\n" if shown else "")

    return BLOCK.sub(block, page)


@pytest.mark.slow
def test_the_code_of_the_page_prints_what_stands_under_it(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The blocks run in order, offline, and print what the page shows; `--update-goldens` rewrites it."""
    page = PAGE.read_text("utf-8")
    assert len(BLOCK.findall(page)) >= 6
    found = rewritten(page, outputs(page, tmp_path))
    if request.config.getoption("--update-goldens", default=False):
        PAGE.write_text(found, "utf-8")
        page = found
    assert found == page


def test_the_functions_of_the_page_are_there() -> None:
    """Each function of the table exists and returns the records in its row."""
    rows = re.findall(r"^\| [^|]+ \| `([\w.]+)` \| (.+) \|$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    assert len(rows) >= 8
    for name, records in rows:
        module, _, function = name.rpartition(".")
        returned = getattr(import_module(module), function).__annotations__["return"]
        assert returned.split(" | ") == re.findall(r"`(\w+)`", records), name


def test_a_stale_page_is_noticed(tmp_path: Path) -> None:
    """A wrong output is found; code without output needs no block below it."""
    page = "```python\nx = 1\n```\n\nand\n\n```python\nprint(x)\n```\n\n```text\n2\n```\n"
    assert outputs(page, tmp_path) == ["", "1\n"]
    assert rewritten(page, ["", "1\n"]) == page.replace("2\n", "1\n")

"""The lines of keys in TOML texts."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.settings.toml_lines import MAX_DEPTH, toml_lines

TEXT = '''\
# [not-a-table]
top = 1
[ignore-me] # comment
"quoted key".inner = """
fake = 1
"""
list = [
  "a", # b = 2
  { x = 1, "y" = [2,
  3] },
  'c # d',
]
[[rows]]
name = 'literal \\'
[rows.sub]
deep = 2024-01-01 10:00:00
[[rows]]
name = "esc \\" [x]"
"l\\u0069ne" = 1e6
'''


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """List the paths of all keys and items of parsed TOML."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def test_each_key_has_its_line() -> None:
    """Keys in tables, lists of tables, inline tables and lists have the line on which they begin."""
    found = toml_lines(TEXT)
    wanted = {
        ("top",): 2, ("ignore-me",): 3, ("ignore-me", "quoted key"): 4, ("ignore-me", "quoted key", "inner"): 4,
        ("ignore-me", "list"): 7, ("ignore-me", "list", 0): 8, ("ignore-me", "list", 1): 9,
        ("ignore-me", "list", 1, "x"): 9, ("ignore-me", "list", 1, "y"): 9, ("ignore-me", "list", 1, "y", 0): 9,
        ("ignore-me", "list", 1, "y", 1): 10, ("ignore-me", "list", 2): 11, ("rows",): 13, ("rows", 0): 13,
        ("rows", 0, "name"): 14, ("rows", 0, "sub"): 15, ("rows", 0, "sub", "deep"): 16, ("rows", 1): 17,
        ("rows", 1, "name"): 18, ("rows", 1, "line"): 19,
    }  # fmt: skip
    assert found.lines == wanted
    assert set(wanted) == set(paths(tomllib.loads(TEXT)))


def test_what_has_no_line_has_that_of_its_table() -> None:
    """A key that is missing is looked for in the table that should have it."""
    assert toml_lines(TEXT).of(("rows", 1, "reason")) == 17
    assert toml_lines(TEXT).of(("nothing", "here")) is None


KEYS = st.text(st.sampled_from("ab.\"' #=[]\\\né"), max_size=4)
SCALARS = st.one_of(st.integers(), st.booleans(), KEYS, st.dates(), st.floats(allow_nan=False))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


def written(value: Any) -> str:
    """Write a value as TOML, tables inline."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{quoted(key)} = {written(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(written, value)) + "]"
    return quoted(value) if isinstance(value, str) else str(value)


def quoted(text: str) -> str:
    """Write a basic string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@pytest.mark.slow
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_key_that_the_parser_finds_has_a_line(table: dict[str, Any]) -> None:
    """Whatever valid TOML holds, all its keys and items have lines, and these do not fall."""
    text = "\n".join(f"{quoted(key)} = {written(value)}" for key, value in table.items())
    found = toml_lines(text)
    wanted = {path for path in paths(tomllib.loads(text)) if not any("\n" in str(key) for key in path)}
    assert wanted <= set(found.lines)
    assert list(found.lines.values()) == sorted(found.lines.values())


@given(st.text(st.sampled_from("a.=[]{}\"'#\n\\ ,1")))
def test_any_text_is_read_to_its_end(text: str) -> None:
    """A text that is not TOML ends the reading; it raises nothing."""
    assert all(1 <= line <= text.count("\n") + 1 for line in toml_lines(text).lines.values())


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 400_000 + " = 1", "x = " + "[" * 400_000, "x = " + "{a=" * 200_000, "[" + "a." * 400_000 + "a]",
        "x = [" + "1," * 60_000 + "]", 'x = """' + "a" * 900_000, "x = " + '"""' * 300_000, "a" * 900_000,
        "x = '''" + "'" * 900_000, "[[a]]\n" * 30_000, 'x = "' + "\\" * 900_000,
    ],
    ids=["key", "lists", "tables", "header", "items", "open", "quotes", "word", "apostrophes", "rows", "escapes"],
)  # fmt: skip
def test_a_long_text_takes_linear_time(text: str) -> None:
    """A long text of any form is read in seconds, not in hours, and deep nesting is noticed."""
    begun = time.monotonic()
    found = toml_lines(text)
    assert time.monotonic() - begun < 20
    assert (found.depth > MAX_DEPTH) == any(text.startswith(deep) for deep in ("a.a", "x = [[", "x = {a=", "[a."))

"""YAML of cards and recipes against input that was made to exhaust its readers, and against PyYAML's own values."""

from __future__ import annotations

import json
import math
import time
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from lineage.hub.bounds import MAX_CONTAINERS, MAX_NUMBER_CHARACTERS
from lineage.hub.card import parse_card, parse_yaml_mapping
from lineage.hub.declared.parsing import NotReadableError, yaml_documents
from tests.support.peak import peak_of
from tests.support.shared import SHARED, needs_shared

pytestmark = pytest.mark.slow


def card(block: str) -> tuple[dict[str, Any] | None, str | None]:
    """Read a card with this metadata block."""
    return parse_card(f"---\n{block}\n---\n")


def recipe(text: str) -> list[dict[str, Any]] | str:
    """Read a recipe: its documents, or the reason why they are not read."""
    try:
        return yaml_documents(text.encode())
    except NotReadableError as error:
        return str(error)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('!!int ""', ""),
        ('!!int "_"', "_"),
        ("!!int 0b", "0b"),
        ('!!float ""', ""),
        ("!!float x", "x"),
        ("!!float 1:x", "1:x"),
        ('!!timestamp "x"', "x"),
        ("!!timestamp 2024-02-30", "2024-02-30"),
        ("!!bool maybe", "maybe"),
        ("!!binary é", "é"),
        ("!!binary a", "a"),
        ("2024-13-45", "2024-13-45"),
        ("2024-01-01 25:00:00", "2024-01-01 25:00:00"),
        ("2024-01-01T00:00:00+99:99", "2024-01-01T00:00:00+99:99"),
        ("=", "="),
        ("!!python/object/apply:os.system ls", "ls"),
        ("!!python/name:os.system", ""),
        ("!anything 1", "1"),
        ("!!int [1]", "[…]"),
        ("!!set [1]", "[…]"),
        ("!!python/object/apply:os.system [ls]", "[…]"),
        ("!!python/object:x.Y {a: 1}", "{…}"),
        ("!!str {a: 1}", "{…}"),
    ],
)
def test_a_value_without_its_form_stays_text(written: str, text: str) -> None:
    """A tag or a form that a value does not have is not followed, and the other fields are read."""
    assert card(f"license: mit\nv: {written}\nbase_model: a/b") == (
        {"license": "mit", "v": text, "base_model": "a/b"},
        None,
    )
    assert recipe(f"v: {written}\nbase_model: a/b") == [{"v": text, "base_model": "a/b"}]


def test_keys_may_have_any_tag() -> None:
    """A key under a tag that it does not fit is a text like other keys."""
    assert card('!!int "": 1\n!!timestamp x: 2\n!other y: 3') == ({"": 1, "x": 2, "y": 3}, None)


@pytest.mark.parametrize(
    "number",
    [
        "1" + ":59" * 2_000,
        "1" + ":1" * 1_500_000,
        "1" + ":1" * 100_000 + ".5",
        "0x" + "f" * 5_000,
        "-0x" + "f" * 5_000,
        "0b" + "1" * 4_000_000,
        "0" + "7" * 6_000,
        "9" * 4_400,
        "9" * 4_000_000,
        "1." + "9" * 4_000_000,
        "1" + "_" * 4_000_000 + "1",
        "2024-01-01 00:00:00." + "1" * 4_000_000,
    ],
    ids=lambda number: f"{number[:6]}-{len(number)}",
)
def test_a_number_without_end_stays_text(number: str) -> None:
    """A number of thousands of digits costs no time, and is written like any text: `diff` shows it."""
    start = time.process_time()
    metadata, problem = card(f"v: {number}\nw: !!int '{number[:5000]}'\nx: 12")
    assert problem is None
    assert metadata == {"v": number, "w": number[:5000], "x": 12}
    assert json.loads(json.dumps(metadata)) == metadata
    assert time.process_time() - start < 5


def test_numbers_within_the_bound_are_computed() -> None:
    """The bound is far above what any field holds: 30 digits, as tokenizers write for "no limit", are a number."""
    block = (
        "a: 1000000000000000019884624838656\nb: 0xffffffffffffffff\nc: 12:30:45\nd: 1_000\ne: 1.5e+3\nf: 0o7\ng: 010"
    )
    assert card(block)[0] == {
        "a": 10**30 + 19884624838656, "b": 2**64 - 1, "c": 45045, "d": 1000, "e": 1500.0, "f": "0o7", "g": 8,
    }  # fmt: skip
    longest = "9" * MAX_NUMBER_CHARACTERS
    assert card(f"a: {longest}\nb: {longest}9")[0] == {"a": int(longest), "b": f"{longest}9"}


def doubling(form: str, *, times: int, levels: int) -> str:
    """Write mappings of which each one merges the one before it several times."""
    names = [f"n{level}" for level in range(levels)]
    lines = [f"{names[0]}: &{names[0]} {{x: 1}}"]
    for before, name in pairwise(names):
        lines.append(f"{name}: &{name} " + form.replace("@", ", ".join([f"*{before}"] * times)))
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        doubling("{<<: [@]}", times=9, levels=9),
        doubling("{y: [@], <<: [@]}", times=3, levels=14),
        doubling('{!!merge "k": [@]}', times=9, levels=9),
        doubling("{<<: [@], z: 1}", times=2, levels=40),
        "a: &a {x: 1}\nm: &m [" + "*a, " * 1_000 + "]\n" + "\n".join(f"k{n}: {{<<: *m}}" for n in range(1_100)),
        "a: &a {" + ", ".join(f"k{n}: 1" for n in range(9_000)) + "}\nb: {<<: [" + "*a, " * 200 + "]}",
    ],
)
def test_merges_that_multiply_are_refused(text: str) -> None:
    """A few hundred bytes of merges that stand for millions of entries end in a reason, before one is copied."""
    start = time.process_time()
    assert card(text) == (None, "more than 1000000 values")
    assert recipe(text) == "more than 1000000 values"
    assert time.process_time() - start < 5


def test_merges_are_made_as_yaml_defines_them() -> None:
    """Own entries take precedence, then the first mapping of a list; what is not a mapping cannot be merged."""
    block = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\nd: {<<: *b, <<: *a}"
    assert card(block)[0] == {"a": {"x": 1, "y": 1}, "b": {"y": 2, "z": 2}, "c": {"y": 1, "z": 2, "x": 3}}
    broken = "the YAML is broken in line 2: expected a mapping"
    assert card("a: 1\nb: {<<: x}") == (None, f"{broken} or list of mappings for merging, but found scalar")
    assert card("a: 1\nb: {<<: [x]}") == (None, f"{broken} for merging, but found scalar")
    assert card("a: 1\nb: {<<: [[]]}") == (None, f"{broken} for merging, but found sequence")
    assert card('"tag:yaml.org,2002:merge": {a: 1}')[0] == {"tag:yaml.org,2002:merge": {"a": 1}}


@pytest.mark.parametrize("form", ["{{<<: *{}, {}: 1}}", "{{<<: [*{}], {}: 1}}"])
def test_merges_one_after_another_are_not_nested(form: str) -> None:
    """Mappings of which each adds an entry to the one before it have all entries, at one depth."""
    names = [f"n{number}" for number in range(200)]
    lines = [f"{name}: &{name} {form.format(before, name)}" for before, name in pairwise(names)]
    metadata, problem = card("n0: &n0 {x: 1}\n" + "\n".join(lines))
    assert problem is None
    assert metadata is not None
    assert metadata["n199"] == {"x": 1} | dict.fromkeys(names[1:], 1)


def test_many_documents_are_refused() -> None:
    """A file of hundreds of thousands of documents is not read to its end."""
    start = time.process_time()
    assert recipe("--- a\n" * 800_000) == f"more than {MAX_CONTAINERS} lists and mappings"
    assert time.process_time() - start < 30


def test_aliases_count_where_they_stand_for() -> None:
    """What an alias stands for is as deep as its place and it together, and a loop is as deep as can be."""
    nest = "a: &a " + "[" * 60 + "]" * 60
    assert card(f"{nest}\nb: {'[' * 30}*a{']' * 30}")[1] is None
    assert card(f"{nest}\nb: {'[' * 60}*a{']' * 60}") == (None, "nested too deeply")
    assert card("a: &a {b: *a}") == (None, "nested too deeply")
    assert recipe("a: &a {b: *a}") == "nested too deeply"
    shared = "a: &a [" + "x, " * 1_000 + "]\nb: [" + "*a, " * 2_000 + "]"
    assert card(shared) == (None, "more than 1000000 values")
    documents = recipe(shared)
    assert isinstance(documents, list)
    (document,) = documents
    assert document["b"][0] is document["a"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("'a:\\n' + '- []\\n' * 980_000", f"more than {MAX_CONTAINERS} lists and mappings"),
        ("'a: [' + '\"\",' * 1_500_000 + ']'", "more than 1000000 values"),
        ("''.join(f'k{n}: {n}\\n' for n in range(300_000))", "None"),
        ("'a: [' + ', '.join(f'{{x: {n}, x: 1}}' for n in range(100_000)) + ']'", "under a the key x occurs twice"),
    ],
)
def test_cards_of_many_small_values_take_bounded_memory(text: str, reason: str) -> None:
    """Megabytes of the smallest values are read or refused in seconds and in less than 300 MB."""
    growth, seconds = peak_of(
        f"from lineage.hub.card import parse_card\ntext = '---\\n' + {text} + '\\n---\\n'",
        f"assert {reason!r} in str(parse_card(text)[1])",
    )
    assert growth < 300
    assert seconds < 30


@pytest.mark.parametrize("item", ["[],", "{},", "{x: y},", "&a{n} x,", "*a,", "? ,", "!!int '',"])
def test_recipes_of_many_small_values_end_soon(item: str) -> None:
    """The same bounds hold for recipes, whatever their values are."""
    start = time.process_time()
    text = "z: &a z\na: [" + "".join(item.replace("{n}", str(n)) for n in range(4_900_000 // (len(item) + 5))) + "]"
    assert isinstance(recipe(text), list | str)
    assert time.process_time() - start < 30


def test_a_large_honest_card_with_anchors_is_read_in_seconds() -> None:
    """Benchmark tables of 3 MB, whose data sets are anchors, are read whole, in a few seconds at the very most."""
    row = (
        "  - task:\n      type: Retrieval\n    dataset: &set{n}\n      type: mteb/set-{n}\n      config: default\n"
        "      revision: e8379541af4e31359cca9fbcb4b00f2671dba205\n    metrics:\n    - type: map_at_10\n"
        "      value: {n}.961\n"
        "  - task: {{type: STS}}\n    dataset: *set{n}\n    metrics: [{{type: cos_sim, value: 0.{n}}}]\n"
    )
    rows = [row.format(n=number) for number in range(3_000_000 // (len(row) + 10))]
    block = "model-index:\n- name: x\n  results:\n" + "".join(rows) + "version: 2"
    start = time.process_time()
    metadata, problem = card(block)
    seconds = time.process_time() - start
    assert problem is None
    assert metadata is not None
    assert len(metadata["model-index"][0]["results"]) == 2 * len(rows)
    assert metadata["version"] == 2
    assert seconds < 6


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20), st.sampled_from(["yes", "null", "~", "1e3", "0x1f", "2024-01-01", "<<", "=", "1:30", ".5"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8), values, max_size=5))
def test_what_yaml_writes_is_read_back(value: dict[str, Any]) -> None:
    """Any mapping that PyYAML writes is read as the same values."""
    assert parse_yaml_mapping(yaml.safe_dump(value)) == (value, None)


pieces = st.sampled_from([
    "a: ", "b:\n", "  - ", "- ", "&x ", "*x", "<<: ", "{", "}", "[", "]", ", ", "x", "1", "1.5", "yes", "~", "'q'",
    '"d"', "!!int ", "!!set ", "!t ", "? ", ": ", "\n", "# c\n", "|\n  t\n", "---\n", "2024-01-01", "k: 1\n",
])  # fmt: skip


@given(st.lists(pieces, max_size=25).map("".join))
@example("2024-01-01: [2024-01-01]")
@example("2024-01-01: ")
def test_any_yaml_gives_what_the_safe_loader_gives(text: str) -> None:
    """Whatever PyYAML's safe loader reads as a mapping is read, with the same values, in JSON's types."""
    metadata, problem = parse_yaml_mapping(text)
    assert metadata is not None or problem
    try:
        expected = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError):
        return
    if isinstance(expected, dict) and problem is None and "!" not in text:
        assert json.dumps(metadata) == json.dumps(with_dates(expected))


def with_dates(value: Any) -> Any:
    """Write dates as JSON has them, as texts, keys too: `json.dumps` refuses them there."""
    if isinstance(value, dict):
        return {with_dates(key): with_dates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_dates(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def finite(value: Any) -> Any:
    """Write what JSON does not have, NaN and the infinities, as cards are read: as text."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@needs_shared
def test_real_cards_have_the_values_of_the_safe_loader() -> None:
    """Each recorded card and recipe gives the values that PyYAML's safe loader gives."""
    read = 0
    for path in sorted((SHARED / "data").rglob("*")):
        if path.suffix in {".yml", ".yaml"}:
            assert recipe(path.read_text()) == [each for each in yaml.safe_load_all(path.read_text()) if each]
        elif path.suffix == ".md" and path.read_text().startswith("---\n"):
            metadata, problem = parse_card(path.read_text())
            expected = yaml.safe_load(path.read_text().split("\n---", 1)[0])
            assert (metadata, problem) == (finite(json.loads(json.dumps(expected, default=str))), None)
            read += 1
    assert read > 20

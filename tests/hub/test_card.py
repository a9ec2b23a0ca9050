"""Cards and configs whose content is not trusted."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.hub.bounds import MAX_YAML_CHARACTERS
from lineage.hub.card import parse_card, parse_yaml_mapping
from lineage.hub.json_text import parse_json_object

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        ("---\nlicense: mit\n---\n# Model", {"license": "mit"}),
        ("\ufeff\n  ---\r\nlicense: mit\r\n---\r\nText", {"license": "mit"}),
        ("---\nlicense: mit\n---", {"license": "mit"}),
        ("---\n---\n", {}),
        ("---\n# only a comment\n---\n", {}),
        ("---\na: 1\n---\nb\n---\n", {"a": 1}),
        ("---\nwhen: 2024-12-25\nat: 2024-12-25 10:00:00\n---\n", {"when": "2024-12-25", "at": "2024-12-25T10:00:00"}),
        ("---\n2: a\ntrue: b\nnull: c\n---\n", {"2": "a", "true": "b", "null": "c"}),
        ("---\na: .nan\nb: -.inf\n---\n", {"a": "nan", "b": "-inf"}),
        ("---\na: !!binary aGk=\nb: !!set {x: }\n---\n", {"a": "hi", "b": ["x"]}),
        ("---\nd: &d {a: 1}\ne: {<<: *d, a: 2}\n---\n", {"d": {"a": 1}, "e": {"a": 2}}),
        ("---\nd: &d {a: 1}\ne: *d\n---\n", {"d": {"a": 1}, "e": {"a": 1}}),
    ],
)
def test_metadata_are_read_as_json_values(text: str, metadata: dict[str, Any]) -> None:
    """Whatever YAML makes of a card comes out as values that JSON can hold."""
    assert parse_card(text) == (metadata, None)
    json.dumps(metadata, allow_nan=False)


@pytest.mark.parametrize(
    "text",
    ["", "# Model", "text\n---\na: 1\n---\n", "----\na: 1\n----\n", "---\n", "---\n# Model\n\nWords.\n", "---\n- a\n"],
)
def test_a_card_without_metadata_is_no_problem(text: str) -> None:
    """A text without a block says nothing, which is not the same as saying it wrongly."""
    assert parse_card(text) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "---\nlicense: mit",
        "---\nbase_model: a/b\n\n# Model\nText.\n",
        "\ufeff---\r\n\r\n# comment\r\n'base_model' :\r\n- a/b\r\n",
        "---\nlicense: mit\n----\nText.\n",
        "---\nlicense: mit\n...\nText.\n",
        "---\nlicense: mit\n ---\nText.\n",
    ],
)
def test_a_block_that_never_ends_is_a_problem(text: str) -> None:
    """A metadata block without its closing line was meant to declare something: that is no card without one."""
    assert parse_card(text) == (None, "its metadata block begins with --- and never ends")


@pytest.mark.parametrize(
    ("block", "kept", "problem"),
    [
        ("base_model: a/one\nlicense: mit\nbase_model: b/two\n", {"license": "mit"},
         "the key base_model occurs twice: “a/one” and “b/two”"),
        ("base_model: [a/one]\n'base_model': b/two\n", {}, "the key base_model occurs twice: “…” and “b/two”"),
        ("a: 1\na: 2\na: 3\nb: 4\nb: 5\n", {},
         "the key a occurs 3 times: “1” and “2” and “3”; the key b occurs twice: “4” and “5”"),
        ("base_model: [{name: a/one, name: b/two}]\nlicense: mit\n", {"license": "mit"},
         "under base_model the key name occurs twice: “a/one” and “b/two”"),
    ],
)  # fmt: skip
def test_a_key_that_occurs_twice_is_left_out_and_reported(block: str, kept: dict[str, Any], problem: str) -> None:
    """Which of two values counts is unknown: neither is taken, both are quoted, and the other keys are read."""
    assert parse_card(f"---\n{block}---\n") == (kept, problem)


def test_many_aliases_of_many_keys_are_looked_at_once() -> None:
    """A large value that thousands of fields share is searched for repeated keys one time."""
    start = time.process_time()
    shared = ", ".join(f"k{number}: 1" for number in range(5_000))
    _, problem = parse_card("---\na: &a {" + shared + "}\n" + "".join(f"x{n}: *a\n" for n in range(150)) + "---\n")
    assert problem is None
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("a: [1", "broken in line"),
        ("a: b: c", "broken in line 1"),
        ("- a\n- b", "no mapping"),
        ("just words", "no mapping"),
        ("a: \x00", "broken"),
        ("a: \ud800", "impossible value"),
        ("a: 1\n--- b", "found another document"),
        ("? [a]\n: b", "broken"),
        ("a: &a [*a]", "nested too deeply"),
        ("a: " + "[" * 300_000, "nested too deeply"),
        ("- " * 300_000, "nested too deeply"),
        ("a: " + "{a: " * 300_000, "nested too deeply"),
        ("\n".join(" " * depth + "a:" for depth in range(500)), "nested too deeply"),
        (BOMB, "more than"),
        ("a: " + "x" * MAX_YAML_CHARACTERS, "longer than"),
        ("a: *nowhere", "broken"),
    ],
    ids=lambda value: value[:20].strip() if isinstance(value, str) else None,
)
def test_hostile_metadata_are_a_problem_in_words(block: str, reason: str) -> None:
    """Broken, deep, exploding and executable YAML ends in a reason, soon, and with the process alive."""
    start = time.process_time()
    metadata, problem = parse_card(f"---\n{block}\n---\n")
    assert metadata is None
    assert problem is not None
    assert reason in problem
    assert time.process_time() - start < 10


def test_merges_are_bounded_before_they_are_made() -> None:
    """`<<` copies what an anchor stands for: 240 kB that would be 60 million entries end in a reason at once."""
    text = "a: &a {" + ",".join(f"k{number}: 1" for number in range(20_000)) + "}\n"
    text += "".join(f"m{number}: {{<<: *a}}\n" for number in range(3_000))
    start = time.process_time()
    assert parse_card(f"---\n{text}\n---\n") == (None, "more than 1000000 values")
    assert time.process_time() - start < 5
    small = "a: &a {x: 1}\nb: {<<: *a, y: 2}"
    assert parse_card(f"---\n{small}\n---\n")[0] == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}


@pytest.mark.slow
def test_the_largest_real_tables_are_read() -> None:
    """Benchmark results of 3 MB, as the largest real cards hold them, are read whole and in seconds."""
    row = "  - task: {type: Retrieval}\n    metrics:\n    - type: map_at_10\n      value: 38.961\n"
    text = "---\nmodel-index:\n- name: x\n  results:\n" + row * (3_000_000 // len(row)) + "version: 2\n---\n"
    start = time.process_time()
    metadata, problem = parse_card(text)
    assert problem is None
    assert metadata is not None
    assert metadata["version"] == 2
    assert time.process_time() - start < 30


@given(st.text(max_size=300))
def test_no_text_raises(text: str) -> None:
    """Anything between dashes is metadata, or a problem, or what is left beside a key that occurs twice."""
    metadata, problem = parse_yaml_mapping(text)
    assert metadata is not None or problem
    assert not problem or metadata is None or "occurs" in problem


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"model_type": "gpt2"}', {"model_type": "gpt2"}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"limit": [0.0, Infinity], "x": NaN, "y": 1e999}', {"limit": [0.0, "Infinity"], "x": "NaN", "y": "inf"}),
        (b'{"a": "\\ud800"}', {"a": "?"}),
    ],
)
def test_configs_come_out_as_json_values(data: bytes, value: dict[str, Any]) -> None:
    """The words that Python adds to JSON are kept as words: one such field does not hide a whole config."""
    assert parse_json_object(data) == (value, None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b"{'a': 1}",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 2}}',
        b"{" + b",".join(b'"k": %d' % number for number in range(100_000)) + b"}",
    ],
    ids=lambda data: repr(data[:10]),
)
def test_hostile_configs_are_a_problem_in_words(data: bytes) -> None:
    """What is no JSON object is a reason, never an exception."""
    value, problem = parse_json_object(data)
    assert value is None
    assert problem

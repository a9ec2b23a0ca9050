"""Cards and configs that strangers wrote."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.hub.card import MAX_METADATA_CHARACTERS, parse_card, parse_json_object, parse_yaml_mapping

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
        ("---\nlicense: mit\nlicense: apache-2.0\n---\n", {"license": "apache-2.0"}),
        ("---\nd: &d {a: 1}\ne: *d\n---\n", {"d": {"a": 1}, "e": {"a": 1}}),
    ],
)
def test_metadata_are_read_as_json_values(text: str, metadata: dict[str, Any]) -> None:
    """Whatever YAML makes of a card comes out as values that JSON can hold."""
    assert parse_card(text) == (metadata, None)
    json.dumps(metadata, allow_nan=False)


@pytest.mark.parametrize("text", ["", "# Model", "text\n---\na: 1\n---\n", "---\nlicense: mit", "----\na: 1\n----\n"])
def test_a_card_without_metadata_is_no_problem(text: str) -> None:
    """A text without a block says nothing, which is not the same as saying it wrongly."""
    assert parse_card(text) == (None, None)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("a: [1", "broken in line"),
        ("a: b: c", "broken in line 1"),
        ("- a\n- b", "no mapping"),
        ("just words", "no mapping"),
        ("a: !!python/object:os.system x", "broken"),
        ("a: \x00", "broken"),
        ("a: 2024-13-45", "impossible value"),
        ("? [a]\n: b", "broken"),
        ("a: &a [*a]", "nested too deeply"),
        ("a: " + "[" * 300_000, "nested too deeply"),
        ("- " * 300_000, "nested too deeply"),
        ("a: " + "{a: " * 300_000, "nested too deeply"),
        ("\n".join(" " * depth + "a:" for depth in range(500)), "nested too deeply"),
        (BOMB, "more than"),
        ("a: " + "x" * MAX_METADATA_CHARACTERS, "longer than"),
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


@given(st.text(max_size=300))
def test_no_text_raises(text: str) -> None:
    """Anything between dashes is either metadata or a problem."""
    metadata, problem = parse_yaml_mapping(text)
    assert (metadata is None) != (problem is None)


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
    ],
    ids=lambda data: repr(data[:10]),
)
def test_hostile_configs_are_a_problem_in_words(data: bytes) -> None:
    """What is no JSON object is a reason, never an exception."""
    value, problem = parse_json_object(data)
    assert value is None
    assert problem

"""Every parser, for a second or two each, on mutations of seeds; by hand for minutes: `python -m tests.fuzz.run`."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.all_targets import TARGETS
from tests.fuzz.corpus import FOLDER, seeds_of
from tests.fuzz.mutation import TOKENS, mutated
from tests.fuzz.target import MAX_INPUT, Read, Target, judge, plain

pytestmark = pytest.mark.slow

SECONDS = 60.0
"""A generous limit for all examples of one target: one that hangs fails, a slow machine does not."""

MAX_CORPUS_BYTES = 200_000

NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if target.examples < 100 else name for name, target in TARGETS.items()
]
"""Targets; those that have fewer examples take longer for each."""


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Make mutations of the seeds of a target, and bytes that have nothing to do with them."""
    seeds, tokens = seeds_of(target), (*target.tokens, *target.tokens, *TOKENS)
    changed = st.integers(0, 2**63).map(lambda seed: mutated(random.Random(seed), seeds, tokens))
    return changed | changed | changed | st.binary(max_size=200)


@pytest.mark.parametrize("name", NAMES)
def test_only_declared_errors_leave_a_parser(name: str) -> None:
    """Any input is read or refused with a declared error, in bounded time and size, and its texts can be encoded."""
    target = TARGETS[name]
    with target.opened() as read:

        @settings(max_examples=target.examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(inputs(target))
        def hold(data: bytes) -> None:
            assert judge(target, read, data).finding is None

        start = time.process_time()
        hold()
        assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_former_findings_obey_the_laws(name: str) -> None:
    """The corpus of each target has no finding, and at least one of its inputs is read and not refused."""
    target = TARGETS[name]
    with target.opened() as read:
        outcomes = [judge(target, read, data) for data in seeds_of(target)]
    assert [outcome.finding for outcome in outcomes if outcome.finding] == []
    assert any(outcome.place is None for outcome in outcomes)


def test_the_corpus_is_small_and_has_targets() -> None:
    """Each folder of former findings is that of a target, and all of them together stay small."""
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} <= TARGETS.keys()
    seeds = [seed for target in TARGETS.values() for seed in target.seeds()]
    assert sum(path.stat().st_size for path in files) + sum(map(len, seeds)) < MAX_CORPUS_BYTES


def _undeclared(data: bytes) -> object:
    return {b"": 1}[data]


def _endless(data: bytes) -> object:
    return "a" * 1_000_000


def _long(data: bytes) -> object:
    return 1 << 20_000


def _own_law(data: bytes) -> object:
    raise AssertionError("two answers differ")


@pytest.mark.parametrize(
    ("read", "finding"),
    [
        (_undeclared, "an undeclared error: .*KeyError"),
        (_own_law, "a law of its own: .*two answers differ"),
        (_endless, "out of proportion"),
        (_long, "20,001 bits"),
        (lambda data: [{"a": {"\ud800"}}], "half a surrogate pair"),
    ],
)
def test_what_breaks_a_law_is_a_finding(read: Read, finding: str) -> None:
    """Errors that are not declared, broken laws, results without bounds and surrogates are all noticed."""
    target = Target("broken", plain(read), (ValueError,), lambda: [b"x"])
    found = judge(target, read, b"x").finding
    assert found is not None
    assert re.search(finding, found, re.DOTALL)


def test_mutations_depend_on_the_seed_only() -> None:
    """The same seed gives the same input, seeds give many different ones, and none is longer than the limit."""
    seeds = [b"a: 1\nb: 2\n", b"x" * 500]
    found = [mutated(random.Random(number), seeds, TOKENS) for number in range(300)]
    assert found == [mutated(random.Random(number), seeds, TOKENS) for number in range(300)]
    assert len(set(found)) > 200
    assert max(map(len, found)) <= MAX_INPUT

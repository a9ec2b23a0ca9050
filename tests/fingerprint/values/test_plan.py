"""What a sample costs: bounds, joined ranges, and the layouts of large models."""

from __future__ import annotations

from collections import Counter
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.fingerprint.header import BITS, TensorSpan
from lineage.fingerprint.values.open import open_values
from lineage.fingerprint.values.plan import (
    MAX_GAP,
    MAX_SAMPLE_BYTES,
    MAX_SAMPLE_REQUESTS,
    SamplePlan,
    join,
    merged,
    plan_sample,
)
from lineage.fingerprint.values.tensor import FileHeader, FileRange
from tests.support.layouts import gpt2, llama, mixture, spread

ranges = st.lists(
    st.builds(FileRange, st.sampled_from("ab"), st.integers(0, 60_000_000), st.integers(0, 3_000_000)), max_size=300
)


@settings(max_examples=150)
@given(ranges)
def test_requests_cover_every_range_within_the_bounds(wanted: list[FileRange]) -> None:
    """Every wanted byte is in a request, no request bridges a gap of 64 kB, and the bounds hold; else there is none."""
    joined = join(wanted)
    apart = merged(wanted)
    if joined is None:
        least = sum(part.length for part in apart)
        assert least > MAX_SAMPLE_BYTES or len(apart) > MAX_SAMPLE_REQUESTS
        return
    assert sum(length for parts in joined.values() for _, length in parts) <= MAX_SAMPLE_BYTES
    assert sum(map(len, joined.values())) <= MAX_SAMPLE_REQUESTS
    for part in apart:
        holders = [s for s, n in joined[part.file] if s <= part.start and part.start + part.length <= s + n]
        assert len(holders) == 1
    fetched = sum(length for parts in joined.values() for _, length in parts)
    assert fetched <= sum(part.length for part in apart) + MAX_GAP * len(apart)


def counts(plan: SamplePlan) -> tuple[int, int, int]:
    """Count strips, squares and vectors of a plan."""
    found = Counter(tile.kind for tile in plan.tiles)
    return found["strip"], found["square"], found["vector"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (spread(llama(4096, 11008, 32, 32_000, 4096), "BF16", 3), (64, 3, 32)),
        (spread(llama(8192, 28672, 80, 32_000, 1024), "F32", 60), (64, 3, 32)),
        (spread(llama(16384, 53248, 126, 128_256, 1024), "BF16", 191), (64, 3, 32)),
        (spread(llama(16384, 53248, 126, 128_256, 1024), "F8_E4M3", 100), (64, 3, 32)),
        (spread(llama(25600, 87040, 120, 128_256, 1024), "F32", 400), (8, 1, 0)),
        (spread(mixture(7168, 2048, 61, 16), "BF16", 62), (64, 3, 32)),
        (spread(gpt2(1600, 48), "F32", 1), (7, 0, 0)),
    ],
    ids=["7B", "70B-F32", "405B", "405B-F8", "1T-F32", "MoE", "gpt2-xl"],
)
def test_the_prefix_of_large_layouts(headers: list[FileHeader], expected: tuple[int, int, int]) -> None:
    """The tiles that a layout can afford are a part of the format: two of one model share the shorter prefix."""
    plan = plan_sample(open_values(headers, "safetensors"))
    assert counts(plan) == expected
    assert plan.tiles == plan.offers[: len(plan.tiles)]
    assert plan.bytes <= MAX_SAMPLE_BYTES
    assert plan.requests <= MAX_SAMPLE_REQUESTS
    size = sum(span.end - span.begin for header in headers for span in header.tensors)
    assert plan.bytes <= size * 0.02


def test_a_sample_costs_the_same_however_the_shards_are_cut() -> None:
    """The prefix is that of the model: one file or twelve give the same tiles while both can afford all."""
    tensors = llama(1024, 2816, 12, 32_000, 1024)
    one, twelve = (plan_sample(open_values(spread(tensors, "BF16", n), "safetensors")) for n in (1, 12))
    assert one.tiles == twelve.tiles == one.offers


def test_spans_that_claim_anything_cost_no_more() -> None:
    """A header that claims tensors of absurd sizes gives a plan within the bounds."""
    huge = (1 << 30, 1 << 20)
    span = TensorSpan("model.layers.0.self_attn.q_proj.weight", "F32", huge, 8, 8 + prod(huge) * BITS["F32"] // 8)
    plan = plan_sample(open_values([FileHeader("m.safetensors", [span], {})], "safetensors"))
    assert plan.bytes <= MAX_SAMPLE_BYTES
    assert counts(plan) == (1, 1, 0)

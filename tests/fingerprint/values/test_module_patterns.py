"""Scales of adapters by the patterns of PEFT: the keys match as PEFT matches them, in bounded time, or are refused."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.fingerprint.values.automata import RefusedPatternError
from lineage.fingerprint.values.module_patterns import ModulePatterns
from lineage.fingerprint.values.source import AdapterScale
from tests.support.values import open_bytes
from tests.support.weight_files import safetensors_bytes

MODULES = [f"model.layers.{layer}.{part}" for layer in (0, 1, 10) for part in ("self_attn.q_proj", "mlp.up_proj")]


def peft(patterns: list[str], module: str) -> str | None:
    """Match as `get_pattern_key` of PEFT does."""
    return next((key for key in patterns if re.match(rf"(.*\.)?({key})$", module)), None)


def opened(patterns: dict[str, object], **config: object) -> tuple[AdapterScale | None, str | None]:
    """Open an adapter with the modules of the tests, of rank 4, and an alpha of 8."""
    tensors = {}
    for module in MODULES:
        tensors[f"base_model.model.{module}.lora_A.weight"] = ("F32", (4, 8), bytes(128))
        tensors[f"base_model.model.{module}.lora_B.weight"] = ("F32", (8, 4), bytes(128))
    adapter = {"r": 4, "lora_alpha": 8, "alpha_pattern": patterns, **config}
    source, _ = open_bytes({"adapter_model.safetensors": safetensors_bytes(tensors)}, None, adapter)
    return source.adapter, source.scale_problem


@pytest.mark.parametrize(
    "pattern",
    [
        "up_proj", "self_attn.q_proj", "self_attn", "layers.1.mlp.up_proj", "model.layers.10.mlp.up_proj", "proj", "q",
        r"model\.layers\.\d+\.mlp\.up_proj", ".*q_proj", "^model.layers.0.self_attn.q_proj", "^q_proj", ".*",
        "(q|v|up)_proj", r"layers\.(0|1)\..*", r"[a-z]+_proj$", r"\d+\.mlp\.up_proj", "layers.1..*up_proj",
        r"^model\.layers\.[01]\.mlp\.up_proj$", "up.proj", r".*\.1{1,2}0?\..*", "(?:self_attn|mlp).*?_proj", "a|",
        "model", "", "up_proj$", "[^q]+", r"\w+", r"(.*\.){4}q_proj", "up_pro(j|x)+", "$", "^$", "up_proj()",
    ],
)  # fmt: skip
def test_keys_name_the_modules_that_peft_changes(pattern: str) -> None:
    """A key changes the scale of exactly the modules whose stored name PEFT matches with it."""
    patterns: dict[str, object] = {pattern: 32, "up_proj": 16}
    scale, problem = opened(patterns)
    names = {"self_attn.q_proj": "attn_q", "mlp.up_proj": "ffn_up"}
    expected = {}
    for module in MODULES:
        layer, part = module.split(".", 3)[2:]
        key = peft(list(patterns), module)
        if key is not None:
            expected[f"blk.{layer}.{names[part]}"] = 4.0 if key == "up_proj" else 8.0
    assert problem is None
    assert scale == AdapterScale(2.0, expected)


@pytest.mark.parametrize(
    "pattern",
    ["(?=q).*", r"(q)\1", "(?i)Q_PROJ", "(", "a)|(b", "[z-a]", "*q", "q{9999}" * 9, "(" * 200 + ")" * 200, "q++",
     r"\bq_proj", "(?P<a>q).*", "q" + "?" * 2_000, "[[a]&&b]", "((){1000}){1000}", "(a|b)" * 2_000],
)  # fmt: skip
def test_a_pattern_that_is_not_tried_leaves_the_scale_unknown(pattern: str) -> None:
    """What such a key may name has no known scale; modules that a key before it names have theirs."""
    scale, problem = opened({"up_proj": 32, pattern: 64})
    assert scale == AdapterScale(None, {f"blk.{layer}.ffn_up": 8.0 for layer in (0, 1, 10)})
    assert problem is not None


def test_an_alpha_that_is_not_a_number_leaves_the_scale_unknown() -> None:
    """The common scale is not that of a module for which the config gives an alpha that cannot be read."""
    scale, problem = opened({"layers.1.mlp.up_proj": "much"})
    assert scale is not None
    assert (scale.scale, problem) == (None, "alpha and rank in its config give no scale")
    others = {f"blk.{layer}.{part}" for layer in (0, 1, 10) for part in ("attn_q", "ffn_up")} - {"blk.1.ffn_up"}
    assert scale.by_module == dict.fromkeys(others, 2.0)


def test_patterns_in_another_form_leave_the_scale_unknown() -> None:
    """A list instead of an object is not read as if there were no patterns; null and an empty one are none."""
    assert opened({}, alpha_pattern=["q_proj"]) == (
        AdapterScale(None),
        "alpha_pattern does not map names to numbers",
    )
    nothing: tuple[object, ...] = (None, {}, [])
    for none in nothing:
        assert opened({}, alpha_pattern=none) == (AdapterScale(2.0), None)


def test_rslora_and_the_rows_of_a_give_the_scale_of_a_pattern() -> None:
    """The rank of a module is the number of rows of its A, which `rank_pattern` gave; rsLoRA takes its root."""
    scale, problem = opened({"up_proj": 32}, r=16, rank_pattern={".*": 4}, use_rslora=True)
    modules = {
        f"blk.{layer}.{part}": alpha / 2 for layer in (0, 1, 10) for part, alpha in (("attn_q", 8), ("ffn_up", 32))
    }
    assert (scale, problem) == (AdapterScale(2.0, {name: each for name, each in modules.items() if each != 2.0}), None)


def test_parameters_of_experts_have_the_rank_of_the_config() -> None:
    """A of `target_parameters` has the rank once for each expert: the config gives the rank, where no pattern does."""
    assert opened({}, r=2, target_parameters=["mlp.up_proj.weight"])[0] == AdapterScale(
        4.0, {f"blk.{layer}.attn_q": 2.0 for layer in (0, 1, 10)}
    )
    scale, problem = opened({"q_proj": 8}, target_parameters=["mlp.up_proj.weight"])
    assert scale is not None
    assert scale.scale is None
    assert "experts" in (problem or "")


PIECES = st.sampled_from([*"abc._01", r"\.", r"\d", r"\w", "[ab]", "[^a.]", ".", "^", "$", "(", ")", "(?:", "|", "*",
                          "+", "?", "*?", "{2}", "{1,2}", "{,2}", "ab", "a.b", r"\1", "(?=a)"])  # fmt: skip


@given(
    st.lists(st.lists(PIECES, max_size=7).map("".join), max_size=3),
    st.text("abc._01", max_size=8),
)
def test_automata_match_as_regular_expressions_do(patterns: list[str], module: str) -> None:
    """Where a key is found, it is the one that PEFT finds; where PEFT fails, none is found."""
    try:
        found = ModulePatterns(patterns).first(module)
    except RefusedPatternError:
        return
    if found is None or found != module or module not in patterns:
        assert found == peft(patterns, module)


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|a)*b", ".*.*.*.*.*.*b", "(.*)*b", "((a*)*)*b", "(a?){90}a{90}b", "(x+x+)+y|(a+a+)+b"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    """Patterns with which `re` tries exponentially many ways take as long as the name is."""
    started = time.monotonic()
    assert ModulePatterns([pattern]).first("a" * 900) is None
    assert time.monotonic() - started < 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "form", ["x.{}.foo", r"layers\.{}\.foo", "^model.layers.{}.self_attn.k_proj$", ".*x{}.*", "[x]{}+"]
)
def test_modules_times_patterns_are_not_all_tried(form: str) -> None:
    """Two thousand keys for two thousand modules give the right keys, or are refused after a bounded time."""
    patterns = ModulePatterns([*(form.replace("{}", str(at)) for at in range(2_000)), "self_attn.q_proj"])
    started = time.monotonic()
    refused = 0
    for layer in range(2_000):
        try:
            assert patterns.first(f"model.layers.{layer}.self_attn.q_proj") == "self_attn.q_proj"
        except RefusedPatternError:
            refused += 1
    assert refused == 0 or "*" in form or "+" in form
    assert time.monotonic() - started < 20

"""The base family and the variant types of a model, each with where it is stated."""

from __future__ import annotations

import pytest

from lineage.derivation.variants import OriginFacts, base_family, variants


def stated(facts: OriginFacts) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return the variants with their basis and statements."""
    return [(each.type, each.basis, [(s.where, s.text) for s in each.statements]) for each in variants(facts)]


@pytest.mark.parametrize(
    ("facts", "family", "places"),
    [
        (OriginFacts("org/colours-llama-7b", "mistral", ("llama",)), "mistral", ["config", "tags", "name"]),
        (OriginFacts("org/colours-7b", None, ("pytorch", "t5")), "t5", ["tags"]),
        (OriginFacts("org/Llama-2-7b-colours"), "llama", ["name"]),
        (OriginFacts("org/vicuna-7b"), "llama", ["name"]),
        (OriginFacts("org/deberta-v3-base-colours"), "deberta", ["name"]),
        (OriginFacts("org/colours", None, ("solar", "merge")), None, []),
    ],
)
def test_the_family_is_the_configs_then_the_tags_then_the_names(
    facts: OriginFacts, family: str | None, places: list[str]
) -> None:
    """The first place decides, and all places are listed, also those that contradict it."""
    found = base_family(facts)
    assert (found.value if found else None) == family
    assert [statement.where for statement in found.statements] == places if found else places == []


def test_words_of_names_and_tags_are_only_worded() -> None:
    """A word states a variant; it may be about the base, so that it is no more than a word."""
    facts = OriginFacts("org/colours-distilled-finetuned-4bit", tags=("gptq", "base_model:quantized:a/b", "en"))
    assert stated(facts) == [
        ("fine-tuned", "worded", [("name", "finetuned")]),
        ("quantised", "worded", [("tags", "gptq"), ("name", "4bit")]),
        ("distilled", "worded", [("name", "distilled")]),
    ]


def test_a_name_that_only_contains_such_a_word_states_nothing() -> None:
    """Words count as whole pieces: `distilbert`, `after` and `float16` state no variant."""
    assert variants(OriginFacts("org/distilbert-after-float16-f16-craft")) == ()


def test_files_and_weights_are_stronger_than_words() -> None:
    """What a config states is declared, and what the types of the weights show is measured."""
    row = {
        "rule": "files.quantization_config", "relation": "quantized", "method": "gptq", "value": "gptq",
        "supports": True, "pointer": {"file": "config.json"},
    }  # fmt: skip
    facts = OriginFacts("org/colours-GPTQ", evidence=(row,))
    assert stated(facts) == [("quantised", "declared", [("config", "config.json: gptq"), ("name", "GPTQ")])]
    assert variants(OriginFacts("org/colours", types=("Q4_K", "F32")))[0].basis == "measured"
    assert variants(OriginFacts("org/colours", types=("F32", "BF16", "U8"))) == ()
    assert stated(OriginFacts("org/colours", evidence=({**row, "supports": False},))) == []


def test_hostile_tags_and_names_are_bounded() -> None:
    """A long name and many long tags are read in bounded time and state nothing."""
    assert variants(OriginFacts("x" * 1_000_000, tags=("1" * 100_000,) * 1000)) == ()

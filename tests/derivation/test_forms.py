"""When a form, such as a quantisation config or a GGUF file, is a relation to the parent."""

from __future__ import annotations

from typing import Any

import pytest

from lineage.derivation.facts import Quantisation
from lineage.derivation.precision import WeightTypes
from tests.support.derived import derived, edge

LOW = WeightTypes("model.safetensors", ("BF16", "I32"), ("I32",))
WIDE = WeightTypes("model.safetensors", ("BF16", "F32"), ())
Q4 = {"m.gguf": {"general.file_type": 2}}


@pytest.mark.parametrize(
    ("files", "config", "method"),
    [
        ({"m.gguf": ""}, None, "gguf"),
        ({"config.json": ""}, {"quantization_config": {"quant_method": "awq"}}, "awq"),
        ({"quantize_config.json": '{"bits": 4}'}, None, "gptq"),
        ({"config.json": ""}, {"quantization_config": {"quant_method": "hqq"}}, "hqq"),
    ],
)
def test_quantised_files_make_the_cards_base_a_quantisation(
    files: dict[str, str], config: dict[str, Any] | None, method: str
) -> None:
    """Files that show a quantisation tell the relation to a base that was read; a declared one goes first."""
    card: dict[str, Any] = {"base_model": "a/base"}
    read = derived(files, card=card, config=config, weights=LOW, gguf=Q4, parent_forms={"a/base": ()})
    found = edge(read, "a/base")
    assert (found.relation, found.relation_declared, found.method) == ("quantized", None, method)
    for unread in ({}, {"a/base": None}):
        found = edge(derived(files, card=card, config=config, weights=LOW, gguf=Q4, parent_forms=unread), "a/base")
        assert (found.relation, found.method) == (None, "unknown")
    card = {"base_model": "a/base", "base_model_relation": "finetune"}
    found = edge(derived(files, card=card, config=config, weights=LOW, gguf=Q4), "a/base")
    assert (found.relation, found.relation_declared, found.method) == ("finetune", "finetune", "unknown")
    tagged = {"base_model": "a/base", "tags": ["base_model:finetune:a/base"]}
    assert edge(derived(files, card=tagged, config=config, weights=LOW, gguf=Q4), "a/base").relation == "finetune"


def test_quantisation_without_a_card_speaks_of_what_was_loaded() -> None:
    """Without a card the quantiser's own `_name_or_path` is the base."""
    config = {"_name_or_path": "a/base", "quantization_config": {"quant_method": "gptq"}}
    found = derived({"config.json": ""}, config=config, weights=LOW, parent_forms={"a/base": ()})
    assert edge(found, "a/base").relation == "quantized"


@pytest.mark.parametrize("method", ["bitsandbytes", "fp8", "gptq"])
def test_headers_in_training_precision_refute_a_quantisation(method: str) -> None:
    """A config that a merge left over is no quantisation of weights in BF16; the types are kept as evidence."""
    config = {"quantization_config": {"quant_method": method}}
    result = derived({"config.json": ""}, card={"base_model": "a/base"}, config=config, weights=WIDE)
    found = edge(result, "a/base")
    assert (found.relation, found.method) == (None, "unknown")
    (types,) = [finding for finding in result.evidence if finding.rule == "files.weight_types"]
    assert (types.value, types.pointer.file, types.supports) == ("tensors in BF16, F32", "model.safetensors", None)


def test_a_quantisation_whose_weights_were_not_read_is_no_relation() -> None:
    """Without headers a config shows a form and nothing more; what the publisher or the Hub says of it still counts."""
    config = {"quantization_config": {"quant_method": "gptq"}}
    card = {"base_model": "a/base"}
    assert edge(derived({"config.json": ""}, card=card, config=config), "a/base").relation is None
    by_hub = derived({"config.json": ""}, card=card, config=config, tags=("base_model:quantized:a/base",))
    assert (edge(by_hub, "a/base").relation, edge(by_hub, "a/base").method) == ("quantized", "gptq")
    by_publisher = derived({"config.json": ""}, card={**card, "base_model_relation": "quantized"}, config=config)
    assert (edge(by_publisher, "a/base").relation, edge(by_publisher, "a/base").method) == ("quantized", "gptq")


def theirs(method: str, bits: int | None = None) -> dict[str, tuple[Quantisation, ...]]:
    """Give the base a quantisation of its own."""
    return {"a/base": (Quantisation(method, bits, "d" * 40, "config.json", "quantization_config.quant_method"),)}


@pytest.mark.parametrize(
    ("config", "parent_forms", "relation"),
    [
        ({"quant_method": "fp8"}, theirs("fp8"), None),
        ({"quant_method": "fp8"}, {"a/base": ()}, "quantized"),
        ({"quant_method": "fp8"}, {"a/base": None}, None),
        ({"quant_method": "mxfp4"}, {"a/base": ()}, "quantized"),
        ({"quant_method": "mxfp4"}, {}, None),
        ({"quant_method": "awq", "bits": 4}, theirs("fp8"), "quantized"),
        ({"quant_method": "gptq", "bits": 4}, theirs("gptq", 8), "quantized"),
        ({"quant_method": "gptq", "bits": 4}, theirs("gptq", 4), None),
        ({"quant_method": "gptq", "bits": 4}, {"a/base": ()}, "quantized"),
        ({"quant_method": "gptq", "bits": 4}, {}, None),
        ({"quant_method": "bitsandbytes"}, {"a/base": None}, None),
    ],
)
def test_a_form_that_the_parent_has_too_is_no_relation(
    config: dict[str, Any], parent_forms: dict[str, Any], relation: str | None
) -> None:
    """A fine-tune of a model published in FP8 is in FP8 as well; another method or other bits are a quantisation."""
    result = derived({"config.json": ""}, card={"base_model": "a/base"}, config={"quantization_config": config},
                     weights=LOW, parent_forms=parent_forms)  # fmt: skip
    assert edge(result, "a/base").relation == relation
    found = [finding for finding in result.evidence if finding.rule == "files.parent_form"]
    assert [(each.pointer.model, each.pointer.revision) for each in found] == (
        [("a/base", "d" * 40)] if relation is None and parent_forms.get("a/base") else []
    )


def test_the_hubs_own_tag_falls_with_the_form_that_it_was_inferred_from() -> None:
    """The Hub infers its tag from the config too; where headers refute that, the tag says nothing either."""
    config = {"quantization_config": {"quant_method": "bitsandbytes"}}
    tags = ("base_model:a/base", "base_model:quantized:a/base")
    result = derived({"config.json": ""}, card={"base_model": "a/base"}, config=config, weights=WIDE, tags=tags)
    assert edge(result, "a/base").relation is None
    several = derived(
        {"config.json": ""}, card={"base_model": ["a/base", "a/two"]}, config=config, weights=WIDE, tags=tags
    )
    assert {each.relation for each in several.derivations} == {"merge"}


def test_a_declared_quantisation_needs_no_parent_that_was_read() -> None:
    """The publisher's declaration, and the Hub's tag, give the relation to a parent that could not be read."""
    config = {"quantization_config": {"quant_method": "gptq", "bits": 4}}
    card = {"base_model": "a/base"}
    declared = derived(
        {"config.json": ""}, card={**card, "base_model_relation": "quantized"}, config=config, weights=LOW
    )
    tags = ("base_model:a/base", "base_model:quantized:a/base")
    tagged = derived({"config.json": ""}, card=card, config=config, weights=LOW, tags=tags)
    for result in (declared, tagged):
        assert (edge(result, "a/base").relation, edge(result, "a/base").method) == ("quantized", "gptq")


def test_a_quantised_copy_without_a_base_is_not_from_scratch() -> None:
    """GPTQ and GGUF files are copies of something; a model that is published in FP8 need not be."""

    def reasons(config: dict[str, Any]) -> list[str | None]:
        found = derived({"config.json": ""}, config={"quantization_config": config}, weights=LOW).evidence
        return [each.unresolvable for each in found]

    assert reasons({"quant_method": "gptq"}) == ["a quantised copy; its original is not named"]
    assert reasons({"quant_method": "fp8"}) == []


def test_born_quantised_is_no_relation() -> None:
    """A format in which models are published first does not make a copy of one a quantisation."""
    config = {"quantization_config": {"quant_method": "mxfp4"}}
    result = derived({"config.json": ""}, card={"base_model": "a/base"}, config=config, weights=LOW)
    assert (edge(result, "a/base").relation, edge(result, "a/base").method) == (None, "unknown")

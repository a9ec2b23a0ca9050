"""Which facet a field of a config belongs to: by its last name, so that those of nested configs belong there too.

Transformers has thousands of fields, and remote code adds others. Fields that shape the network are recognised by the
parts of their names (`hidden`, `layers`, `heads`); a field whose effect is not known is in the facet `other`, so that
its change is still shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage_schemas.facet import FacetName

_NAMED: Mapping[FacetName, frozenset[str]] = {
    "context_length": frozenset({
        "attention_chunk_size", "attention_window", "context_length", "max_context_length", "max_position_embeddings",
        "max_seq_len", "max_seq_length", "max_sequence_length", "max_source_positions", "max_target_positions",
        "max_window_layers", "model_max_length", "n_ctx", "n_positions", "original_max_position_embeddings",
        "rope_parameters", "rope_scaling", "rope_theta", "rotary_emb_base", "seq_len", "seq_length",
        "sliding_window", "sliding_window_size", "use_sliding_window",
    }),
    "generation": frozenset({
        "bad_words_ids", "begin_suppress_tokens", "bos_token_id", "decoder_start_token_id", "diversity_penalty",
        "do_sample", "early_stopping", "encoder_no_repeat_ngram_size", "eos_token_id",
        "exponential_decay_length_penalty", "forced_bos_token_id", "forced_decoder_ids", "forced_eos_token_id",
        "generation_config", "length_penalty", "max_length", "max_new_tokens", "min_length", "no_repeat_ngram_size",
        "num_beam_groups", "num_beams", "num_return_sequences", "pad_token_id", "prefix", "remove_invalid_values",
        "repetition_penalty", "sep_token_id", "suppress_tokens", "task_specific_params", "temperature", "top_k",
        "top_p", "typical_p",
    }),
    "task": frozenset({"finetuning_task", "id2label", "label2id", "num_labels", "problem_type"}),
    "custom_code": frozenset({"auto_map", "custom_pipelines", "custom_generate", "trust_remote_code"}),
    "library": frozenset({
        "transformers_version", "_diffusers_version", "peft_version", "_transformers_version", "library_name",
        "sentence_transformers_version", "__version__",
    }),
    "base_model": frozenset({"_name_or_path", "base_model_name_or_path", "name_or_path", "parent_library", "revision"}),
    "tokenizer": frozenset({
        "bos_token", "eos_token", "mask_token", "pad_token", "sep_token", "tokenizer_class", "tokenizer_type",
        "unk_token",
    }),
    "formats": frozenset({
        "compression_config", "dtype", "quantization_config", "torch_dtype", "quant_method", "bits", "group_size",
    }),
    "other": frozenset({
        "use_cache", "output_attentions", "output_hidden_states", "initializer_range", "initializer_factor",
        "initializer_std", "router_aux_loss_coef", "pretraining_tp", "gradient_checkpointing", "torchscript",
        "inference_mode", "_commit_hash", "_attn_implementation", "attn_implementation", "use_bfloat16",
    }),
}  # fmt: skip
"""Fields by their exact names."""

_ENDS: Mapping[str, FacetName] = {
    "_token_id": "generation", "_token_index": "generation", "max_position_embeddings": "context_length",
    "context_length": "context_length",
}  # fmt: skip
"""Facets by the ends of names, for fields of one part of a model: `t2u_eos_token_id`."""

_STRUCTURE = re.compile(
    r"act(ivation|_fn)?(_|$)|adapter|alibi|alpha|architectures|attention|attn|(^|_)bias|block|blocks|bottleneck|channels?"
    r"|class_name|codebook|conv|cross|d_(conv|ff|inner|kv|model|state)|decoder|depths?|(^|_)dim|dims|embed|embd|encoder"
    r"|epsilon|(^|_)eps|expert|experts|feature_size|ffn|filter|fan_in|gate|groups|heads?|hidden|image_size|in_features"
    r"|inner|intermediate|kernel|kv|latent|layers?|linear|lora|mamba|mlp|modules|model_type|moe|multi_query|n_embd"
    r"|n_(head|layer|inner|groups)|norm|num_|out_features|parallel|patch|peft_type|pool|position|proj|qk|query|^r$"
    r"|rank|relative|relu|residual|rotary|router|scal(e|ing)|sinusoidal|softcap|ssm|state|stem|stride|swiglu|target_|tie_|tied|token_ind|type_vocab"
    r"|upsampl|downsampl|use_dora|use_rslora|vision|vocab|width|window|merge_size|task_type"
)
"""Parts of the names of fields that shape the network or what it computes."""

_TRAINING = re.compile(
    r"dropout|_pdrop|layerdrop|drop_path|loss|mask_(time|feature)|^apply_spec_augment|initializer|init_scale|label_smoothing"
    r"|^output_|^use_cache|^use_flash"
)
"""Parts of the names of fields that matter only while a model is trained, or for what else it returns."""


@lru_cache(maxsize=65_536)
def facet_of(key: str) -> FacetName:
    """Return the facet of a field of a config, by the last part of its name."""
    name = key.rpartition(".")[2]
    for facet, names in _NAMED.items():
        if name in names:
            return facet
    for end, facet in _ENDS.items():
        if name.endswith(end):
            return facet
    if name.startswith("rope_"):
        return "context_length"
    if _TRAINING.search(name) or not _STRUCTURE.search(name):
        return "other"
    return "architecture"


def fields_of(facet: FacetName) -> Callable[[str], bool]:
    """Make a test of fields: they belong to a facet."""
    return lambda key: facet_of(key) == facet


def is_known_without_effect(key: str) -> bool:
    """Return whether a field of a config is known to change nothing that a user gets: it matters in training only."""
    name = key.rpartition(".")[2]
    return name in _NAMED["other"] or _TRAINING.search(name) is not None

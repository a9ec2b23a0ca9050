"""The kinds of evidence about parents: which files are read, and what they show.

The code that reads them is in `lineage.hub.declared` and `lineage.derivation`; the texts are Markdown.
"""

from __future__ import annotations

from lineage.rules.rule import EvidenceRule

EVIDENCE_RULES = (
    EvidenceRule(
        id="card.base_model",
        reads=(
            "`base_model` of the card: a name, a list, names with commas between, objects with a name, addresses on "
            "the Hub"
        ),
        finds="a parent; several parents are a merge",
        example="`base_model: [a/one, a/two]`",
    ),
    EvidenceRule(
        id="card.base_model_relation",
        reads="`base_model_relation` of the card",
        finds="the relation to every parent of the card, as the publisher declares it",
        example="`base_model_relation: quantized`",
    ),
    EvidenceRule(
        id="card.tag",
        reads="tags of the card, and the Hub's own",
        finds=(
            "`base_model:X` a parent, `base_model:RELATION:X` with its relation; `lora`, `gptq`, `ties`… the method "
            "of a relation that is known. No other tag names a parent"
        ),
        example="`base_model:adapter:gpt2`",
    ),
    EvidenceRule(
        id="project.declared",
        reads="`[[parents]]` of a project's `lineage.toml`, or of `[tool.lineage]` in `pyproject.toml`",
        finds=(
            "a parent of the project's own model, with its relation and commit; it is judged like a card's, and a "
            "quantisation or adapter belongs to it if the card names none"
        ),
        example='`child = "me/model"`, `parent = "a/base"`',
    ),
    EvidenceRule(
        id="files.adapter_config",
        reads="`adapter_config.json` at the root and in folders, not in `checkpoint-*`",
        finds="the model that the adapter belongs to, its commit (`revision`), the method (`peft_type`)",
        example='`"peft_type": "LORA"`',
    ),
    EvidenceRule(
        id="files.lora_weights",
        reads="`pytorch_lora_weights.*` at the root, the name under which diffusers saves a LoRA",
        finds="that the model is an adapter of the card's base model",
        example="`pytorch_lora_weights.safetensors`",
    ),
    EvidenceRule(
        id="files.mergekit",
        reads=(
            "`mergekit_config.yml`, `mergekit_moe_config.yml`: models, slices, modules, experts, `base_model`, "
            "`model+lora`, `path` and `revision`"
        ),
        finds="each merged model, the method (`merge_method`)",
        example="`merge_method: slerp`",
    ),
    EvidenceRule(
        id="files.gguf",
        reads=(
            "`general.source.*`, `general.base_model.*`, `general.type` and `general.file_type` of GGUF headers, and "
            "the types of their tensors"
        ),
        finds=(
            "parents by their address; in a repository of GGUF files only, that these are a quantisation, a "
            "conversion or an adapter"
        ),
        example="`general.base_model.0.repo_url`",
    ),
    EvidenceRule(
        id="files.quantization_config",
        reads="`quantization_config.quant_method` (or MLX's `quantization`) of `config.json`",
        finds="a form that may be a quantisation of the parent: see below",
        example='`"quant_method": "awq"`',
    ),
    EvidenceRule(
        id="files.quantize_config",
        reads="AutoGPTQ's `quantize_config.json`, AutoAWQ's `quant_config.json`",
        finds="the same",
        example='`"bits": 4`',
    ),
    EvidenceRule(
        id="files.weight_types",
        reads="tensor types in the headers of the main group, where a config declares a quantisation",
        finds="that the weights are in training precision, so that the declared form is not a quantisation",
        example="`tensors in BF16, F32`",
    ),
    EvidenceRule(
        id="files.parent_form",
        reads="the parent's own `config.json` and headers, or GGUF files",
        finds="that the parent has the same form, so that it is not a relation",
        example="`fp8`, in the parent's `config.json`",
    ),
    EvidenceRule(
        id="files.name_or_path",
        reads="`_name_or_path` of `config.json` and `model_index.json`",
        finds="the model that was loaded before this one was saved: weak evidence, and often the only evidence",
        example='`"_name_or_path": "a/base"`',
    ),
    EvidenceRule(
        id="files.unreadable",
        reads=(
            "any of these files that is broken, too large or not available; a card whose metadata block never ends; a"
            " key that occurs twice"
        ),
        finds="that something may be declared there and could not be read; `trace` lists it as incomplete",
        example="`mergekit_config.yml: no YAML`",
    ),
    EvidenceRule(
        id="name.legacy",
        reads=(
            "a legacy name without an owner, such as `gpt2`, where the Hub cannot be asked: in a directory, in the "
            "cache, offline"
        ),
        finds=(
            "that the id comes from lineage's own table (`lineage/hub/legacy_names.csv`), with its month and source; "
            "it is not evidence for a parent itself"
        ),
        example="`by the table of old names, 2024-07, hub-base-model-tags`",
    ),
    EvidenceRule(
        id="card.new_version",
        reads="`new_version` of the card",
        finds="that another repository is the next version of this one: a `NEXT_VERSION` edge, and no parent",
        example="`new_version: a/model-v2`",
    ),
    EvidenceRule(
        id="name.version",
        reads="the version in a repository's name",
        finds=(
            "the order of repositories of one owner whose names are equal but for it: a `NEXT_VERSION` edge, and no "
            "parent"
        ),
        example="`v2` in `a/model-v2`",
    ),
    EvidenceRule(
        id="history.duplicate",
        reads="title and message of the first commit",
        finds="the repository of which this one began as a copy, and its commit at that time",
        example="`Duplicate from a/base`",
    ),
    EvidenceRule(
        id="history.dates",
        reads="creation of the parent, first weights of the child",
        finds=(
            "evidence *against* a parent that was created after its child's weights; an earlier date supports "
            'nothing. The Hub\'s earliest date, 2022-03-02, means "then or before" and is not compared'
        ),
        example="`parent 2024-05-09…, child 2024-05-05…`",
    ),
)

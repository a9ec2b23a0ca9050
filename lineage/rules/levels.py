"""The rules of the level that a change deserves: each kind of change with its level, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.rules.rule import LevelRule

if TYPE_CHECKING:
    from lineage_schemas.version_level import VersionLevel

SEMVER = "convention: Semantic Versioning 2.0.0"
STUDY = "study of 52,227 models (arXiv 2409.10472)"
MUSCLE = "MUSCLE (arXiv 2407.09435)"
OURS = "our decision"


def _rule(code: int, name: str, level: VersionLevel, title: str, *texts: str) -> LevelRule:
    """Make a rule; the texts are reason, source, example, and what looks alike."""
    reason, source, example, unless = texts
    return LevelRule(f"SV{code:03}", name, title, level, reason, source, example, unless, "0.1.0")


LEVEL_RULES = (
    _rule(
        1, "architecture-change", "major", "A field of a config that shapes the network differs",
        "Code that loads the model builds another network; adapters and quantised copies of the old one do not fit.",
        f"{STUDY}, section 5: MAJOR is for backward-incompatible change",
        "`num_hidden_layers` of config.json changes from 24 to 32.",
        "A vocabulary that only grows, the same modules in another order, and a field that is written as null.",
    ),
    _rule(
        2, "tensor-shape-change", "major", "Tensors have other shapes, or others exist",
        "What was built on the tensors (adapters, merges, converted copies) no longer fits.",
        f"{SEMVER}: the interface changed; {STUDY}, section 5",
        "`classifier.weight` changes from 3 × 768 to 5 × 768.",
        "Rows that are appended to the embedding of a vocabulary, and tensors that were only renamed.",
    ),
    _rule(
        3, "token-mapping-change", "major", "Existing tokens have other ids, or texts are split in another way",
        "Stored token ids, prompts that were cut to a length and logits are no longer those of the old version.",
        f"{MUSCLE}, section 8: updates with another vocabulary are outside of what can be compatible",
        "`tokenizer.json` gives the token `the` the id 262 instead of 1169.",
        "Tokens that are only appended, and a setting that is written as false or null.",
    ),
    _rule(
        4, "task-change", "major", "The task or the set of labels differs",
        "Programs that read labels or expect a task get other answers.",
        f"{SEMVER}: the interface changed; {STUDY}, table 5: task is among the changes of versions",
        "`id2label` changes from negative/positive to negative/neutral/positive.",
        "A card that names the task for the first time.",
    ),
    _rule(
        5, "base-model-change", "major", "The model was built from another base",
        "Licence, languages and behaviour come from the base; fine-tuning the same base again is less.",
        f"{STUDY}, tables 4 to 7: base models changed in major versions only (19 of 141 against 0 of 100)",
        "`base_model` of the card changes from org/base-7b to other/base-8b.",
        "A card that names its base for the first time, and a local path in `_name_or_path`.",
    ),
    _rule(
        6, "context-shrunk", "major", "The model takes shorter inputs",
        "Inputs that were accepted are cut or fail.",
        f"{SEMVER}: the interface changed; {OURS}",
        "`max_position_embeddings` changes from 8192 to 4096.",
        "A context that grows, and a limit that is written for the first time.",
    ),
    _rule(
        7, "licence-narrowed", "major", "The licence permits less or requires more",
        "Uses that were permitted no longer are.",
        f"{STUDY}, table 7: licences differ between major and minor versions (p < 0.01); {OURS} on the direction",
        "`license` changes from apache-2.0 to cc-by-nc-4.0.",
        "A licence with the same terms under another name.",
    ),
    _rule(
        8, "custom-code-required", "major", "Loading the model runs code of the repository from now on",
        "Users who do not trust remote code can no longer load it.",
        f"{SEMVER}: loading has a new condition; {OURS}",
        "`auto_map` appears in config.json.",
        "Scripts that no loader runs.",
    ),
    _rule(
        9, "main-format-removed", "major", "The main format of the weights or a component is gone",
        "Programs that load this format or component fail.",
        f"{SEMVER}: something that users load was removed; {OURS}",
        "`pytorch_model.bin` is deleted, and only `model.safetensors` stays.",
        "The same format in other files or shards.",
    ),
    _rule(
        10, "flip-rate-above-limit", "major", "More answers turned from right to wrong than the limit allows",
        "A better average can hide that answers which users rely on are now wrong.",
        f"{MUSCLE}, sections 3.1 and 6.1; the limit of 2 % is {OURS}",
        "Of 1,000 instances 61 were right and are wrong; the lower bound of the interval is 4.7 %.",
        "A rate whose lower confidence bound is within the limit.",
    ),
    _rule(
        11, "weights-retrained", "minor", "The weights have other values behind the same interface",
        "Answers change, and everything that was built on the model still loads.",
        f"{STUDY}, section 5: fine-tuning on new data fits MINOR",
        "All 148 tensors differ, with the same names and shapes.",
        "The same values in another file, precision or sharding.",
    ),
    _rule(
        12, "weights-replaced", "minor", "Weight files have other bytes, and their values were not compared",
        "It may be a retraining or a cast: at least MINOR until the values are read.",
        OURS,
        "`pytorch_model.bin` has another hash, and its tensors were not read.",
        "Files whose tensors were compared.",
    ),
    _rule(
        13, "vocabulary-appended", "minor", "Tokens were added, and all others keep their ids",
        "Old inputs have the same ids; new tokens are a new possibility.",
        f"{SEMVER}: an addition; {OURS}",
        "`vocab_size` grows from 32,000 to 32,004, with four new tokens at the end.",
        "A token that is inserted, removed or moved.",
    ),
    _rule(
        14, "context-grown", "minor", "The model takes longer inputs, or counts positions in another way",
        "Old inputs are still accepted.",
        f"{SEMVER}: an addition; {OURS}",
        "`max_position_embeddings` changes from 4096 to 32768, or `rope_theta` from 10000 to 1000000.",
        "A smaller context.",
    ),
    _rule(
        15, "chat-template-change", "minor", "Messages become another prompt",
        "Answers change with the same weights.",
        f"{OURS}, after repositories whose template was fixed without a word",
        "The template adds a system prompt by default.",
        "A template that moved unchanged from one file to another.",
    ),
    _rule(
        16, "special-tokens-change", "minor", "Special tokens, or where they are added, differ",
        "Generation ends elsewhere, or begins with another token.",
        f"{OURS}, after repositories whose end token was fixed without a word",
        "`eos_token` changes from `</s>` to `<|im_end|>`.",
        "The same token, written as a text or as an object.",
    ),
    _rule(
        17, "generation-defaults-change", "minor", "Defaults of generation differ",
        "Programs that rely on the defaults get other answers.",
        OURS,
        "`temperature` of generation_config.json changes from 1.0 to 0.6.",
        "The version of the library that wrote the file.",
    ),
    _rule(
        18, "lossy-precision", "minor", "The same parameters with less precision, or quantised in another way",
        "Answers may differ, and memory and speed do.",
        OURS,
        "The weights are cast from F32 to BF16.",
        "A cast that keeps every value, such as BF16 to F32.",
    ),
    _rule(
        19, "format-added", "minor", "Another format or variant was added, with other or rounded values",
        "Users who switch to it get other answers; others notice nothing.",
        f"{SEMVER}: an addition; {OURS}",
        "`model.Q4_K_M.gguf` is added beside `model.safetensors`.",
        "A format with the same tensors.",
    ),
    _rule(
        20, "component-added", "minor", "A component with parameters of its own was added",
        "Nothing that existed changes.",
        f"{SEMVER}: an addition; {OURS}",
        "The folder `image_encoder/` with its own weights is added to a pipeline.",
        "Another copy of the parameters that were there.",
    ),
    _rule(
        21, "licence-widened", "minor", "The licence permits more or requires less",
        "What was permitted stays permitted.",
        f"{STUDY}, table 7, on licences; {OURS} on the direction",
        "`license` changes from cc-by-nc-4.0 to apache-2.0.",
        "A licence that permits more in one term and less in another.",
    ),
    _rule(
        22, "input-processing-change", "minor", "Settings of the tokenizer or of a processor of images or sound differ",
        "The same input becomes other numbers, or its padding and cutting differ.",
        OURS,
        "`padding_side` changes from right to left, or `tokenizer.model` has other bytes.",
        "A setting that is written as false or null, and the version of the file.",
    ),
    _rule(
        23, "custom-code-change", "minor", "Code that a loader runs differs, or is no longer needed",
        "What it does was not compared: at least MINOR.",
        OURS,
        "`modeling_custom.py` has other bytes, and `auto_map` names it.",
        "Scripts of a repository whose configs name no code.",
    ),
    _rule(
        24, "other-format-removed", "minor", "A format or variant beside the main one is gone",
        "The standard loader still finds what it loads.",
        OURS,
        "`model.onnx` is deleted beside `model.safetensors`.",
        "The main format.",
    ),
    _rule(
        25, "weights-reserialised", "patch", "The same tensors in other files, or under other names",
        "A loader gets the same parameters.",
        f"{SEMVER}: nothing that users see changed; real conversions in the study's repositories",
        "One file becomes three shards.",
        "Tensors whose bytes were not compared.",
    ),
    _rule(
        26, "same-weights-added", "patch", "The same tensors were added in another format",
        "Every format holds the same parameters.",
        f"{SEMVER}: nothing that users see changed; {OURS}",
        "A bot adds `model.safetensors` with the tensors of `pytorch_model.bin`.",
        "A format whose tensors were not compared.",
    ),
    _rule(
        27, "lossless-cast", "patch", "The same values with more precision",
        "Every value is the same.",
        OURS,
        "The weights are cast from BF16 to F32.",
        "A cast that rounds.",
    ),
    _rule(
        28, "documentation-change", "patch", "The card's text or another document differs",
        "The model is the same.",
        f"{SEMVER}: nothing that users see changed; {STUDY}, section 5",
        "A section on limits is added to the card.",
        "The licence, the base and the task that a card names.",
    ),
    _rule(
        29, "metadata-change", "patch", "Other facts about the model differ: data sets, results, library, declarations",
        "The model is the same, and is described in another way.",
        f"{STUDY}, section 5, which leaves open whether such changes are PATCH or more; {OURS}",
        "The card names its data sets for the first time.",
        "Fields that shape the network or change its answers.",
    ),
)  # fmt: skip
"""Every rule of a level, by code; the highest level that fires is that of the change."""

LEVEL_BY_NAME = {rule.name: rule for rule in LEVEL_RULES}

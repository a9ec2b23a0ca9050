"""Which category a changed file speaks for, by its path."""

from __future__ import annotations

import re
from posixpath import basename

from lineage.fingerprint.groups import INDEX
from lineage.fingerprint.weight_files import is_weight_file
from lineage.versioning.facets.files import CODE, DOCUMENT, EVALUATION, LICENCE_TEXT, PROCESSORS, tokenizer_part
from lineage_schemas.commit_class import CommitCategory

METADATA = re.compile(r"\.gitattributes|\.gitignore|modelcard\.json|citation\.cff|.*\.bib|\.ds_store", re.IGNORECASE)

STRUCTURE = re.compile(
    r"config\.json|params\.json|adapter_config\.json|model_index\.json|modules\.json|configuration_\w+\.py|modeling_\w+\.py"
    r"|mergekit_config\.ya?ml|config_sentence_transformers\.json|sentence_bert_config\.json"
)
"""Files that say how the network is built, beside its weights."""

TUNING = re.compile(r"generation_config\.json|quant(ize)?_config\.json|hyper_?param\w*\.\w+|scheduler_config\.json")

TEMPLATE = re.compile(r"chat_template\.(jinja|json)|tokenization_\w+\.py|processing_\w+\.py|special_tokens_map\.json")

OUTPUT = re.compile(
    r"trainer_state\.json|(all|train)_results\.json|.*tfevents.*|(optimizer|scheduler|rng_state|scaler)[\w.-]*"
    r"|training[-_]?log[\w.-]*|.*\.log|dtypes\.json|latest",
)
"""What a training run writes beside the weights."""

VALIDATION = re.compile(r"(^|[-_/.])(eval\w*|bench\w*|metrics?|test|tests|validation|leaderboard)([-_/.]|$)")

TRAINING = re.compile(r"(^|[-_/.])(train\w*|fine-?_?tun\w*|losse?s?|pretrain\w*|sft|dpo|lora)([-_/.]|$)")

DEPENDENCIES = re.compile(
    r"requirements[\w.-]*\.(txt|in)|pyproject\.toml|setup\.(py|cfg)|environment\.ya?ml|pipfile(\.lock)?|poetry\.lock"
    r"|uv\.lock|package(-lock)?\.json|cargo\.(toml|lock)"
)

DATA = re.compile(r"\.(csv|tsv|jsonl|parquet|arrow|wav|mp3|flac|npy)$")

DEPLOYMENT = re.compile(
    r"(^|/)(dockerfile[^/]*|modelfile|makefile|[\w-]*compose[\w.-]*\.ya?ml|procfile)$|\.(sh|bat|ps1|js|ts|tsx|css|go|rs)$"
    r"|(^|/)\.github/|\.(ipynb|ya?ml|toml)$"
)


def category_of_file(path: str) -> CommitCategory:
    """Return the category that a file speaks for; README.md speaks for documentation, whatever its metadata say."""
    low = path.casefold()
    name = basename(low)
    if is_weight_file(path) or INDEX.search(name) or OUTPUT.fullmatch(name) or low.startswith("runs/"):
        return "Output Data"
    if METADATA.fullmatch(name) or LICENCE_TEXT.fullmatch(name.removesuffix(".txt").removesuffix(".md")):
        return "Project Metadata"
    for pattern, category in _BY_NAME:
        if pattern.fullmatch(name):
            return category
    if name in PROCESSORS or tokenizer_part(path) is not None:
        return "Pre-processing"
    return _of_kind(low, name)


_BY_NAME: tuple[tuple[re.Pattern[str], CommitCategory], ...] = (
    (STRUCTURE, "Model Structure"),
    (TUNING, "Parameter Tuning"),
    (TEMPLATE, "Pre-processing"),
    (DEPENDENCIES, "Dependency Management"),
    (re.compile(r"training_args\.\w+"), "Training Infrastructure"),
)


def _of_kind(low: str, name: str) -> CommitCategory:
    """Return the category of a file by its ending, and by what its path says about its use."""
    if DOCUMENT.search(name):
        return "External Documentation"
    if EVALUATION.fullmatch(low):
        return "Validation Infrastructure"
    runs = CODE.search(name) or DEPLOYMENT.search(low)
    if runs or name.endswith(".json"):
        if VALIDATION.search(name):
            return "Validation Infrastructure"
        if runs and TRAINING.search(low) and not low.startswith(".github/"):
            return "Training Infrastructure"
    if runs:
        return "Code and Deployment"
    return "Input Data" if DATA.search(name) else "Unknown"

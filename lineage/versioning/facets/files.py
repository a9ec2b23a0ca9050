"""Which files the facets read, and which texts have to be fetched for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lineage.versioning.facets.comparison import CHECKPOINT, folder_of
from lineage.versioning.facets.side import CARD, CONFIG, same_bytes

if TYPE_CHECKING:
    from lineage_schemas.file import FileEntry
    from lineage_schemas.snapshot import Snapshot

CONFIGS = {
    "generation_config.json": "generation_config", "adapter_config.json": "adapter_config",
    "quantize_config.json": "quantize_config", "preprocessor_config.json": "preprocessor_config",
    "model_index.json": "model_index",
}  # fmt: skip
"""Configs beside config.json that a loader reads, and the names of their fields in the list of all fields."""

MAX_FURTHER = 12
"""Small files of one side that are read beside the card and the configs above: each is a request to a Hub."""

LEFT_OUT = f"more than {MAX_FURTHER} small files would have to be read"

TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
VOCABULARIES = ("vocab.json", "vocab.txt")
MERGES = "merges.txt"
PROCESSORS = (
    "preprocessor_config.json", "processor_config.json", "image_processor_config.json",
    "video_preprocessor_config.json",
)  # fmt: skip
"""What turns images and sound into numbers, as tokenizers do with text."""

TOKENIZER_TEXTS = frozenset(
    {TOKENIZER, TOKENIZER_CONFIG, SPECIAL_TOKENS, ADDED_TOKENS, *VOCABULARIES, MERGES, *PROCESSORS}
)

OPAQUE_TOKENIZER = re.compile(
    r"tokenizer[^/]*|vocab[^/]*\.(json|txt|bpe)|(sentencepiece|spiece|spm)[^/]*\.model|[^/]+\.tiktoken|[^/]*\.spm"
    r"|bpe\.codes|tekken\.json"
)
"""Tokenizer files that are compared by their bytes only."""

TEMPLATE = "chat_template.jinja"
OLD_TEMPLATE = "chat_template.json"
MORE_TEMPLATES = re.compile(r"additional_chat_templates/([^/]+)\.jinja")

COMPONENT_CONFIG = re.compile(r"[^/]+/(config|adapter_config)\.json")
SENTENCE_CONFIGS = ("sentence_bert_config.json", "config_sentence_transformers.json")
SCHEDULER = re.compile(r"[^/]+/scheduler_config\.json")
REQUIREMENTS = "requirements.txt"
EVALUATION = re.compile(r"\.eval_results/[^/]+\.ya?ml")
MODULES = "modules.json"

LICENCE_TEXT = re.compile(r"(licen[cs]e|copying|notice|use_policy)([-._][^/]*)?", re.IGNORECASE)
DOCUMENT = re.compile(r"\.(md|rst|txt|pdf|html|png|jpe?g|gif|svg|webp|mp4)$", re.IGNORECASE)
CODE = re.compile(r"\.(py|pyx|cu|cpp|so)$")

NAMES_CODE = re.compile(r"([^/]+/)?(config|tokenizer_config|(image_|video_|pre)?processor_config|model_index)\.json")
"""Configs whose `auto_map` and the like name code."""


class TextsToRead(NamedTuple):
    """List the texts to read of each side, most important first, and those for which no request is left."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    left_out: tuple[str, ...]


def tokenizer_part(path: str) -> str | None:
    """Return the name that a file of a tokenizer has inside its folder; None for any other file."""
    if CHECKPOINT.search(path):
        return None
    name = path[len(folder_of(path)) :]
    known = name in TOKENIZER_TEXTS or (OPAQUE_TOKENIZER.fullmatch(name) and not CODE.search(name))
    return name if known else None


def config_paths(paths: Iterable[str]) -> list[str]:
    """List config.json and the configs of adapters, pipelines and components among some paths."""
    named = {CONFIG, "adapter_config.json", "model_index.json", "quantize_config.json", "quant_config.json"}
    found = {
        path for path in paths if path in named or (COMPONENT_CONFIG.fullmatch(path) and not CHECKPOINT.search(path))
    }
    return sorted(found | {CONFIG}, key=lambda path: (path != CONFIG, path))


def may_name_code(path: str) -> bool:
    """Return whether a file is a config whose `auto_map` and the like name code that a loader runs."""
    return NAMES_CODE.fullmatch(path) is not None and not CHECKPOINT.search(path)


def texts_to_read(before: Snapshot, after: Snapshot) -> TextsToRead:
    """List the small texts that the facets need: those that differ, and what is needed to interpret them.

    A file with the same id on both sides is read only if another one that differs needs it: a chat template may move
    from one file to another, tokenizer.json may be added to the vocabulary that it was made from, and whether a file of
    code runs is said by the configs.
    """
    old, new = ({entry.path: entry for entry in side.files} for side in (before, after))
    differing = {path for path in old.keys() | new.keys() if _may_differ(old.get(path), new.get(path))}
    wanted = [path for path in _by_importance(differing, old, new) if path not in (CARD, CONFIG)]
    first = [path for path in wanted if path in CONFIGS]
    further = [path for path in wanted if path not in CONFIGS]
    kept = [*first, *further[:MAX_FURTHER]]
    return TextsToRead(
        tuple(path for path in kept if path in old),
        tuple(path for path in kept if path in new),
        tuple(further[MAX_FURTHER:]),
    )


def _may_differ(old: FileEntry | None, new: FileEntry | None) -> bool:
    return old is None or new is None or same_bytes(old, new) is not True


def _by_importance(differing: set[str], old: Mapping[str, FileEntry], new: Mapping[str, FileEntry]) -> list[str]:
    """Order the texts to read: templates and settings first, then vocabularies, then configs of components."""
    listed = old.keys() | new.keys()
    found = [path for path in CONFIGS if path in differing]
    found += [path for path in _templates(differing, listed)]
    parts = sorted(path for path in differing if tokenizer_part(path) in TOKENIZER_TEXTS)
    found += sorted(parts, key=lambda path: (path.count("/"), tokenizer_part(path) in (*VOCABULARIES, MERGES)))
    found += [path for path in _slow_forms(old, new)]
    if any(CODE.search(path) for path in differing):
        found += sorted(path for path in listed if may_name_code(path) or path == MODULES)
    found += [path for path in SENTENCE_CONFIGS if path in differing]
    found += sorted(path for path in differing if SCHEDULER.fullmatch(path))
    found += [path for path in config_paths(differing) if path in differing]
    found += [path for path in (REQUIREMENTS, "quant_config.json") if path in differing]
    found += sorted(path for path in differing if EVALUATION.fullmatch(path))
    return list(dict.fromkeys(found))


def _templates(differing: set[str], listed: Iterable[str]) -> Iterator[str]:
    """List the files that hold chat templates, all of them if one differs."""
    known = set(listed)
    more = sorted(path for path in known if MORE_TEMPLATES.fullmatch(path))
    if differing & {TEMPLATE, OLD_TEMPLATE, TOKENIZER_CONFIG}:
        yield from (path for path in (TOKENIZER_CONFIG, TEMPLATE, OLD_TEMPLATE) if path in known)
    yield from (path for path in more if path in differing)


def _slow_forms(old: Mapping[str, FileEntry], new: Mapping[str, FileEntry]) -> Iterator[str]:
    """List the vocabulary files of a side that has no tokenizer.json, if the other one has it."""
    folders = {folder_of(path) for path in old.keys() ^ new.keys() if tokenizer_part(path) == TOKENIZER}
    for folder in sorted(folders):
        side = old if folder + TOKENIZER in new else new
        for name in (*VOCABULARIES, MERGES, ADDED_TOKENS):
            if folder + name in side:
                yield folder + name

"""What a commit changes: its category, by the files and their hashes first, and by the words of its title last."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lineage.fingerprint.weight_files import is_weight_file, weight_format
from lineage.versioning.commit_files import category_of_file
from lineage.versioning.commit_taxonomy import CATEGORIES
from lineage.versioning.facets.config_fields import facet_of
from lineage.versioning.facets.files import tokenizer_part
from lineage.versioning.texts import CARD
from lineage_schemas.commit_class import CommitCategory, CommitClass, WeightEffect
from lineage_schemas.facet import FACETS, FacetName
from lineage_schemas.file_change import FileChange

MAX_TITLE = 300
"""Characters of a title that are searched: titles are short, and longer ones cost no time."""

BOILERPLATE = re.compile(
    r"\s*(?:with|using) huggingface_hub\b|\s*\(#\d+\)$|^Merge (?:pull request|branch) .*|^Upload .* to the hub$", re.I
)
"""What platforms write into titles: it says nothing about the change."""

FOLDER = re.compile(
    r"^(?:upload folder\b|upload \d+ files$|duplicate from\b|add files via upload$|upload folder$)", re.I
)
"""Titles of uploads of whole folders, which the study counts as sharing."""

CONVERSION = re.compile(
    r"^adding `?safetensors`? variant|^add(?:ing|s|ed)? \S+ (?:weights|variant|version|format)", re.I
)
"""The title of a conversion into another format: the conversion bot's, and similar ones."""

METADATA_WORDS = re.compile(
    r"\b(?:metadata|tags?|base[ _]model|licen[cs]e|library[_ ]name|pipeline[_ ]tag|datasets? tag|front ?matter|yaml)\b",
    re.I,
)

DEPENDENCY_WORDS = re.compile(
    r"\b(?:upgrade|bump|pin|install)\b.*\b(?:package|version|transformers|torch|to v?\d)|\bdependenc", re.I
)

ORDER: tuple[CommitCategory, ...] = (
    "Model Structure", "Parameter Tuning", "Pre-processing", "Training Infrastructure", "Validation Infrastructure",
    "Code and Deployment", "Dependency Management", "Input Data", "Output Data", "Project Metadata",
    "External Documentation", "Unknown",
)  # fmt: skip
"""Which category decides where as many files speak for several: what a user of the model notices most comes first."""

ACCOMPANYING: frozenset[CommitCategory] = frozenset({"Project Metadata", "External Documentation"})
"""Categories of files that accompany a change of something else."""

TOO_MANY = 4
"""Categories in one commit from which on none of them describes it."""

DETAILS = {"torch_dtype": "", "dtype": "", "vocab_size": "vocabulary "}
"""Fields of configs that describe replaced weights, and how the note introduces them."""

CARD_FACETS: Mapping[str, FacetName] = {
    "base_model": "base_model", "base_model_relation": "base_model", "license": "licence", "license_name": "licence",
    "license_link": "licence", "datasets": "datasets", "pipeline_tag": "task", "library_name": "library",
    "model-index": "evaluation",
}  # fmt: skip
"""Facets of the card's metadata; other fields are documentation."""

MAX_DETAIL = 100
"""Characters of one detail of the note."""


@dataclass(frozen=True)
class State:
    """Hold what is known of a model on one side of a commit.

    `weights` are the paths of its files of weights, None if they are not known. `fields` are those of its configs and
    of the card's metadata, by path; a file that was not read is missing.
    """

    weights: frozenset[str] | None = None
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


NOTHING_KNOWN = State()


def classify(
    title: str, message: str, changes: Iterable[FileChange] | None, before: State = NOTHING_KNOWN,
    after: State = NOTHING_KNOWN,
) -> CommitClass:  # fmt: skip
    """Classify a commit by its changed files; `before` and `after` add facets and details where they are known.

    Hashes decide over titles: a title that speaks of weights where no file of weights changed decides nothing. What
    platforms write into titles is ignored.
    """
    words = BOILERPLATE.sub("", title[:MAX_TITLE]).strip()
    if changes is None:
        return _class("Unknown", "which files changed is not known", "unknown")
    changed = [each for each in changes if not _is_same(each)]
    if not changed:
        return _class("Unknown", "no file changed", "none")
    weights, note = _weights(changed, words, before)
    category, reason = _category(changed, words, weights, before, after)
    details = _details(before, after) if weights == "replaced" else None
    return _class(category, reason, weights, _facets(changed, before, after), details or note)


def _class(
    category: CommitCategory,
    reason: str,
    weights: WeightEffect,
    facets: Sequence[FacetName] = (),
    note: str | None = None,
) -> CommitClass:
    phase = CATEGORIES[category].phase
    return CommitClass(category=category, phase=phase, reason=reason, weights=weights, facets=tuple(facets), note=note)


def _is_same(change: FileChange) -> bool:
    """Return whether a file that is listed as modified has the same content on both sides."""
    if not change.old or not change.new or change.status != "M":
        return False
    return change.old.identity is not None and change.old.identity == change.new.identity


def _weights(changed: list[FileChange], words: str, before: State) -> tuple[WeightEffect, str | None]:
    """Find what happens to files of weights, and a detail of it."""
    touched = [each for each in changed if is_weight_file(each.path)]
    if not touched:
        return "none", None
    by_status = {status: [each for each in touched if each.status == status] for status in "AMD"}
    if by_status["M"]:
        return "replaced", _shards(by_status["M"])
    if by_status["A"] and by_status["D"]:
        gone = {each.old.identity for each in by_status["D"] if each.old}
        same = all(each.new and each.new.identity and each.new.identity in gone for each in by_status["A"])
        return ("renamed", None) if same else ("replaced", "other files")
    if by_status["D"]:
        return "removed", None
    return _added(by_status["A"], words, before)


def _added(added: list[FileChange], words: str, before: State) -> tuple[WeightEffect, str | None]:
    """Tell the first weights of a model from a further format, and from further weights."""
    if before.weights is None:
        unknown = "whether other weights were there is not known"
        return ("format_added", f"by the title; {unknown}") if CONVERSION.search(words) else ("first_upload", unknown)
    if not before.weights:
        return "first_upload", None
    formats = {weight_format(path) for path in before.weights}
    return ("added" if {weight_format(each.path) for each in added} & formats else "format_added"), None


_SHARD = re.compile(r"-\d{1,9}-of-0*(\d{1,9})")


def _shards(replaced: list[FileChange]) -> str | None:
    """Count the replaced shards of a set; None where they are not shards, or all of them."""
    totals = {int(found[1]) for each in replaced if (found := _SHARD.search(each.path))}
    if len(totals) != 1 or len(replaced) >= (total := totals.pop()):
        return None
    return f"{len(replaced)} of {total} shards"


def _category(
    changed: list[FileChange], words: str, weights: WeightEffect, before: State, after: State
) -> tuple[CommitCategory, str]:
    """Decide the category, and give the reason."""
    if FOLDER.search(words) and len(changed) > 2:
        return "Sharing", f"a folder of {len(changed)} files was uploaded"
    if weights != "none":
        touched = [each.path for each in changed if is_weight_file(each.path)]
        return "Output Data", f"{_few(touched)}: weights {weights.replace('_', ' ')}"
    found: dict[CommitCategory, list[str]] = {}
    for each in changed:
        found.setdefault(_of_change(each, words, before, after), []).append(each.path)
    decided = _strongest(found)
    if decided is None:
        return "Unknown", f"files of {len(found)} kinds changed"
    if decided == "Code and Deployment" and DEPENDENCY_WORDS.search(words):
        return "Dependency Management", f"the title names a dependency, in {_few(found[decided])}"
    return decided, _few(found[decided])


def _of_change(change: FileChange, words: str, before: State, after: State) -> CommitCategory:
    """Return the category that one changed file speaks for; of the card, by what changed in it."""
    category = category_of_file(change.path)
    if change.path != CARD:
        return category
    if change.path in before.fields and change.path in after.fields:
        return "Project Metadata" if before.fields[CARD] != after.fields[CARD] else category
    return "Project Metadata" if METADATA_WORDS.search(words) else category


def _strongest(found: Mapping[CommitCategory, list[str]]) -> CommitCategory | None:
    """Return the category of most files, those that accompany a change last; None if there are too many kinds."""
    main = [category for category in found if category not in ACCOMPANYING] or list(found)
    if len(main) >= TOO_MANY:
        return None
    counts = Counter({category: len(found[category]) for category in main})
    return min(main, key=lambda category: (-counts[category], ORDER.index(category)))


def _facets(changed: list[FileChange], before: State, after: State) -> list[FacetName]:
    """List the facets that are known to change: by fields where both sides were read, else by files."""
    found: set[FacetName] = set()
    for path in before.fields.keys() & after.fields.keys():
        old, new = before.fields[path], after.fields[path]
        names = [name for name in {*old, *new} if old.get(name) != new.get(name)]
        found |= {CARD_FACETS.get(name, "documentation") if path == CARD else facet_of(name) for name in names}
    for each in changed:
        if tokenizer_part(each.path):
            found.add("tokenizer")
        elif re.search(r"chat_template", each.path):
            found.add("chat_template")
        elif each.path.endswith("generation_config.json"):
            found.add("generation")
        elif each.path == CARD:
            found.add("documentation")
    return [facet for facet in FACETS if facet in found]


def _details(before: State, after: State) -> str | None:
    """Return the types of the weights and the sizes of the vocabulary where the two sides differ in them."""
    found = []
    for path in sorted(before.fields.keys() & after.fields.keys()):
        old, new = before.fields[path], after.fields[path]
        for name in sorted(old.keys() & new.keys()):
            if old[name] != new[name] and (last := name.rpartition(".")[2]) in DETAILS:
                found.append(f"{DETAILS[last]}{old[name]}→{new[name]}"[:MAX_DETAIL])
    return ", ".join(found) or None


def _few(paths: Sequence[str]) -> str:
    """Name one path, and count the others."""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more}"

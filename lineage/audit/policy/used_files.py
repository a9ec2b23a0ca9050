"""The files of a model that a product names: by a file, a folder, a variant or a quantisation."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from lineage.audit.policy.facts import ModelFacts, folder_of, places_of
from lineage_schemas.answers.audit import AuditUnchecked

if TYPE_CHECKING:
    from lineage_schemas.reference import Reference

_SEARCHED = (".onnx", ".xml")
"""Suffixes of files that loaders look for in all folders, as those of ONNX and OpenVINO do."""


class NamedFiles(NamedTuple):
    """Hold what a reference names of a model, in words and as a pattern, and the files that it means."""

    words: str
    pattern: str | None
    files: tuple[str, ...]


def named_files(reference: Reference, files: Collection[str]) -> NamedFiles | None:
    """Find the files that a reference names; None for one that names only the model.

    A file name may have stars, as the clients of the Hub take it. A variant is part of a file's name, in the folder
    that is loaded or, of a diffusers pipeline, in the folders of its parts.
    """
    folder = folder_of(reference)
    inside = [each for each in files if not folder or each.startswith(f"{folder}/")]
    if reference.filename:
        pattern = _pattern(folder, reference.filename)
        found = [each for each in files if each == pattern or fnmatchcase(each, pattern)]
        if not found and pattern.endswith(_SEARCHED):
            found = [each for each in inside if each.endswith(f"/{reference.filename}")]
        return NamedFiles(f"the file {pattern}", pattern, tuple(found))
    if reference.variant:
        parts = f"{folder}/model_index.json".lstrip("/") in files
        found = [each for each in inside if parts or each.rpartition("/")[0] == folder]
        found = [each for each in found if _is_variant(each, reference.variant)]
        where = f" in the folder {folder}" if folder else ""
        return NamedFiles(f"a file of the variant {reference.variant}{where}", None, tuple(found))
    if folder:
        return NamedFiles(f"the folder {folder}", f"{folder}/*", tuple(inside))
    if reference.selector and reference.selector != "latest":
        found = [each for each in files if _is_quantised(each, reference.selector)]
        return NamedFiles(f"a GGUF file of the quantisation {reference.selector}", None, tuple(found))
    return None


def missing_files(model: ModelFacts) -> Iterator[AuditUnchecked]:
    """List what the product names of a model and the judged commit does not have: what is loaded is not known."""
    for each in (reference for asked in model.asked for reference in asked.references):
        named = named_files(each, model.files) if model.files is not None and model.commit else None
        if named is not None and not named.files:
            reason = f"{model.id} does not have it at {model.commit}, so that a loader fails or takes other files"
            yield AuditUnchecked(what=f"{named.words} of {model.id}", reason=reason, places=places_of((each,)))


def _pattern(folder: str, filename: str) -> str:
    name = filename.removeprefix("./").lstrip("/")
    return (f"{folder}/{name}" if folder else name) + ("*" if name.endswith("/") else "")


def _is_variant(path: str, variant: str) -> bool:
    name = path.rpartition("/")[2]
    return f".{variant}." in name or f".{variant}-" in name


def _is_quantised(path: str, selector: str) -> bool:
    """Return whether a GGUF file has a quantisation in its path, in any letter case; or is the file itself."""
    lowered, wanted = path.lower(), selector.lower()
    if not lowered.endswith(".gguf"):
        return False
    return lowered == wanted or re.search(rf"(?<![a-z0-9]){re.escape(wanted)}(?![a-z0-9_])", lowered) is not None

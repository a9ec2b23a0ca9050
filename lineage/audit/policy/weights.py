"""What loading a model's weights runs: formats and pickles; and which formats and publishers a project allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.audit.policy.facts import ModelFacts, Problem
from lineage.audit.used_files import PICKLES, named_files
from lineage.errors import few
from lineage.fingerprint.weight_files import weight_format
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_schemas.project_file import AllowDeny

RUNS_CODE = frozenset({"pytorch", "pickle", "keras", "tensorflow", "nemo"})
"""Formats whose loaders can run code of the file."""

MAX_NAMES = 5
"""Names that a message lists."""


def about_weights(model: ModelFacts, formats: AllowDeny) -> Iterator[Problem]:
    """Find formats that can run code, and formats that the project does not allow; of used models only."""
    if not model.used or not model.formats:
        return
    if all(each in PICKLES for each, _ in model.formats):
        kinds = ", ".join(sorted({each for each, _ in model.formats}))
        yield Problem("pickle-only", f"the weights of {model.id} are pickles only ({kinds})", model.pointer())
    elif pickled := [file for file, kind in _named(model) if kind in PICKLES]:
        words = f"the product loads a pickle of {model.id}, which has other weights too: {few(pickled)}"
        yield Problem("pickle-only", words, model.pointer(pickled[0]))
    yield from _calling(model)
    main = sorted({each for each, is_main in model.formats if is_main} or {each for each, _ in model.formats})
    for each in main:
        if (why := denied(_names_of(each), formats)) is not None:
            yield Problem("format-denied", f"the main weights of {model.id} are {each}, {why}", model.pointer())
    for file, kind in _named(model):
        if kind not in main and (why := denied(_names_of(kind), formats)) is not None:
            yield Problem("format-denied", f"{file} of {model.id} is {kind}, {why}", model.pointer(file))


def _names_of(kind: str) -> tuple[str, ...]:
    return (kind, "pickle") if kind in PICKLES else (kind,)


def _named(model: ModelFacts) -> list[tuple[str, str]]:
    """List the weight files that the product names itself, with their formats.

    It does so by their names, their folder or variant, a quantisation, or `use_safetensors=False`. A loader takes
    these, whatever the main weights are. A name that no file has counts by its suffix.
    """
    files = model.files or ()
    found: dict[str, str] = {}
    for each in (reference for asked in model.asked for reference in asked.references):
        named = named_files(each, files)
        refused = each.use_safetensors is False and not each.filename
        if named is None and not refused:
            continue
        paths = files if named is None else named.files or ((named.pattern,) if each.filename and named.pattern else ())
        kinds = {file: kind for file in paths if (kind := weight_format(file)) is not None}
        if refused:
            kinds = {file: kind for file, kind in kinds.items() if kind in PICKLES}
        found |= kinds if each.filename else _taken(kinds)
    return sorted(found.items())


def _taken(kinds: Mapping[str, str]) -> dict[str, str]:
    """Leave out pickles beside other formats in their folder, which loaders prefer."""
    plain = {file.rpartition("/")[0] for file, kind in kinds.items() if kind not in PICKLES}
    return {file: kind for file, kind in kinds.items() if kind not in PICKLES or file.rpartition("/")[0] not in plain}


def _calling(model: ModelFacts) -> Iterator[Problem]:
    """Find pickles that call more than checkpoints need, and those that a loader takes and that were not read."""
    named = any(kind in PICKLES for _, kind in _named(model))
    alone = not any(each.is_main for each in model.pickles) and all(each in PICKLES for each, _ in model.formats)
    for each in model.pickles:
        if each.calls:
            left = len(each.calls) - MAX_NAMES
            names = ", ".join(each.calls[:MAX_NAMES]) + (f" and {left} more" if left > 0 else "")
            message = f"loading {each.group} of {model.id} would call {names}"
            yield Problem("pickle-calls", message, model.pointer(each.group))
        elif each.calls is None and (each.is_main or alone or named):
            what = f"what loading {each.group} of {model.id} would call"
            item = Unchecked(
                what=what, reason="its pickle was not read", decide_with=f"lineage fingerprint {model.id}"
            )  # fmt: skip
            message = f"{what} is not known: {item.reason}"
            yield Problem("pickle-calls", message, model.pointer(each.group), severity="info", unchecked=item)


def denied(names: tuple[str, ...], lists: AllowDeny) -> str | None:
    """Return why lists do not allow something that has these names; None if they do."""
    lowered = {each.casefold() for each in names}
    if lowered & {each.casefold() for each in lists.deny}:
        return "which the project denies"
    if lists.allow and not lowered & {each.casefold() for each in lists.allow}:
        return "which is not among those that the project allows"
    return None


def about_publisher(model: ModelFacts, publishers: AllowDeny) -> Iterator[Problem]:
    """Find publishers that the project does not allow; of used models only."""
    if model.used and model.owner is not None and (why := denied((model.owner,), publishers)) is not None:
        yield Problem("publisher-denied", f"{model.id} is of {model.owner}, {why}", model.pointer())

"""What only the references of a whole tree say together: places that only set what is used elsewhere, and aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from lineage.audit.discovery.name_shapes import is_telling
from lineage.audit.discovery.tree import Tree
from lineage_schemas.reference import Reference

MAX_ALIASES = 1_000
"""Names of served models that are kept of one file."""

_PROGRAMS = (".py", ".pyi", ".ipynb", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
_SERVED = re.compile(
    r"(?i)(?:served[-_]?model[-_]?names?|--alias)[\"']?[\s:=,\[\]\"'-]{1,20}([\w.-]{1,96}/[\w.-]{1,96})"
)


def joined(tree: Tree, references: Iterable[Reference]) -> Iterator[Reference]:
    """Leave out or downgrade references that others of the tree make needless or explain.

    A file of variables says only that one is set to a model, and a file that uses the variable may ask for a revision.
    A server may serve a model by an alias (`--served-model-name chat/small`), by which its clients call it: a name of
    this kind that nothing loads, and that does not look like a model itself, is only possible.
    """
    found = list(references)
    used = {_spot(each) for each in found if each.used_at}
    aliases = _aliases(tree) - {each.model for each in found if each.grade == "certain" or each.revision}
    for each in found:
        is_setting = not (each.used_at or each.revision or each.file.endswith(_PROGRAMS)) and each.grade == "likely"
        if is_setting and _spot(each) in used:
            continue
        yield each.model_copy(update={"grade": "possible"}) if is_setting and each.model in aliases else each


def _spot(each: Reference) -> tuple[str, int, int, str | None]:
    return each.file, each.line, each.column, each.model


def _aliases(tree: Tree) -> set[str | None]:
    """Return the names by which servers of the tree serve models, but for those that are names of models."""
    found: set[str | None] = set()
    for text in tree.texts():
        if "served" in text.body or "--alias" in text.body:
            found.update(match[1] for match in islice(_SERVED.finditer(text.body), MAX_ALIASES))
    return {each for each in found if each is not None and not is_telling(each)}

"""Make the references that the parsers report."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict, Unpack

from lineage.hub.legacy_names import legacy_name
from lineage_schemas.reference import Place, Reference

if TYPE_CHECKING:
    from lineage.audit.discovery.names import Name
    from lineage_schemas.product import Grade

GRADES: tuple[Grade, ...] = ("certain", "likely", "possible")
"""The grades, the surest first."""

LONGEST_EXPRESSION = 200
"""Characters of an expression that a reference quotes in `unresolved`."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


class Asked(TypedDict, total=False):
    """Hold what a source asks of a model beside its id; what it does not ask is left out."""

    revision: str | None
    filename: str | None
    subfolder: str | None
    variant: str | None
    trust_remote_code: bool | None
    use_safetensors: bool | None
    used_at: tuple[Place, ...]


def reference(name: Name, place: Place, grade: Grade, **asked: Unpack[Asked]) -> Reference:
    """Make the reference of a name that was read at a place.

    What the call or file asks for beside the name, such as its `revision=`, takes precedence over what is written
    inside the name, such as `org/x@v1`.
    """
    revision = asked.get("revision") or name.revision
    return Reference(
        model=name.model,
        canonical=canonical(name.model),
        revision=revision,
        pinned=is_commit(revision),
        selector=name.selector,
        grade=grade,
        **place.model_dump(),
        filename=asked.get("filename") or name.filename,
        subfolder=asked.get("subfolder"),
        variant=asked.get("variant"),
        trust_remote_code=asked.get("trust_remote_code"),
        use_safetensors=asked.get("use_safetensors"),
        used_at=asked.get("used_at", ()),
    )


def unresolved(expression: str, place: Place, grade: Grade = "possible") -> Reference:
    """Make the reference of a place that loads a model without saying which one; `expression` is what it says."""
    one_line = " ".join(expression.split())
    if len(one_line) > LONGEST_EXPRESSION:
        one_line = one_line[: LONGEST_EXPRESSION - 1] + "…"
    return Reference(model=None, grade=grade, **place.model_dump(), unresolved=one_line)


def is_commit(revision: str | None) -> bool:
    """Tell whether a revision is a whole commit id, which cannot move."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def canonical(model: str) -> str | None:
    """Return the full id of a model where it is known without the Hub: an id with an owner, or a legacy name."""
    if "/" in model:
        return model
    known = legacy_name(model)
    return known.canonical if known else None


def merged(references: Iterable[Reference]) -> tuple[Reference, ...]:
    """Return references in the order of their places, each one once.

    The same model and revision at the same place are one reference: with the surest grade, all places of use, and of
    the other facts those that any of them states. Where a model is loaded, what is only possible at the
    same place is left out.
    """
    found: dict[tuple[object, ...], Reference] = {}
    for each in references:
        key = (each.file, each.line, each.column, each.cell, each.model, each.revision, each.selector, each.unresolved)
        before = found.get(key)
        found[key] = _joined(before, each) if before else each
    loaded = {(each.file, each.line, each.column) for each in found.values() if each.model and each.grade != "possible"}
    kept = (
        each for each in found.values() if each.grade != "possible" or (each.file, each.line, each.column) not in loaded
    )
    return tuple(sorted(kept, key=_order))


def _joined(one: Reference, other: Reference) -> Reference:
    """Join two references to the same model at the same place."""
    first, second = sorted((one, other), key=lambda each: GRADES.index(each.grade))
    facts = {
        name: getattr(first, name) if getattr(first, name) is not None else getattr(second, name)
        for name in ("filename", "subfolder", "variant")
    }
    codes = {first.trust_remote_code, second.trust_remote_code}
    trusted = True if True in codes else False if False in codes else None
    safe = {first.use_safetensors, second.use_safetensors}
    only_safe = False if False in safe else True if True in safe else None
    places = {_place_order(place): place for place in (*first.used_at, *second.used_at)}
    used_at = tuple(places[key] for key in sorted(places))
    facts |= {"trust_remote_code": trusted, "use_safetensors": only_safe}
    return first.model_copy(update={**facts, "used_at": used_at})


def _place_order(place: Place) -> tuple[str, int, int]:
    return place.file, place.line, place.column


def _order(each: Reference) -> tuple[str, int, int, str, str, str, str]:
    return (
        each.file,
        each.line,
        each.column,
        each.model or "",
        each.revision or "",
        each.selector or "",
        each.unresolved or "",
    )

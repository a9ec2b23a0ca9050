"""What the licences of a product's models permit, and what the project's lists say of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.audit.policy.facts import ModelFacts, Problem
from lineage.licences.parse import parse
from lineage.licences.table import TERMS
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage.licences.lattice import Alternatives
    from lineage.licences.parse import Licences
    from lineage_schemas.project_file import LicenceLists

USE_TERMS = ("acceptable_use", "user_threshold")
"""The terms that restrict what a model may be used for, or by how many."""


def about_licence(model: ModelFacts, lists: LicenceLists) -> Iterator[Problem]:
    """Find what is wrong with the licence of a model, ancestors included."""
    if not model.is_readable:
        return
    pointer = model.pointer("README.md", "license")
    if model.card_problem is not None:
        what = f"the licence of {model.id}"
        item = Unchecked(what=what, reason=model.card_problem, decide_with=f"lineage collect {model.id}")
        yield Problem("licence-unknown", f"{what} is not known: {model.card_problem}", pointer, unchecked=item)
        return
    licences = model.licences
    if licences.text is None:
        yield Problem("licence-missing", f"{model.id} declares no licence", pointer)
        return
    verdict = _listed(licences, lists)
    if verdict == "allowed":
        return
    if verdict is not None:
        yield Problem("licence-denied", f"{model.id} is under {licences.text}, {verdict}", pointer)
    if not licences.is_known:
        yield Problem("licence-unknown", f"{model.id} is under {licences.text}: {licences.reason}", pointer)
    commercial = _restricting(licences, ("commercial_use",))
    if commercial:
        yield Problem("licence-non-commercial", f"{model.id} is under {licences.text}: {commercial}", pointer)
    uses = _restricting(licences, USE_TERMS)
    if uses:
        yield Problem("licence-restricts-use", f"{model.id} is under {licences.text}: {uses}", pointer)


def _listed(licences: Licences, lists: LicenceLists) -> str | None:
    """Return `allowed`, why the lists deny a licence, or None where they say nothing of it.

    A choice of licences is allowed if one of the choices is, and denied if all of them are.
    """
    denied, allowed = _names(lists.deny), _names(lists.allow)
    ways = [alternative.ids for reading in licences.readings for alternative in reading] or [frozenset({""})]
    names = {*map(str.casefold, licences.ids), (licences.text or "").casefold()}
    if names & denied and (not licences.readings or all({each.casefold() for each in way} & denied for way in ways)):
        return f"which the project denies ({', '.join(sorted(names & denied))})"
    if not lists.allow:
        return None
    if (licences.text or "").casefold() in allowed or (
        licences.is_known and all(_any_within(reading, allowed) for reading in licences.readings)
    ):
        return "allowed"
    return "which is not among the licences that the project allows"


def _any_within(reading: Alternatives, allowed: set[str]) -> bool:
    return any({each.casefold() for each in alternative.ids} <= allowed for alternative in reading)


def _names(listed: Sequence[str]) -> set[str]:
    """Give the names of a list with the identifiers that they mean."""
    return {name.casefold() for text in listed for name in (text, *parse(text).ids)}


def _restricting(licences: Licences, terms: Sequence[str]) -> str:
    """Write the terms that restrict the user in every way to obey a licence; empty if there are none."""
    found = []
    for term in terms:
        index = TERMS.index(term)
        values = [min(each.terms.low[index] for each in reading) for reading in licences.readings if reading]
        if values and max(values) > 0:
            reading = max(licences.readings, key=lambda each: min(way.terms.low[index] for way in each))
            value = min(reading, key=lambda way: way.terms.low[index]).terms.value(index)
            found.append(f"{term.replace('_', ' ')} {value}")
    return ", ".join(found)

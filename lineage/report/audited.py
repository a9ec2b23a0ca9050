"""An audit in words: its verdict, what each model is, and the places of the product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report.phrases import NOTHING_FOUND, at, counted, listed

if TYPE_CHECKING:
    from lineage_schemas.answers.audit import AuditAnswer, AuditedModel, AuditFinding, AuditUnchecked
    from lineage_schemas.reference import Place

SHOWN_PLACES = 3
"""Places that a line lists; the JSON answer has all of them."""


def verdict_sentence(answer: AuditAnswer) -> str:
    """Write the verdict as a sentence that needs no knowledge of our terms."""
    if answer.verdict == "findings":
        return f"{counted(answer.summary.counting, 'finding')} in the models that it uses"
    if answer.verdict == "unchecked":
        return "not everything could be checked"
    if answer.verdict == "nothing_to_audit":
        searched = " in what was searched" if answer.summary.left_out else ""
        return f"{NOTHING_FOUND}{searched}"
    others = sum(answer.summary.findings.values())
    return f"nothing that counts was found ({counted(others, 'milder finding')})" if others else "nothing was found"


def place(each: Place) -> str:
    """Write a place of the product."""
    cell = f" (cell {each.cell})" if each.cell is not None else ""
    return f"{each.file}:{each.line}{cell}"


def places(found: Sequence[Place]) -> str:
    """Write the first places; empty without one."""
    return listed([place(each) for each in found], SHOWN_PLACES) if found else ""


def grouped(answer: AuditAnswer) -> list[tuple[str, list[AuditFinding]]]:
    """Group the findings by model: those that the product names first, then their ancestors."""
    order = {each.id: number for number, each in enumerate(answer.models)}
    found: dict[str, list[AuditFinding]] = {}
    for each in answer.findings:
        found.setdefault(each.pointer.model, []).append(each)
    return sorted(found.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


def described(answer: AuditAnswer, model: str) -> str:
    """Write a model with its commit, its licence and what it is to the product."""
    known: AuditedModel | None = next((each for each in answer.models if each.id == model), None)
    if known is None:
        return model
    role = "used" if known.used else "ancestor"
    parts = [role, known.licence or "no licence", *([known.state] if known.state in ("gated", "missing") else [])]
    return f"{at(known.id, known.commit)} ({', '.join(parts)})"


def unchecked_words(each: AuditUnchecked) -> str:
    """Write what is unchecked with the first places that it is about."""
    where = places(each.places)
    return f"{each.what} ({where})" if where else each.what

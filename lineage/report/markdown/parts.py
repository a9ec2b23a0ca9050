"""Parts that several Markdown answers share: signals, evidence, what is unchecked, the date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report.findings import by_severity, expired_words, ignored, moved, settings_words
from lineage.report.markdown.write import code, prose
from lineage.report.phrases import ABOUT_WEIGHTS, SIGNALS, at, dated, paper_words, short, shortened
from lineage.report.text import cut

if TYPE_CHECKING:
    from lineage_schemas.answers.answer import Answer, UsedSettings
    from lineage_schemas.answers.check import PaperDefinition
    from lineage_schemas.answers.finding import Finding
    from lineage_schemas.answers.trace import TracedDerivation
    from lineage_schemas.pointer import Pointer
    from lineage_schemas.unchecked import Unchecked
    from lineage_schemas.version_signal import VersionSignal


def signal(each: VersionSignal) -> str:
    """Write one announcement."""
    return f"{SIGNALS.get(each.kind, each.kind)} {code(cut(each.value, 60))} at {code(short(each.revision))}"


def pointer(each: Pointer) -> str:
    """Write a pointer."""
    parts = [each.file, each.field, each.tensor]
    inside = " ".join(code(part) for part in parts if part)
    return f"{inside} of {code(at(each.model, each.revision))}" if inside else code(at(each.model, each.revision))


def evidence(edge: TracedDerivation) -> str:
    """Summarise the evidence for an edge; evidence against it is marked."""
    words = []
    for each in edge.evidence:
        if edge.decided_by is not None and each.rule.startswith(ABOUT_WEIGHTS):
            continue  # `decided_by` stands for all that the weights show
        where = " ".join(code(part) for part in (each.pointer.file, each.pointer.field or each.pointer.tensor) if part)
        where += "" if each.pointer.model == edge.child else f" of {code(each.pointer.model)}"
        value = f" {code(cut(each.value, 40))}" if each.value and each.value != edge.parent else ""
        words.append(("against it: " if each.supports is False else "") + (where or code(each.rule)) + value)
    return ", ".join(dict.fromkeys(words)) or "none recorded"


def unchecked(items: Sequence[Unchecked]) -> list[str]:
    """List what could not be checked, and how to decide it."""
    if not items:
        return []
    lines = ["**Not checked**", ""]
    for each in items:
        decide = f"; to decide: {code(each.decide_with)}" if each.decide_with else ""
        lines.append(f"- {code(each.what)}: {prose(each.reason)}{decide}")
    return lines


def notes(items: Sequence[str]) -> list[str]:
    """List what a reader should know beside the answer."""
    return ["**Notes**", "", *(f"- {prose(each)}" for each in items)] if items else []


def findings(items: Sequence[Finding]) -> list[str]:
    """List findings with their rule ids."""
    if not items:
        return []
    lines = []
    for each in by_severity(items):
        note = "".join(f"; {prose(words)}" for words in (moved(each), ignored(each)) if words)
        place = f"{prose(shortened(each.message))} ({pointer(each.pointer)}){note}"
        lines.append(f"- {each.severity} {code(each.id)} ({code(each.rule)}): {place}")
    return ["**Findings**", "", *lines]


def settings(used: UsedSettings | None) -> list[str]:
    """Write what an answer took from the project file."""
    if used is None:
        return []
    return [prose(settings_words(used)), *(f"- {prose(words)}" for words in expired_words(used))]


def paper(definition: PaperDefinition) -> list[str]:
    """Write the two other ways to count."""
    return [f"- {words}" for words in paper_words(definition)]


def footer(answer: Answer, *models: str) -> list[str]:
    """Write which Hub was read, or the Hubs of `models`, when, and by which version."""
    return [f"<sub>{prose(dated(answer, *models))} · {prose(answer.tool.name)} {prose(answer.tool.version)}</sub>"]

"""A suggestion as Markdown: the version, and tables of rules and announced versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.markdown import parts
from lineage.report.markdown.write import code, document, prose, table
from lineage.report.phrases import at, shortened
from lineage.report.text import cut
from lineage.report.unjudged import open_items

if TYPE_CHECKING:
    from lineage_schemas.answers.suggest import JudgedVersion, SuggestAnswer

SHOWN = 50


def suggest(answer: SuggestAnswer) -> str:
    """Write the suggestion."""
    sides = [code(at(side.model, side.revision)) for side in (answer.from_, answer.to)]
    rules = [
        (each.level + (f" (moved from {each.moved})" if each.moved else ""), code(each.id), code(cut(each.field, 60)),
         _value(each.before), _value(each.after), parts.pointer(each.pointer))
        for each in answer.rules[:SHOWN]
    ]  # fmt: skip
    judged = [
        (prose(each.version), each.by, code(each.revision[:12]), _words(each), prose(each.note or ""))
        for each in answer.announced
    ]
    unjudged = [
        f"- {prose(cut(shortened(each.reason), 200))} ({parts.pointer(each.pointer)})"
        + (f": up to {each.could_be}" if each.could_be else "")
        for each in open_items(answer)[:SHOWN]
    ]
    return document(
        [f"## {prose(answer.current)} → {prose(answer.suggested or 'not known')}: {answer.level}"],
        [f"From {sides[0]} to {sides[1]}."],
        table(("level", "rule", "field", "before", "after", "where"), rules) if rules else [],
        ["Not judged:", "", *unjudged] if unjudged else [],
        table(("version", "announced by", "revision", "verdict", ""), judged) if judged else [],
        ["To publish it:", "", *(f"- {code(each)}" for each in answer.commands)] if answer.commands else [],
        parts.notes(answer.notes),
        parts.unchecked(answer.unchecked),
        parts.footer(answer, answer.from_.model, answer.to.model),
    )


def _value(text: str | None) -> str:
    return "" if text is None else code(cut(shortened(text), 60))


def _words(judged: JudgedVersion) -> str:
    verdict = judged.verdict.replace("_", " ")
    if judged.measured_level is None:
        return verdict
    return f"{verdict}: announces {judged.announced_level or 'no level'}, {judged.measured_level} measured"

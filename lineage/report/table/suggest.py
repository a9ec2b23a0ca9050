"""The answer to `suggest`: the version, the rules that fired, what is unjudged, and the announced versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import at, dated, shortened
from lineage.report.table.unchecked import note_lines, unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, cut, dim, line, strong
from lineage.report.unjudged import open_items

if TYPE_CHECKING:
    from lineage_schemas.answers.suggest import FiredRule, JudgedVersion, SuggestAnswer

STYLES: dict[str, Style] = {"major": "bad", "minor": "warn", "patch": "good", "none": "good", "unjudged": "warn"}
VERDICTS: dict[str, Style] = {"matches": "good", "understated": "bad", "overstated": "warn",
                              "bump_without_change": "warn", "first": "dim", "unjudged": "dim"}  # fmt: skip

SHOWN_RULES = 20
SHOWN_VALUE = 14
SHOWN_FILE = 24


def suggest(answer: SuggestAnswer) -> Document:
    """Write the suggestion."""
    sides = [at(side.model, side.revision) for side in (answer.from_, answer.to)]
    suggested = answer.suggested or "not known"
    lines = [
        line(dim("from "), sides[0], dim(" to "), sides[1]),
        line(strong(f"{answer.current} → {suggested}"), "  ", Span(answer.level, STYLES[answer.level])),
    ]
    if answer.level == "none":
        lines.append(line("no file differs: the number stays"))
    if answer.level == "unjudged":
        lines.append(line("nothing is known to differ, and not everything could be compared"))
    lines += _rules(answer)
    lines += _unjudged(answer)
    lines += _announced(answer)
    if answer.other_tags:
        lines += [EMPTY, line(dim("tags that are not versions: "), ", ".join(answer.other_tags[:12]))]
    if answer.commands:
        lines += [EMPTY, line(dim("to publish it:")), *(line(each, indent="  ") for each in answer.commands)]
    lines += [*note_lines(answer.notes), *unchecked_lines(answer.unchecked)]
    return [*lines, EMPTY, line(dim(dated(answer, answer.from_.model, answer.to.model)))]


def _rules(answer: SuggestAnswer) -> list[Line]:
    if not answer.rules:
        return []
    rows = [
        (
            Span(each.level, STYLES[each.level]),
            strong(each.id),
            each.name,
            what(each),
            dim(cut(shortened(each.pointer.file or ""), SHOWN_FILE)),
        )
        for each in answer.rules[:SHOWN_RULES]
    ]
    more = len(answer.rules) - SHOWN_RULES
    return [EMPTY, *columns(rows), *([line(dim(f"and {more} more (--format json)"))] if more > 0 else [])]


def what(rule: FiredRule) -> str:
    """Write what changed: the field, before and after, and whether a project moved the rule."""
    sides = [cut(shortened(side), SHOWN_VALUE) if side is not None else "–" for side in (rule.before, rule.after)]
    text = rule.note or (f"{sides[0]} → {sides[1]}" if (rule.before, rule.after) != (None, None) else "")
    moved = f" (was {rule.moved})" if rule.moved else ""
    return f"{cut(shortened(rule.field), 28)}: {cut(shortened(text), 30)}{moved}"


def _unjudged(answer: SuggestAnswer) -> list[Line]:
    items = open_items(answer)
    if not items:
        return []
    rows = [
        (
            f"up to {each.could_be}" if each.could_be else "",
            cut(shortened(each.reason), 70),
            dim(cut(shortened(each.pointer.file or ""), SHOWN_FILE)),
        )
        for each in items[:SHOWN_RULES]
    ]
    more = len(items) - SHOWN_RULES
    extra = [line(dim(f"and {more} more (--format json)"))] if more > 0 else []
    return [EMPTY, line(Span("Not judged:", "warn")), *columns(rows, indent="  "), *extra]


def _announced(answer: SuggestAnswer) -> list[Line]:
    if not answer.announced:
        return []
    rows = [
        (strong(each.version), dim(each.by), each.revision[:7], Span(words(each), VERDICTS[each.verdict]),
         dim(cut(each.note or "", 40)))
        for each in answer.announced
    ]  # fmt: skip
    return [EMPTY, line(dim("announced versions:")), *columns(rows, indent="  ")]


def words(judged: JudgedVersion) -> str:
    """Write the verdict on an announced version, with both levels."""
    verdict = judged.verdict.replace("_", " ")
    if judged.measured_level is None:
        return verdict
    announced = judged.announced_level or "no level"
    return f"{verdict}: announces {announced}, {judged.measured_level} measured"

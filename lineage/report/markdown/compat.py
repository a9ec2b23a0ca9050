"""A comparison of versions as Markdown, for a pull request or a model card."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lineage.report import compat as words
from lineage.report.markdown import parts
from lineage.report.markdown.write import code, document, prose, table
from lineage.report.text import cut

if TYPE_CHECKING:
    from lineage_schemas.answers.compat import ComparedTask, CompatAnswer, CompatClaimsAnswer, Compatible

MARKS = {"within": "✅", "above": "❌", "unjudged": ""}
CLAIM_MARKS = {"confirmed": "✅", "contradicted": "❌", "unverified": "❔"}

SHOWN_ANSWER = 80


def compat(answer: CompatAnswer) -> str:
    """Write the comparison of two versions."""
    return document(
        [f"## {code(answer.old.path)} → {code(answer.new.path)}"],
        [f"{prose(words.headline(answer))}."],
        _tasks(answer),
        _details(answer),
        _flips(answer),
        _compatible(answer.compatible) if answer.compatible else [],
        parts.notes(answer.notes),
        parts.unchecked(answer.unchecked),
        [f"- **{short}**: {meaning}" for short, meaning in words.EXPLANATIONS],
        parts.settings(answer.settings),
        [f"<sub>{prose(words.regime(answer))} · {prose(words.settings(answer))} · {_tool(answer)}</sub>"],
    )


def _tool(answer: CompatAnswer) -> str:
    return prose(f"{answer.tool.name} {answer.tool.version}")


def _tasks(answer: CompatAnswer) -> list[str]:
    rows = [
        (
            f"{MARKS[task.verdict]} {code(words.name(task))}".strip(),
            f"{task.n:,}",
            words.means(task),
            f"**{words.rate(task.nfr)}**",
            words.rate(task.pfr),
            words.rate(task.nfr_mc),
            words.rate(task.btc),
        )
        for task in answer.tasks
    ]
    return table(("task and metric", "n", "mean", "NFR", "PFR", "NFRmc", "BTC"), rows) if rows else []


def _details(answer: CompatAnswer) -> list[str]:
    lines = []
    for task in answer.tasks:
        left_out = words.left_out(task)
        found = [words.beside(task), f"not compared: {left_out}" if left_out else "", words.repeated(task)]
        if any(found):
            lines.append(f"- {code(words.name(task))}: {prose('; '.join(filter(None, found)))}")
    return lines


def _flips(answer: CompatAnswer) -> list[str]:
    by_task: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for task in answer.tasks:
        by_task[words.name(task)] += _flip_rows(task)
    blocks: list[str] = []
    for name, rows in by_task.items():
        if rows:
            header = ("flip", "instance", "old answer", "new answer", "expected")
            blocks += [*([""] if blocks else []), f"**Flips of** {code(name)}", "", *table(header, rows)]
    return blocks


def _flip_rows(task: ComparedTask) -> list[tuple[str, ...]]:
    return [
        (
            "wrong now" if each.direction == "negative" else "right now",
            code(cut(each.id, 16)),
            _answer(each.old, each.score_old),
            _answer(each.new, each.score_new),
            code(cut(each.reference, SHOWN_ANSWER)) if each.reference else "",
        )
        for each in task.flips
    ]


def _answer(text: str | None, score: float) -> str:
    return code(cut(text, SHOWN_ANSWER)) if text else words.grade(score)


def _compatible(found: Compatible) -> list[str]:
    rows = [
        (
            code(words.name(task)),
            f"{task.n:,}",
            words.percent(words.value_of(task.nfr)),
            words.rate(task.nfr_c),
            words.UNKNOWN if task.delta is None else f"{100 * task.delta:+.1f} points",
            words.UNKNOWN if task.delta_percent is None else f"{task.delta_percent:+.1f} %",
        )
        for task in found.tasks
    ]
    title = f"**Instead of the new version:** {code(found.results.path)}"
    return [title, "", *table(("task and metric", "n", "NFR", "NFRc", "change", "relative"), rows)]


def claims(answer: CompatClaimsAnswer) -> str:
    """Write the check of a card's claims."""
    rows = [
        (
            f"{CLAIM_MARKS[each.verdict]} {each.verdict}",
            code(words.claim_name(each)),
            code(cut(words.claim_value(each), 24)),
            prose(words.claim_measured(each)),
            parts.pointer(each.pointer),
        )
        for each in answer.claims
    ]
    header = ("verdict", "claim", "claimed", "measured", "where")
    return document(
        [f"## Claims of {code(answer.model)}: {answer.verdict}"],
        [f"Compared with {code(answer.results.path)}, {prose(words.source(answer.results))}."],
        table(header, rows) if rows else ["The card claims no results."],
        parts.notes(answer.notes),
        parts.unchecked(answer.unchecked),
        parts.footer(answer, answer.model),
    )

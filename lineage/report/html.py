"""A comparison of versions as one HTML page: a bar of quadrants for each task, then the figures.

The page has no script and loads nothing. All texts that are not ours are escaped, after `visible`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from lineage.report import compat as words
from lineage.report.text import cut, visible

if TYPE_CHECKING:
    from lineage_schemas.answers.compat import ComparedTask, CompatAnswer, Compatible

SHOWN_LABEL = 0.06
"""Share of a bar from which on it has room for its number."""

SHOWN_ANSWER = 200

SHORT = 24
"""Characters of a cell that fit into one line of a narrow column."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5b646d; --line: #d8dde2; --paper: #fff;
  --right: #9fd0bf; --right-other: #6aa892; --gained: #0072b2; --wrong: #c9ced3; --wrong-other: #99a1a9;
  --lost: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebee; --soft: #a3acb5; --line: #3a4249; --paper: #15191d;
  --right: #3f7564; --right-other: #5f9c88; --gained: #4aa3dc; --wrong: #454d54; --wrong-other: #6b747c;
  --lost: #ef7f2d; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 66rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.35rem; margin: 0 0 .3rem; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); } .verdict { font-weight: 600; } .above { color: var(--lost); }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 1rem 0; padding: 0; list-style: none; }
.legend i { display: inline-block; width: .9em; height: .9em; border-radius: 2px; margin-right: .4em; }
.task { margin: .9rem 0; } .name { display: flex; justify-content: space-between; gap: 1rem; }
.name b { overflow-wrap: anywhere; }
.bar { display: flex; height: 1.9rem; border-radius: 4px; overflow: hidden; gap: 1px; background: var(--paper); }
.bar span { display: flex; align-items: center; justify-content: center; font-size: .8rem; overflow: hidden;
  color: #101418; white-space: nowrap; }
.right, .legend .right { background: var(--right); } .right-other { background: var(--right-other); }
.bar .gained, .gained { background: var(--gained); } .wrong { background: var(--wrong); }
.wrong-other { background: var(--wrong-other); } .lost { background: var(--lost); } .bar .gained { color: #fff; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; } td.figure { white-space: nowrap; }
.scroll { overflow-x: auto; }
@media (prefers-color-scheme: dark) { .bar span, .bar .gained { color: #fff; } }
"""


class Segment(NamedTuple):
    """Hold one part of a bar: its class, what it means, and how many instances it has."""

    kind: str
    meaning: str
    instances: int


LEGEND = (
    ("right", "right in both"),
    ("right-other", "right in both, with another answer"),
    ("gained", "gained: wrong, now right"),
    ("wrong", "wrong in both"),
    ("wrong-other", "wrong in both, with another answer"),
    ("lost", "lost: right, now wrong"),
)


def compat(answer: CompatAnswer) -> str:
    """Write the page."""
    title = f"{visible(answer.old.path)} → {visible(answer.new.path)}"
    verdict = f'<p class="verdict {answer.verdict}">{escape(visible(words.headline(answer)))}.</p>'
    sources = "".join(
        f'<p class="soft">{side}: {escape(visible(words.source(found)))}</p>'
        for side, found in (("old", answer.old), ("new", answer.new))
    )
    body = [
        f"<h1>{escape(title)}</h1>", verdict, sources, _legend(answer), *map(_bar, answer.tasks), _figures(answer),
        _compatible(answer.compatible) if answer.compatible else "", *map(_flips, answer.tasks), _left(answer),
        f'<p class="soft">{escape(visible(words.regime(answer)))}. {escape(words.settings(answer))}. '
        f"{escape(visible(answer.tool.name))} {escape(visible(answer.tool.version))}</p>",
    ]  # fmt: skip
    head = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style>\n</head>\n'
    )
    return head + "<body>\n" + "\n".join(part for part in body if part) + "\n</body>\n</html>\n"


def segments(task: ComparedTask) -> tuple[Segment, ...]:
    """Split the instances of a task into the parts of its bar, those without instances left out."""
    found = task.quadrants
    if found is None:
        regressed, gained = (round((words.value_of(each) or 0.0) * task.n) for each in (task.nfr, task.pfr))
        parts = [("gained", "better", gained), ("wrong", "the same score", task.n - gained - regressed)]
        parts.append(("lost", "worse", regressed))
    else:
        right, wrong = found.both_right_differ or 0, found.both_wrong_differ or 0
        counts = (found.both_right - right, right, found.gained, found.both_wrong - wrong, wrong, found.lost)
        parts = [(kind, meaning, count) for (kind, meaning), count in zip(LEGEND, counts, strict=True)]
    return tuple(Segment(*part) for part in parts if part[2])


def _legend(answer: CompatAnswer) -> str:
    used = {part.kind for task in answer.tasks if task.kind == "binary" for part in segments(task)}
    items = [(kind, meaning) for kind, meaning in LEGEND if kind in used]
    if any(task.kind == "graded" and task.n for task in answer.tasks):
        graded = (("gained", "better"), ("wrong", "the same score"), ("lost", "worse"))
        items += [(kind, f"graded scores: {meaning}") for kind, meaning in graded]
    return '<ul class="legend">' + "".join(f'<li><i class="{k}"></i>{m}</li>' for k, m in items) + "</ul>"


def _bar(task: ComparedTask) -> str:
    """Draw one task."""
    name = f"<b>{escape(visible(words.name(task)))}</b>"
    facts = f"{task.n:,} compared · mean {words.means(task)} · NFR {words.rate(task.nfr)}"
    parts = []
    for part in segments(task):
        share = part.instances / task.n
        label = f"{100 * share:.0f} %" if share >= SHOWN_LABEL else ""
        hint = f"{part.meaning}: {part.instances:,} of {task.n:,} ({100 * share:.1f} %)"
        parts.append(f'<span class="{part.kind}" style="flex:{part.instances} 0 0" title="{hint}">{label}</span>')
    hints = "; ".join(f"{part.meaning} {part.instances:,}" for part in segments(task))
    return (
        f'<div class="task"><div class="name">{name}<span class="soft">{escape(facts)}</span></div>'
        f'<div class="bar" role="img" aria-label="{hints or "nothing compared"}">{"".join(parts)}</div></div>'
    )


def _figures(answer: CompatAnswer) -> str:
    """Write the table of rates."""
    rows = [
        (
            escape(visible(words.name(task))), f"{task.n:,}", words.means(task), words.rate(task.nfr),
            words.rate(task.pfr), words.rate(task.nfr_mc), words.rate(task.btc), escape(_details(task)),
        )
        for task in answer.tasks
    ]  # fmt: skip
    header = ("task and metric", "n", "mean", "NFR", "PFR", "NFRmc", "BTC", "beside the rates")
    meanings = "".join(f'<p class="soft"><b>{short}</b>: {meaning}</p>' for short, meaning in words.EXPLANATIONS)
    return f"<h2>Rates</h2>{_table(header, rows)}{meanings}" if rows else ""


def _details(task: ComparedTask) -> str:
    left_out = words.left_out(task)
    return "; ".join(
        filter(None, (words.beside(task), f"not compared: {left_out}" if left_out else "", words.repeated(task)))
    )


def _compatible(found: Compatible) -> str:
    rows = [
        (
            escape(visible(words.name(task))), f"{task.n:,}", words.rate(task.nfr), words.rate(task.nfr_c),
            words.UNKNOWN if task.delta is None else f"{100 * task.delta:+.1f} points",
            words.UNKNOWN if task.delta_percent is None else f"{task.delta_percent:+.1f} %",
        )
        for task in found.tasks
    ]  # fmt: skip
    header = ("task and metric", "n", "NFR", "NFRc", "change", "relative")
    return f"<h2>{escape(visible(found.results.path))} instead of the new version</h2>{_table(header, rows)}"


def _flips(task: ComparedTask) -> str:
    """Write the flips of one task."""
    rows = [
        (
            "lost" if each.direction == "negative" else "gained", escape(cut(each.id, 16)),
            *(escape(cut(text, SHOWN_ANSWER)) if text else words.grade(score) for text, score in
              ((each.old, each.score_old), (each.new, each.score_new))),
            escape(cut(each.reference, SHOWN_ANSWER)) if each.reference else "",
        )
        for each in task.flips
    ]  # fmt: skip
    header = ("flip", "instance", "old answer", "new answer", "expected")
    return f"<h2>Flips of {escape(visible(words.name(task)))}</h2>{_table(header, rows)}" if rows else ""


def _left(answer: CompatAnswer) -> str:
    """Write notes, and what was not checked."""
    notes = [("Notes", [escape(visible(each)) for each in answer.notes])]
    notes.append(("Not checked", [escape(visible(f"{each.what}: {each.reason}")) for each in answer.unchecked]))
    return "".join(
        f"<h2>{title}</h2><ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" for title, items in notes if items
    )


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Write a table; cells are finished HTML."""
    head = "".join(f"<th>{each}</th>" for each in header)
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(cell: str) -> str:
    """Write a cell; a short figure is not broken into two lines."""
    return f'<td class="figure">{cell}</td>' if len(cell) < SHORT else f"<td>{cell}</td>"

"""Phrases about compatibility that the formats share: rates in percent, intervals, what was not compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import counted

if TYPE_CHECKING:
    from lineage_schemas.answers.compat import (
        CheckedClaim,
        ComparedTask,
        CompatAnswer,
        CompatibleTask,
        Interval,
        ResultsSource,
    )

UNKNOWN = "–"
"""What is shown for a rate that is undefined or not known."""

VERDICTS = {"within": "within the limit", "above": "above the limit", "unjudged": "not judged by the limit"}

EXPLANATIONS = (
    ("NFR", "right in the old version, wrong in the new one; for graded scores, worse"),
    ("PFR", "wrong in the old version, right in the new one; for graded scores, better"),
    ("NFRmc", "wrong in the new version, and not the old version's answer"),
    ("BTC", "share of the old version's right answers that are still right"),
)
"""What each rate means. All but BTC are shares of all compared instances."""


def name(task: ComparedTask | CompatibleTask) -> str:
    """Name a task with its metric, and its filter if it has one."""
    return f"{task.task} {task.metric}" + (f" ({task.filter})" if task.filter != "none" else "")


def percent(value: float | None) -> str:
    """Write a fraction of 1 in percent."""
    return UNKNOWN if value is None else f"{100 * value:.1f} %"


def rate(found: Interval | None) -> str:
    """Write a rate with its interval, in percent."""
    return UNKNOWN if found is None else f"{100 * found.value:.1f} % ({100 * found.low:.1f}–{100 * found.high:.1f})"


def bare(text: str) -> str:
    """Remove the percent sign, for a column whose header has it."""
    return text.replace(" %", "")


def value_of(found: Interval | None) -> float | None:
    """Return the value of an interval."""
    return None if found is None else found.value


def grade(value: float | None) -> str:
    """Write a graded score."""
    return UNKNOWN if value is None else f"{value:.4g}"


def means(task: ComparedTask) -> str:
    """Write the mean of both versions: shares in percent, graded scores as they are."""
    if task.n and task.kind == "binary":
        return f"{100 * (task.acc_old or 0):.1f} → {100 * (task.acc_new or 0):.1f} %"
    return f"{grade(task.acc_old)} → {grade(task.acc_new)}"


def left_out(task: ComparedTask) -> str:
    """Describe the instances that were not compared; empty if all were."""
    unpaired, invalid = task.unpaired, task.invalid
    parts = [
        (unpaired.old, "only old"),
        (unpaired.new, "only new"),
        (unpaired.prompt, "with another prompt"),
        (invalid.old, "without a usable old score"),
        (invalid.new, "without a usable new score"),
    ]
    return " · ".join(f"{count:,} {words}" for count, words in parts if count)


def repeated(task: ComparedTask) -> str:
    """Describe the ids that a side has more than once; empty if there are none."""
    ids = task.unpaired.duplicate
    return f"{counted(ids, 'repeated id')}: compared once if all rows of the id agree, else not" if ids else ""


def beside(task: ComparedTask) -> str:
    """Describe what the rates do not contain: mean gains, and different answers that were both right or both wrong."""
    if task.kind == "graded":
        better = "higher" if task.higher_is_better else "lower"
        return (
            f"mean gain {grade(task.mean_gain)}, mean regression {grade(task.mean_regression)} ({better} is better)"
            if task.n
            else ""
        )
    found = task.quadrants
    if found is None or found.both_right_differ is None or found.both_wrong_differ is None:
        return ""
    return f"another answer, both wrong: {found.both_wrong_differ:,}, both right: {found.both_right_differ:,}"


def headline(answer: CompatAnswer) -> str:
    """Say in one sentence what was compared, and the verdict if there is a limit."""
    compared = [task for task in answer.tasks if task.n]
    worst = max(compared, key=lambda task: task.nfr.value if task.nfr else 0.0, default=None)
    if worst is None:
        return "nothing could be compared"
    words = f"{counted(len(compared), 'result')}, highest NFR {rate(worst.nfr)} in {name(worst)}"
    return words if answer.limit is None else f"{words}: {VERDICTS[answer.verdict]} of {percent(answer.limit)}"


def source(found: ResultsSource) -> str:
    """Describe the results of one side."""
    named = f" of {', '.join(found.models)}" if found.models else ""
    by = f", {', '.join(found.programs)}" if found.programs else ""
    return f"{counted(found.rows, 'row')}{named} in {counted(found.files, 'file')}{by}"


def regime(answer: CompatAnswer) -> str:
    """Say whether the tokenizer changed; the paper's measures are for updates that keep it."""
    found = {"inside": "the tokenizer is unchanged", "outside": "the tokenizer changed", "unjudged": "tokenizer"}
    return f"{found[answer.regime]}: {answer.regime_reason}"


def settings(answer: CompatAnswer) -> str:
    """Describe how the intervals were made."""
    words = f"intervals: {100 * answer.confidence:g} %, {answer.resamples:,} resamples, seed {answer.seed}"
    return f"{words}; a change of up to {answer.epsilon:g} is a tie" if answer.epsilon else words


def claim_name(claim: CheckedClaim) -> str:
    """Name what a claim is about."""
    parts = [claim.dataset, claim.config, claim.split, claim.metric]
    return " · ".join(part for part in parts if part) or "?"


def claim_value(claim: CheckedClaim) -> str:
    """Write the value that a card claims."""
    return claim.claimed if isinstance(claim.claimed, str) else grade(claim.claimed)


def claim_measured(claim: CheckedClaim) -> str:
    """Write what was measured for a claim, or why nothing was."""
    if claim.measured is None or claim.measured_as is None:
        return claim.reason or UNKNOWN
    found = claim.measured
    return f"measured {grade(found.value)} ({grade(found.low)}–{grade(found.high)})"

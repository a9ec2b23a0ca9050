"""A check of one model in one line: the verdict as a sentence, and the reason that a row of several models shows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lineage.report.phrases import counted, listed, replaced_at_first, shortened, undecided, within_first_push
from lineage.report.text import cut

if TYPE_CHECKING:
    from lineage_schemas.answers.check import CheckAnswer
    from lineage_schemas.unchecked import Unchecked

SHOWN_REASON = 300
"""Characters of a reason that a row shows, enough for what to do next; the JSON answer has all of it."""


def verdict_sentence(answer: CheckAnswer) -> str:
    """Write the verdict as a sentence that needs no knowledge of our terms."""
    silent = answer.counts.silent
    if answer.verdict == "findings":
        if not silent:
            return counted(sum(not each.ignored for each in answer.findings), "finding")
        return _silently(silent, answer.counts.after_first_upload + undecided(answer.weight_changes))
    if answer.verdict == "unchecked":
        return "not everything could be checked" if answer.branch else "could not be checked"
    if answer.findings:
        number = len(answer.findings)
        return f"{counted(number, 'finding')}, {'which does not count' if number == 1 else 'none of which counts'}"
    if answer.counts.after_first_upload:
        return "every weight change was announced"
    if replaced := replaced_at_first(answer.weight_changes):
        return f"{within_first_push(replaced)}, and none after it"
    return "the weights did not change" + (" in this range" if answer.since else " after the first upload")


def _silently(silent: int, counting: int) -> str:
    """Describe how many of the changes were not announced."""
    if counting == 1:
        return "the weights changed once, without a version or a note"
    if silent == counting:
        return f"the weights changed {counting:,} times, without a version or a note"
    return f"{silent:,} of {counting:,} weight changes came without a version or a note"


def row_words(answer: CheckAnswer) -> str:
    """Write why a model has its verdict, in one line: the rules that found something, then what is unchecked."""
    rules = Counter(each.id for each in answer.findings if not each.ignored)
    words = [listed([f"{number} {rule}" for rule, number in rules.items()], 4)] if answer.verdict == "findings" else []
    if answer.unchecked:
        first, rest = answer.unchecked[0], len(answer.unchecked) - 1
        more = f" (and {rest} more)" if rest else ""
        words.append(f"{len(answer.unchecked)} not checked" if words else _reason(answer, first) + more)
    return ", ".join(words) or verdict_sentence(answer)


def _reason(answer: CheckAnswer, item: Unchecked) -> str:
    """Write what is unchecked and why; the row names the model already."""
    reason = shortened(item.reason).removeprefix(f"{answer.model}: ").removeprefix(f"{answer.model} ")
    return cut(reason if _is_whole_model(answer, item) else f"{shortened(item.what)}: {reason}", SHOWN_REASON)


def _is_whole_model(answer: CheckAnswer, item: Unchecked) -> bool:
    """Return whether what is unchecked is the model itself: it could not be looked up."""
    return item.what in (answer.model, f"refs of {answer.model}")


def needs_details(answer: CheckAnswer) -> bool:
    """Return whether a model has more to show than its row: findings, notes, or more than that it was not looked up."""
    open_items = [item for item in answer.unchecked if item.decide_with or not _is_whole_model(answer, item)]
    return bool(answer.findings or answer.notes or open_items)

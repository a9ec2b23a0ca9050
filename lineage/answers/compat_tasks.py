"""One task of `lineage compat`: pair the rows of two sides, count, and judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.evals.summary import LOGGED_AS_LIKELIHOOD
from lineage.evals.tables import Table, TableKey
from lineage.evals.texts import rows_at
from lineage.versioning.compat import graded, quadrants
from lineage.versioning.compat.intervals import CONFIDENCE, RESAMPLES, SEED, draw_counts, share_interval
from lineage.versioning.compat.intervals import Interval as Bounds
from lineage.versioning.compat.limit import Judgement, judge, missing_decide
from lineage.versioning.compat.pairing import UNKNOWN, Pairs, Side, pair
from lineage_schemas.answers.compat import ComparedTask, Flip, Interval, InvalidRows, QuadrantCounts, Unpaired

if TYPE_CHECKING:
    import numpy

    from lineage.evals.read import Results
    from lineage.evals.row import Row, Score

    Floats = numpy.ndarray[Any, numpy.dtype[numpy.float64]]
    Places = numpy.ndarray[Any, numpy.dtype[numpy.intp]]

BOTH_RIGHT, GAINED, BOTH_WRONG, CHANGED, LOST = range(5)
"""Cells of a comparison of right and wrong; CHANGED are wrong answers that differ from the old wrong ones."""


class CompatOptions(NamedTuple):
    """Hold how results are compared: `limit` is the allowed negative flip rate, `show_flips` how many are listed."""

    epsilon: float = 0.0
    confidence: float = CONFIDENCE
    seed: int = SEED
    resamples: int = RESAMPLES
    limit: float | None = None
    show_flips: int = 0


class PairedTask:
    """Hold one task, metric and filter of two sides, paired.

    `old` and `new` are the scores of the pairs in one order; a score of 1 is right if the task is `binary`.
    """

    def __init__(self, key: TableKey, old: Results, new: Results) -> None:
        self.key = key
        self.tables = (old.tables[key], new.tables[key])
        self.pairs: Pairs = pair(*map(side_of, self.tables))
        self.old, self.new = (
            table.scores()[rows] for table, rows in zip(self.tables, (self.pairs.old, self.pairs.new), strict=True)
        )
        known = [side.summary.is_higher_better(key.task, key.metric) for side in (new, old)]
        self.is_direction_known = any(each is not None for each in known)
        self.is_likelihood = key.metric == LOGGED_AS_LIKELIHOOD and _all_below_0(self.old) and _all_below_0(self.new)
        self.higher_is_better = self.is_likelihood or next((each for each in known if each is not None), True)
        self.binary = self.higher_is_better and are_binary(self.old) and are_binary(self.new)

    @property
    def n(self) -> int:
        """Return how many instances are compared."""
        return len(self.old)

    @property
    def missing(self) -> int:
        """Return how many instances of the old side could not be compared."""
        unpaired = self.pairs.old_only + self.pairs.other_prompt + self.pairs.contradicting
        return unpaired + self.tables[0].invalid

    def answers(self) -> tuple[Any, Any]:
        """Return where the two answers differ, and where both are known: arrays of truth values."""
        before, after = (
            self.tables[0].hashes("answers")[self.pairs.old],
            self.tables[1].hashes("answers")[self.pairs.new],
        )
        return before != after, (before != UNKNOWN) & (after != UNKNOWN)

    def gains(self) -> Floats:
        """Return how much better each new score is."""
        return graded.differences(self.old, self.new, higher_is_better=self.higher_is_better)


def compare_task(task: PairedTask, old: Results, new: Results, options: CompatOptions) -> ComparedTask:
    """Compare one task."""
    fields = _binary(task, options) if task.binary else _graded(task, options)
    flips = show_flips(task, old, new, options) if options.show_flips else ()
    pairs = task.pairs
    return ComparedTask(
        task=task.key.task,
        metric=task.key.metric,
        filter=task.key.filter,
        kind="binary" if task.binary else "graded",
        higher_is_better=task.higher_is_better,
        n=task.n,
        unpaired=Unpaired(old=pairs.old_only, new=pairs.new_only, prompt=pairs.other_prompt, duplicate=pairs.repeated),
        invalid=InvalidRows(old=task.tables[0].invalid, new=task.tables[1].invalid),
        flips=flips,
        **fields,
    )


def nfr_of(old: Floats, new: Floats, task: PairedTask, options: CompatOptions) -> Bounds | None:
    """Return the negative flip rate between two columns of scores of a task, with its interval."""
    counts = graded.compare_scores(old, new, epsilon=_epsilon(task, options), higher_is_better=task.higher_is_better)
    return _shares([counts.regressed, counts.n - counts.regressed], options)[0]


def printed_mean(values: Floats, task: PairedTask) -> float | None:
    """Return the mean of scores as the evaluation program prints it."""
    if not len(values):
        return None
    mean = float(values.mean())
    return math.exp(-mean) if task.is_likelihood and mean > -700 else mean


def interval(found: Bounds | None) -> Interval | None:
    """Write an interval as a record."""
    return None if found is None else Interval(value=found.value, low=found.low, high=found.high)


def are_binary(values: Floats) -> bool:
    """Return whether all scores are 0 or 1."""
    return bool(((values == 0) | (values == 1)).all())


def _all_below_0(values: Floats) -> bool:
    return bool((values <= 0).all())


def side_of(table: Table) -> Side:
    """Return what pairing needs of a table."""
    return Side(table.hashes("keys"), table.hashes("prompts"), table.contents())


def _epsilon(task: PairedTask, options: CompatOptions) -> float:
    """Return the tolerance: right and wrong have none."""
    return 0.0 if task.binary else options.epsilon


def _binary(task: PairedTask, options: CompatOptions) -> dict[str, Any]:
    """Work out the rates of right and wrong answers."""
    differ, known = task.answers()
    found = quadrants.count_quadrants(task.old == 1, task.new == 1, differ if bool(known.any()) else None, known)
    changed = found.both_wrong_differ
    counts = [found.both_right, found.gained, found.both_wrong - (changed or 0), changed or 0, found.lost]
    draws = draw_counts(counts, resamples=options.resamples, seed=options.seed)

    def share(part: Sequence[int], whole: Sequence[int] | None = None) -> Bounds | None:
        return share_interval(counts, part, whole, draws=draws, confidence=options.confidence)

    nfr = share([LOST])
    return {
        "acc_old": quadrants.fraction(found.old_right, found.n),
        "acc_new": quadrants.fraction(found.new_right, found.n),
        "quadrants": QuadrantCounts(**found._asdict()) if found.n else None,
        "nfr": interval(nfr),
        "pfr": interval(share([GAINED])),
        "nfr_mc": interval(None if changed is None else share([CHANGED, LOST])),
        "unobserved": quadrants.unobserved(found),
        "btc": interval(share([BOTH_RIGHT], [BOTH_RIGHT, LOST])),
        "mean_gain": None,
        "mean_regression": None,
        "verdict": _verdict(nfr, found.lost, task, options),
    }


def _graded(task: PairedTask, options: CompatOptions) -> dict[str, Any]:
    """Work out gains and regressions of graded scores."""
    found = graded.compare_scores(
        task.old, task.new, epsilon=options.epsilon, higher_is_better=task.higher_is_better
    )  # fmt: skip
    nfr, pfr, _ = _shares([found.regressed, found.gained, found.tied], options)
    return {
        "acc_old": printed_mean(task.old, task),
        "acc_new": printed_mean(task.new, task),
        "quadrants": None,
        "nfr": interval(nfr),
        "pfr": interval(pfr),
        "nfr_mc": None,
        "unobserved": None,
        "btc": None,
        "mean_gain": found.mean_gain,
        "mean_regression": found.mean_regression,
        "verdict": _verdict(nfr, found.regressed, task, options),
    }


def _shares(counts: list[int], options: CompatOptions) -> list[Bounds | None]:
    """Return the share of each cell of all instances."""
    draws = draw_counts(counts, resamples=options.resamples, seed=options.seed)
    return [share_interval(counts, [cell], draws=draws, confidence=options.confidence) for cell in range(len(counts))]


def _verdict(nfr: Bounds | None, lost: int, task: PairedTask, options: CompatOptions) -> Judgement:
    """Judge the rate; what is missing leaves it unjudged if it could put the rate above the limit."""
    found = judge(nfr, options.limit)
    if found == "within" and options.limit is not None:
        undecided = missing_decide(
            lost, task.n, task.missing, options.limit,
            confidence=options.confidence, resamples=options.resamples, seed=options.seed,
        )  # fmt: skip
        return "unjudged" if undecided else found
    return found


def show_flips(task: PairedTask, old: Results, new: Results, options: CompatOptions) -> tuple[Flip, ...]:
    """List flipped instances: negative flips first, the largest regressions first among graded scores."""
    import numpy

    gains, epsilon = task.gains(), _epsilon(task, options)
    worst = numpy.argsort(gains, kind="stable")
    best = numpy.argsort(-gains, kind="stable")
    shown = [*worst[gains[worst] < -epsilon], *best[gains[best] > epsilon]][: options.show_flips]
    before = [task.tables[0].place(int(task.pairs.old[i])) for i in shown]
    after = [task.tables[1].place(int(task.pairs.new[i])) for i in shown]
    old_rows, new_rows = rows_at(old, before), rows_at(new, after)
    return tuple(
        _flip(task, int(i), old_rows.get(left), new_rows.get(right))
        for i, left, right in zip(shown, before, after, strict=True)
    )


def _flip(task: PairedTask, i: int, old: Row | None, new: Row | None) -> Flip:
    """Report one flip; a file that changed meanwhile leaves the texts out."""
    rows = [row for row in (old, new) if row]
    return Flip(
        id=next((row.id for row in rows), "?"),
        direction="negative" if task.gains()[i] < 0 else "positive",
        old=_answer(task, old),
        new=_answer(task, new),
        reference=next((row.reference for row in rows if row.reference is not None), None),
        score_old=float(task.old[i]),
        score_new=float(task.new[i]),
    )


def _answer(task: PairedTask, row: Row | None) -> str | None:
    """Return the answer that a row's metric judges, whatever the row names the metric."""
    if row is None:
        return None
    found: Score | None = row.scores.get(task.key.metric) or next(iter(row.scores.values()), None)
    return found.prediction if found else None

"""The answers to `lineage compat`: what a new version answers otherwise than the old one, and whether claims hold."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.answers.answer import Answer, Notes
from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record
from lineage_schemas.unchecked import Unchecked

CompatVerdict = Literal["within", "above", "unjudged"]
"""Unjudged: there is no limit, or too much is missing to judge by it."""

Regime = Literal["inside", "outside", "unjudged"]
"""Inside: the tokenizer is the same, as in the paper. Outside: it changed. Unjudged: neither is known."""

ClaimVerdict = Literal["confirmed", "contradicted", "unverified"]


class Interval(Record):
    """Hold a value with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


class Unpaired(Record):
    """Count instances that were not compared.

    `old` and `new` have no usable row on the other side, `prompt` were asked with another prompt. `duplicate` are
    ids that a side has more than once: they are compared if all rows of the id report the same, else not.
    """

    old: int
    new: int
    prompt: int
    duplicate: int


class InvalidRows(Record):
    """Count the rows of each side whose score is missing, NaN, or not a number; they are left out."""

    old: int
    new: int


class QuadrantCounts(Record):
    """Count instances by who answered right, and of those both times right or both times wrong how many differ.

    `both_right_differ` and `both_wrong_differ` are null if the answers are not known.
    """

    both_right: int
    gained: int
    both_wrong: int
    lost: int
    both_right_differ: int | None
    both_wrong_differ: int | None


class Flip(Record):
    """Report one instance whose result changed, with both answers as far as the files have them."""

    id: str
    direction: Literal["negative", "positive"]
    old: str | None
    new: str | None
    reference: str | None
    score_old: float
    score_new: float


class ComparedTask(Record):
    """Compare one task, metric and filter on the `n` instances that both sides have.

    Rates are fractions of 1, and null where they are undefined or the answers are not known. `kind` is `binary` if all
    scores are 0 or 1 and 1 is better, else `graded`. `acc_old` and `acc_new` are means, for graded scores in the
    metric's own direction. `nfr`, `pfr`: negative and positive flips; for graded scores regressions and gains of more
    than `epsilon`. `nfr_mc`: wrong new answers that differ from the old ones; `unobserved` is its part without negative
    flips. `btc`: share of the old right answers that stay right. `mean_gain` and `mean_regression` are means over the
    gaining and the regressing instances, positive, for graded scores only. `flips` are as many as were requested.
    """

    task: str
    metric: str
    filter: str
    kind: Literal["binary", "graded"]
    higher_is_better: bool
    n: int
    unpaired: Unpaired
    invalid: InvalidRows
    acc_old: float | None
    acc_new: float | None
    quadrants: QuadrantCounts | None
    nfr: Interval | None
    pfr: Interval | None
    nfr_mc: Interval | None
    unobserved: float | None
    btc: Interval | None
    mean_gain: float | None
    mean_regression: float | None
    verdict: CompatVerdict
    flips: tuple[Flip, ...] = ()


class CompatibleTask(Record):
    """Compare the negative flips of a third model with those of the new version, on the `n` instances of all three.

    `nfr` is the rate of the new version on these instances, `nfr_c` that of the third model. `delta` is
    `nfr_c` - `nfr`, `delta_percent` 100 times `delta` / `nfr` (null if `nfr` is 0). `missing` counts compared instances
    that the third model does not have.
    """

    task: str
    metric: str
    filter: str
    n: int
    missing: int
    acc: float | None
    nfr: Interval | None
    nfr_c: Interval | None
    delta: float | None
    delta_percent: float | None


class ResultsSource(Record):
    """Name the results of one side: `files` and `rows` count what was read, `programs` are those that wrote them."""

    path: str
    files: int
    rows: int
    models: tuple[str, ...]
    programs: tuple[str, ...]


class Compatible(Record):
    """Hold the comparison with a third model, trained to be compatible."""

    results: ResultsSource
    tasks: tuple[CompatibleTask, ...]


class CompatAnswer(Answer):
    """Report how compatible a new version's answers are with the old version's.

    `limit` is the negative flip rate that was allowed. `verdict` is `above` if the lower bound of a rate is above it,
    `unjudged` without a limit, or if what is missing could put a rate above it.
    """

    old: ResultsSource
    new: ResultsSource
    epsilon: float
    confidence: float
    seed: int
    resamples: int
    tasks: tuple[ComparedTask, ...]
    compatible: Compatible | None
    regime: Regime
    regime_reason: str
    limit: float | None
    verdict: CompatVerdict
    notes: Notes = ()
    unchecked: tuple[Unchecked, ...]


class MeasuredAs(Record):
    """Name the results that a claim was compared with."""

    task: str
    metric: str
    filter: str


class CheckedClaim(Record):
    """Compare one claim of a card with results.

    `claimed` is the value as the card has it, `compared` the same on the scale of `measured`. A claim is confirmed if
    it lies within the interval of `measured`, contradicted outside of it, and else unverified, for the `reason`.
    """

    task: str | None
    dataset: str | None
    config: str | None
    split: str | None
    metric: str | None
    claimed: float | str | None
    compared: float | None
    measured: Interval | None
    measured_as: MeasuredAs | None
    n: int | None
    verdict: ClaimVerdict
    reason: str | None
    pointer: Pointer


class CompatClaimsAnswer(Answer):
    """Report which results that a model's card claims agree with measured results.

    `verdict` is contradicted if one claim is, else unverified if one is or if there is none, else confirmed.
    """

    model: str
    revision: str
    results: ResultsSource
    confidence: float
    seed: int
    claims: tuple[CheckedClaim, ...]
    verdict: ClaimVerdict
    notes: Notes = ()
    unchecked: tuple[Unchecked, ...]

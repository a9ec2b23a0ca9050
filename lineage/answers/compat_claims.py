"""`lineage compat --claims`: do measured results confirm what a model's card claims?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.answers.collect import as_target
from lineage.answers.compat import reading_problems, source_of
from lineage.answers.compat_tasks import CompatOptions, are_binary, side_of
from lineage.answers.looked_up import hub_to_read
from lineage.answers.project import used_settings
from lineage.errors import HubError, TextTooLongError, few
from lineage.evals.claim_names import is_about, is_share, same_metric, unnamed_config
from lineage.evals.read import Results, read_results
from lineage.evals.row import number
from lineage.evals.summary import LOGGED_AS_LIKELIHOOD
from lineage.hub.declared.card import CARD
from lineage.hub.declared.claims import MAX_CLAIMS, Claim, card_claims, file_claims
from lineage.hub.declared.parsing import NotReadableError
from lineage.unexpected import contained
from lineage.versioning.compat.intervals import Interval as Bounds
from lineage.versioning.compat.intervals import mean_interval
from lineage.versioning.compat.pairing import pair
from lineage.versioning.facets.files import EVALUATION
from lineage_schemas.answers.compat import CheckedClaim, CompatClaimsAnswer, Interval, MeasuredAs
from lineage_schemas.pointer import Pointer
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.evals.tables import TableKey
    from lineage.hub.interface import Hub
    from lineage_schemas.answers.compat import ClaimVerdict
    from lineage_schemas.snapshot import Snapshot

MAX_FILES = 50
"""Files of `.eval_results` that are read of one model."""

TOLERANCE = 1e-9
"""Rounding of floats at the ends of an interval."""


class Measurement(NamedTuple):
    """Hold what was measured for a claim; `percent` says that the scores are between 0 and 100.

    `unusable` says why the mean is not that of all instances, None if it is.
    """

    key: TableKey
    found: Bounds
    n: int
    is_share: bool
    percent: bool
    unusable: str | None


class Outcome(NamedTuple):
    """Hold the verdict on one claim; `compared` is the claimed value on the scale of the measurement."""

    verdict: ClaimVerdict
    reason: str | None = None
    compared: float | None = None
    measured: Measurement | None = None


def check_claims(
    session: Session, model: str, results: str, *, tasks: Sequence[str] = (), options: CompatOptions | None = None
) -> CompatClaimsAnswer:
    """Compare what a model's card and its files of results claim with measured results.

    No store is opened unless the session is offline. Raises InputError for a path without results, HubError for a
    model that cannot be read.
    """
    chosen = options or CompatOptions()
    with contained(model):
        target = as_target(session, model, on_disk=True)
        hub = hub_to_read(session, target)
        snapshot = hub.snapshot(hub.resolve(target.model, target.revision))
        claims, unread = _claims(hub, snapshot)
    read = read_results(results, tasks=tasks, progress=session.progress)
    checked = tuple(_checked(claim, snapshot, _outcome(claim, read, chosen)) for claim in claims)
    return CompatClaimsAnswer(
        **session.header("compat-claims.v1", datetime.now(UTC), hub=hub.name, settings=used_settings(session.project)),
        model=snapshot.model,
        revision=snapshot.commit,
        results=source_of(read),
        confidence=chosen.confidence,
        seed=chosen.seed,
        claims=checked,
        verdict=_verdict([each.verdict for each in checked], complete=not unread),
        notes=tuple(read.notes),
        unchecked=(*unread, *reading_problems(read)),
    )


def _verdict(verdicts: Sequence[ClaimVerdict], *, complete: bool) -> ClaimVerdict:
    """Combine verdicts: a contradiction wins; confirmed only if every claim is, and all were read."""
    if "contradicted" in verdicts:
        return "contradicted"
    return "confirmed" if complete and set(verdicts) == {"confirmed"} else "unverified"


def _claims(hub: Hub, snapshot: Snapshot) -> tuple[list[Claim], list[Unchecked]]:
    """Read all claims of a revision, and report the files that cannot be read."""
    problems = []
    if CARD in snapshot.unreadable:
        problems.append(Unchecked(what=CARD, reason=snapshot.unreadable[CARD]))
    found = list(islice(card_claims(snapshot.card or {}), MAX_CLAIMS + 1))
    paths = sorted(entry.path for entry in snapshot.files if EVALUATION.fullmatch(entry.path))
    for path in paths[:MAX_FILES]:
        try:
            found += islice(file_claims(path, hub.read_text(snapshot.model, snapshot.commit, path)), MAX_CLAIMS)
        except (HubError, TextTooLongError) as error:
            problems.append(Unchecked(what=path, reason=error.message))
        except NotReadableError as error:
            problems.append(Unchecked(what=path, reason=str(error)))
    if paths[MAX_FILES:]:
        problems.append(Unchecked(what=few(paths[MAX_FILES:]), reason=f"only {MAX_FILES} files of results are read"))
    if len(found) > MAX_CLAIMS:
        problems.append(Unchecked(what=snapshot.model, reason=f"only {MAX_CLAIMS:,} claims are checked"))
    return found[:MAX_CLAIMS], problems


def _outcome(claim: Claim, results: Results, options: CompatOptions) -> Outcome:
    """Judge one claim."""
    if claim.dataset is None:
        return Outcome("unverified", "it names no data set")
    value = _number(claim.value)
    if value is None:
        return Outcome("unverified", "its value is not a number")
    measured = list(_measurements(claim, claim.dataset, results, options))
    if not measured:
        return Outcome("unverified", _why_none(claim, claim.dataset, results))
    unusable = next((each.unusable for each in measured if each.unusable), None)
    if unusable is not None:
        return Outcome("unverified", unusable)
    if len({each.key.task for each in measured}) > 1 or (not _names_metric(claim) and _metrics(measured) > 1):
        names = few([f"{each.key.task} {each.key.metric}" for each in measured])
        return Outcome("unverified", f"several results fit it: {names}")
    outcomes = [_compared(value, each, is_percent=_is_percent(claim.value)) for each in measured]
    if len({each.verdict for each in outcomes}) > 1:
        filters = few([each.key.filter for each in measured])
        return Outcome("unverified", f"the results have several filters, which do not agree: {filters}")
    return outcomes[0]


def _names_metric(claim: Claim) -> bool:
    """Return whether a claim names its metric; files of results leave it to the data set."""
    return claim.metric is not None or claim.metric_name is not None


def _metrics(measured: Sequence[Measurement]) -> int:
    return len({each.key.metric for each in measured})


def _measurements(claim: Claim, dataset: str, results: Results, options: CompatOptions) -> Iterator[Measurement]:
    """Give the results that a claim is about."""
    for key, table in results.tables.items():
        if not len(table) or not is_about(results.summary, key.task, dataset, claim.config):
            continue
        if _names_metric(claim) and not same_metric(key.metric, claim.metric, claim.metric_name):
            continue
        rows = pair(side_of(table), side_of(table))
        scores = table.scores()[rows.old] if len(rows.old) else table.scores()
        found = mean_interval(
            scores, confidence=options.confidence, resamples=options.resamples, seed=options.seed
        )  # fmt: skip
        assert found is not None, "the table has rows"
        if key.metric == LOGGED_AS_LIKELIHOOD and bool((scores <= 0).all()):
            found = Bounds(*(math.exp(-bound) for bound in (found.value, found.high, found.low)))
        share = are_binary(scores) or is_share(key.metric)
        percent = bool(scores.max() > 1.5)
        yield Measurement(key, found, len(scores), share, percent, _why_unusable(table.invalid, rows.contradicting))


def _why_unusable(invalid: int, contradicting: int) -> str | None:
    """Say why a mean is not that of all instances; None if it is."""
    if invalid:
        return f"rows without a usable score: {invalid:,}"
    return f"repeated ids whose rows contradict each other: {contradicting:,}" if contradicting else None


def _why_none(claim: Claim, dataset: str, results: Results) -> str:
    """Say why no result fits a claim."""
    tasks = {key.task for key in results.tables if is_about(results.summary, key.task, dataset, claim.config)}
    if not tasks:
        every = sorted({key.task for key in results.tables})
        unnamed = [task for task in every if unnamed_config(results.summary, task, dataset, claim.config)]
        if unnamed:
            return f"it names no configuration of {dataset}; the results are of {few(unnamed)}"
        return f"no results of the data set {dataset}" + (f" ({claim.config})" if claim.config else "")
    metrics = sorted({key.metric for key in results.tables if key.task in tasks})
    return f"the results of {few(sorted(tasks))} have {few(metrics)}, not {claim.metric or claim.metric_name}"


def _compared(value: float, measured: Measurement, *, is_percent: bool) -> Outcome:
    """Compare a value with a measurement, on the scale of the measurement."""
    if measured.is_share and not measured.percent and (is_percent or 1 < abs(value) <= 100):
        value /= 100
    elif measured.is_share and measured.percent and not is_percent and abs(value) <= 1:
        value *= 100
    low, high = measured.found.low, measured.found.high
    within = low - TOLERANCE <= value <= high + TOLERANCE
    return Outcome("confirmed" if within else "contradicted", None, value, measured)


def _is_percent(value: Any) -> bool:
    return isinstance(value, str) and value.strip().endswith("%")


def _number(value: Any) -> float | None:
    """Read a claimed value: a number, or a text with one, which may end in a percent sign."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    found = number(value.strip().rstrip("%").strip() if isinstance(value, str) else value)
    return found if found == found and str(value).strip().lower() not in ("true", "false") else None


def _checked(claim: Claim, snapshot: Snapshot, outcome: Outcome) -> CheckedClaim:
    """Write one claim as a record."""
    measured = outcome.measured
    value = _number(claim.value)
    plain = isinstance(claim.value, int | float) and value is not None
    return CheckedClaim(
        task=claim.task,
        dataset=claim.dataset,
        config=claim.config,
        split=claim.split,
        metric=claim.metric or claim.metric_name,
        claimed=value if plain else (None if claim.value is None else str(claim.value)),
        compared=outcome.compared,
        measured=Interval(**measured.found._asdict()) if measured else None,
        measured_as=MeasuredAs(**measured.key._asdict()) if measured else None,
        n=measured.n if measured else None,
        verdict=outcome.verdict,
        reason=outcome.reason,
        pointer=Pointer(model=snapshot.model, revision=snapshot.commit, file=claim.file, field=claim.field),
    )

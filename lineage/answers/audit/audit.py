"""`lineage audit`: which models a product uses, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.answers.audit.baseline import Accepted, accepted_by, read_baseline, refuse_other_file, write_baseline
from lineage.answers.audit.commands import runnable, selectors_of
from lineage.answers.audit.descent import Descent, descent_of, modifications
from lineage.answers.audit.judging import Judge, Judged, Left
from lineage.answers.audit.locked import Locked, read_lock_of
from lineage.answers.audit.product import FoundReferences, find_references
from lineage.answers.audit.reading import options_of, read_models
from lineage.answers.audit.recording import check_name, record_product
from lineage.answers.audit.trust import Judging, ask_trust
from lineage.answers.audit.used import GRADES, known_models, used_models
from lineage.answers.audit.vendored import identify
from lineage.answers.findings import FailOn, counting
from lineage.answers.project import note_expired, note_unknown_licences, used_settings
from lineage.audit.policy.references import unresolved_reference
from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage_schemas.answers.audit import (
    AuditAnswer,
    AuditedModel,
    AuditFinding,
    AuditSummary,
    AuditUnchecked,
    AuditVerdict,
)
from lineage_schemas.answers.finding import SEVERITIES, Severity
from lineage_schemas.ids import shown_id

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.store.interface import StoreView
    from lineage_schemas.left_out import LeftOut
    from lineage_schemas.level import Level
    from lineage_schemas.reference import Reference

DEFAULT_FAIL_ON = "warning"
"""Which findings count unless a user says otherwise."""

MAX_LEFT_OUT = 100
"""Files and folders of one reason that an answer names as not searched."""


@dataclass(frozen=True)
class AuditOptions:
    """Hold what an audit reads, how deep, and which findings count.

    `exclude` are patterns as in a .gitignore. `baseline` is a file of accepted findings, which `update_baseline`
    writes. `record` is the name under which the product is written to the store.
    `allow_empty` accepts a tree without a reference to a model.
    `locked` compares with `lock_file`, or `lineage.lock` of the product.
    """

    exclude: Sequence[str] = ()
    fail_on: str = DEFAULT_FAIL_ON
    baseline: Path | None = None
    update_baseline: bool = False
    record: str | None = None
    allow_empty: bool = False
    locked: bool = False
    lock_file: Path | None = None
    level: Level | None = None
    max_bytes: int = DEFAULT_MAX_BYTES
    jobs: int | None = None


def audit(session: Session, path: Path, options: AuditOptions | None = None) -> AuditAnswer:
    """Find the models that a source tree uses, read them with their ancestors, and judge them by every rule.

    Refs are asked for again unless the session is offline. What could not be read, resolved or compared is unchecked
    with the reason; a product is clean only without any of that. Raises InputError if the path is not a folder, and for
    a baseline that cannot be read.
    """
    options = options or AuditOptions()
    fail_on = FailOn.of(options.fail_on)
    record = check_name(options.record) if options.record is not None else None
    reads_baseline = options.baseline is not None and not options.update_baseline
    if options.baseline is not None and options.update_baseline:
        refuse_other_file(options.baseline)
    accepted: Accepted = read_baseline(options.baseline) if reads_baseline and options.baseline else {}
    lock = read_lock_of(path, options.lock_file) if options.locked or options.lock_file else None
    product = find_references(session, path, options.exclude, options.baseline)
    used, invalid = used_models(session, product.references)
    unresolved = tuple(unresolved_reference(each) for each in product.references if each.model is None)
    reading_options = options_of(session, level=options.level, max_bytes=options.max_bytes, jobs=options.jobs)
    reading = read_models(session, used, reading_options)
    vendored = identify(session, path, product.weights, [each.model for each in used])
    references = (*product.references, *vendored.references)
    if vendored.references:
        named = {each.model for each in used}
        used, _ = used_models(session, references)
        more = read_models(session, [each for each in used if each.model not in named], reading_options)
        reading.add(more)
    known = known_models(session, used)
    trust = ask_trust(session, [Judging(each.key, each.hub, each.commit) for each in known if each.commit])
    unread = {shown_id(key, session.hub.name): reason for key, (_, reason) in reading.unread.items()}
    selectors = selectors_of(session, used)
    with session.store.reading() as view:
        locked = Locked(session, view, lock[0], str(lock[1]), reading_options) if lock else None
        judge = Judge(session, view, known, reading, reading_options, trust, locked)
        descent = descent_of(view, list(dict.fromkeys(each.key for each in known)), session.hub.name, unread)
        judged = judge.judge(descent, (*unresolved, *vendored.problems))
        findings = tuple(sorted((accepted_by(each, accepted) for each in judged.findings), key=_order))
        left = [each.unchecked for each in judged.unchecked if not _is_accepted(each, accepted)]
        open_ones = (*product.unchecked, *invalid, *vendored.unchecked, *left)
        unchecked = tuple(dict.fromkeys(_runnable(session, each, selectors) for each in open_ones))
        answer = _answer(session, view, path, references, descent, judged, findings, unchecked, fail_on)
    answer = _with_left_out(answer, product).model_copy(update={"allow_empty": options.allow_empty})
    if options.baseline is not None:
        if options.update_baseline:
            write_baseline(options.baseline, findings)
        answer = answer.model_copy(update={"baseline": str(options.baseline)})
    if lock is not None:
        answer = answer.model_copy(update={"lock": str(lock[1])})
    if record is not None:
        record_product(session, record, path, references)
        answer = answer.model_copy(update={"product": record, "recorded": True})
    note_expired(session, answer.settings)
    note_unknown_licences(session)
    return answer


def _with_left_out(answer: AuditAnswer, product: FoundReferences) -> AuditAnswer:
    """Add what of the tree was not searched: the counts, and the first files and folders of each reason."""
    shown: list[LeftOut] = []
    for reason in product.counts:
        shown += [each for each in product.left_out if each.reason == reason][:MAX_LEFT_OUT]
    summary = answer.summary.model_copy(update={"left_out": dict(product.counts)})
    return answer.model_copy(update={"left_out": tuple(shown), "summary": summary})


def _runnable(session: Session, each: AuditUnchecked, selectors: Mapping[str, str | None]) -> AuditUnchecked:
    """Make the command run that decides what is unchecked, where it is about a model of another Hub."""
    command = runnable(each.decide_with, selectors, session.hub_selector)
    return each if command == each.decide_with else each.model_copy(update={"decide_with": command})


def _is_accepted(left: Left, accepted: Accepted) -> bool:
    """Return whether the project or a baseline accepts the finding that says what is unchecked."""
    return left.finding is not None and accepted_by(left.finding, accepted).ignored is not None


def _answer(
    session: Session, view: StoreView, path: Path, references: Sequence[Reference], descent: Descent, judged: Judged,
    findings: Sequence[AuditFinding], unchecked: Sequence[AuditUnchecked], fail_on: FailOn,
) -> AuditAnswer:  # fmt: skip
    nodes = view.nodes("Model", descent.depths)
    dates = [node["collected_at"] for node in nodes.values() if node.get("collected_at")]
    models = _models(session, descent, judged)
    settings = used_settings(session.project, findings, about=[each.id for each in models])
    counts = counting(findings, fail_on)
    return AuditAnswer(
        **session.header("audit.v1", max(map(datetime.fromisoformat, dates), default=None), settings=settings),
        product=path.resolve().name or str(path),
        path=str(path),
        verdict=_verdict(references, counts, unchecked),
        fail_on=fail_on.severity,
        fail_on_rules=tuple(sorted(fail_on.rules)),
        references=tuple(references),
        models=models,
        derivations=descent.edges,
        findings=tuple(findings),
        unchecked=tuple(unchecked),
        summary=_summary(references, models, findings, len(counts), len(unchecked)),
    )


def _verdict(
    references: Sequence[Reference], counts: Sequence[object], unchecked: Sequence[AuditUnchecked]
) -> AuditVerdict:
    """Return the verdict: findings take precedence over unchecked, and unchecked over everything else."""
    if counts:
        return "findings"
    if unchecked:
        return "unchecked"
    return "clean" if any(each.grade in GRADES for each in references) else "nothing_to_audit"


def _models(session: Session, descent: Descent, judged: Judged) -> tuple[AuditedModel, ...]:
    hub = session.hub.name
    found = []
    for known in judged.known:
        facts, key = known.facts, known.key
        revisions = [asked.revision for asked in facts.asked if asked.commit == facts.commit]
        found.append(
            AuditedModel(
                id=facts.id,
                used=facts.used,
                depth=descent.depths[key],
                commit=facts.commit,
                revision=revisions[0] if revisions else None,
                state=facts.state,
                licence=facts.licences.text,
                weights=known.weights,
                modifications=modifications(key, descent, hub) if facts.used else (),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.depth, each.id, each.commit or "")))


def _summary(
    references: Sequence[Reference], models: Iterable[AuditedModel], findings: Sequence[AuditFinding], counts: int,
    unchecked: int,
) -> AuditSummary:  # fmt: skip
    named = {each.id: each.used for each in models}
    used = Counter(named.values())
    severities = Counter(each.severity for each in findings if each.ignored is None)
    by_severity: dict[Severity, int] = {each: severities[each] for each in reversed(SEVERITIES)}
    return AuditSummary(
        references=len(references),
        used=used[True],
        ancestors=used[False],
        findings=by_severity,
        counting=counts,
        ignored=sum(each.ignored is not None for each in findings),
        unchecked=unchecked,
    )


def _order(each: AuditFinding) -> tuple[str, int, str, str]:
    """Order findings by model, then from the most severe on."""
    return each.pointer.model, -SEVERITIES.index(each.severity), each.rule, each.message

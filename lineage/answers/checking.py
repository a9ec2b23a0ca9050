"""The check of one model: its changes, findings and what is unchecked, or why it could not be checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage.answers.announced_findings import AnnouncedLine, understated_counts
from lineage.answers.checked_descent import CheckedDescent, checked_descent, read_parents
from lineage.answers.collect import as_target
from lineage.answers.findings import FailOn, counting, finding
from lineage.answers.identity_findings import reregistered
from lineage.answers.lines import (
    RecordedLine,
    count_changes,
    pick_line,
    recount,
    unknown_commits,
    unknown_weights,
    weight_change,
    why_no_line,
)
from lineage.answers.looked_up import Asked, look_up, read_at
from lineage.answers.marks import covered, uncounted
from lineage.answers.on_disk import differs_on_disk
from lineage.answers.project import note_expired, settled, used_settings
from lineage.answers.ranges import changes_in_range
from lineage.answers.rewrites import RewrittenLine
from lineage.answers.starts import find_start, may_be_silent, refuse_future
from lineage.answers.tag_findings import TaggedLine
from lineage.collect.options import CollectOptions
from lineage.collect.pipeline import Target
from lineage.errors import LineageError, RevisionNotFoundError, ends_the_run
from lineage.redaction import without_secrets
from lineage.unexpected import contained
from lineage.versioning.line import UNDATED
from lineage_schemas.answers.check import ChangeCounts, CheckAnswer, CheckVerdict, PaperDefinition
from lineage_schemas.answers.finding import Finding
from lineage_schemas.change import Change
from lineage_schemas.pointer import Pointer
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.store.interface import StoreView


@dataclass(frozen=True)
class CheckOptions:
    """Hold where a check starts, which findings count, and how models are read."""

    since: str | None
    fail_on: FailOn
    reading: CollectOptions
    derivation: bool = False


def check_or_say_why(session: Session, text: str, target: Target | None, options: CheckOptions) -> CheckAnswer:
    """Check a target, which is parsed if it is None; if it is invalid or cannot be read, it is unchecked."""
    try:
        with contained(text):
            return _check_one(session, target or as_target(session, text), options)
    except LineageError as error:
        if ends_the_run(error):
            raise
        shown = without_secrets(text)
        return _unchecked(session, shown, Unchecked(what=shown, reason=error.in_one_line))


def _check_one(session: Session, target: Target, options: CheckOptions) -> CheckAnswer:
    if options.since is not None:
        refuse_future(options.since)
    asked = look_up(session, target, options.reading)
    unread = read_parents(session, target, options.reading) if options.derivation else {}
    with session.store.reading() as view:
        descent = CheckedDescent()
        if options.derivation:
            descent = checked_descent(view, asked.key, (target.hub or session.hub).name, unread)
        return check_recorded(session, view, asked, options, descent)


def check_recorded(
    session: Session, view: StoreView, asked: Asked, options: CheckOptions, descent: CheckedDescent | None = None
) -> CheckAnswer:
    """Check a model by what the store has of it now; `descent` is what was found of its parents."""
    try:
        recorded = pick_line(view, asked.key, asked.target.revision)
    except RevisionNotFoundError as error:
        return _unchecked(session, asked.shown, Unchecked(what=asked.shown, reason=error.in_one_line))
    if recorded is None:
        reason = asked.not_looked_up or Unchecked(what=asked.shown, reason=why_no_line(view, asked.key))
        judged = (descent, options) if options.derivation else ()
        return _unchecked(session, asked.shown, reason, *judged)
    return _answer(session, view, asked, recorded, options, descent or CheckedDescent())


def _answer(
    session: Session, view: StoreView, asked: Asked, recorded: RecordedLine, options: CheckOptions,
    descent: CheckedDescent,
) -> CheckAnswer:  # fmt: skip
    start, problem, note, is_lost = find_start(session, view, asked, recorded, options.since)
    if note:
        session.progress.note(f"{asked.shown}: {note}")
    changes = [] if is_lost else changes_in_range(session, asked, recorded, start, options.reading)
    silent = [change for change in changes if change.verdict == "silent"]
    findings = settled(session.project, [_silent(change, asked.shown) for change in silent])
    accepted = [
        change for change, found in zip(silent, findings, strict=True) if not counting([found], options.fail_on)
    ]
    findings += settled(session.project, [found for change in changes for found in _unverified(change, asked.shown)])
    rewritten = RewrittenLine(view, asked.key, asked.shown, recorded, options.since, start)
    findings += settled(session.project, rewritten.findings())
    tagged = TaggedLine(view, asked.key, asked.shown, recorded, options.since, start, tuple(changes))
    node = view.nodes("Model", [asked.key]).get(asked.key) or {}
    findings += settled(session.project, [*reregistered(view, asked.key, node, asked.shown), *tagged.findings()])
    versions = AnnouncedLine(session, view, asked, recorded, start.position)
    findings += settled(session.project, [*versions.findings(), *descent.findings])
    settings = used_settings(session.project, findings)
    note_expired(session, settings)
    unchecked = [item for item in (asked.not_looked_up, problem, differs_on_disk(session, asked.target)) if item]
    if not is_lost:
        unchecked += [*unknown_commits(recorded, start.position), *unknown_weights(recorded)]
    unchecked += descent.unchecked
    if not is_lost and understated_counts(session.project, asked.shown, options.fail_on):
        unchecked += versions.unjudged()
    # What was not read of an accepted change could only show that it is less than the finding that was accepted.
    open_ones = [change for change in changes if may_be_silent(change) and change not in accepted]
    unchecked += [item for change in open_ones for item in change.unchecked]
    unsure_start = problem is not None and bool(start.doubtful)
    undecided = [change for change in changes if change.verdict is None and may_be_silent(change) and change.unchecked]
    again = [*_commits(undecided), *_commits(accepted), *uncounted(findings, options.fail_on)]
    return CheckAnswer(
        **session.header("check.v1", read_at(view, asked.key), settings=settings),
        model=asked.shown,
        branch=recorded.line.branch,
        head=recorded.line.commits[-1].id,
        since=options.since,
        since_revision=start.commit,
        covers=None if session.offline or unsure_start or is_lost else covered(view, asked.key, recorded, start, again),
        fail_on=options.fail_on.severity,
        fail_on_rules=tuple(sorted(options.fail_on.rules)),
        verdict=_verdict(findings, unchecked, options.fail_on),
        weight_changes=tuple(weight_change(change) for change in changes),
        counts=count_changes(changes),
        paper_definition=recount(recorded, () if is_lost else recorded.line.commits[start.position + 1 :]),
        findings=tuple(findings),
        unchecked=tuple(dict.fromkeys(unchecked)),
        notes=(*([note] if note else []), *tagged.notes(), *versions.notes()),
        derivation=options.derivation,
    )


def _verdict(findings: Sequence[Finding], unchecked: Sequence[Unchecked], fail_on: FailOn) -> CheckVerdict:
    """Return the verdict: findings that count take precedence over unchecked, and unchecked over clean."""
    if counting(findings, fail_on):
        return "findings"
    return "unchecked" if unchecked else "clean"


def _commits(changes: Iterable[Change]) -> Iterator[str]:
    """Give the commits of changes, one change after the other."""
    return (commit for change in changes for commit in change.revisions)


def _silent(change: Change, model: str) -> Finding:
    files = [path for group in change.groups for path in group.files]
    groups = ", ".join(group.group for group in change.groups[:3])
    when = f"{change.start:%Y-%m-%d %H:%M}" + (f"-{change.end:%H:%M}" if change.end > change.start else "") + " UTC"
    if change.start == UNDATED:
        when = "no readable date"
    count = f"{len(files)} file{'s' if len(files) != 1 else ''} of {groups}"
    return finding(
        "silent-weight-change",
        f"{change.kind}: {count}, {when}; no tag, version or note announces it",
        Pointer(model=model, revision=change.revisions[-1], file=files[0] if files else None),
    )


def _unverified(change: Change, model: str) -> Iterator[Finding]:
    """Report formats that loaders take from now on and that were not compared with the one before."""
    for group in change.groups:
        if group.verified is False:
            pointer = Pointer(model=model, revision=change.revisions[-1], file=group.files[0] if group.files else None)
            yield finding("conversion-unverified", f"{group.group} is loaded from now on; {group.note}", pointer)


def _unchecked(
    session: Session, shown: str, reason: Unchecked, descent: CheckedDescent | None = None,
    options: CheckOptions | None = None,
) -> CheckAnswer:  # fmt: skip
    """Answer for a model whose changes could not be checked at all; its parents may have been judged."""
    findings = settled(session.project, descent.findings) if descent else []
    unchecked = (reason, *(descent.unchecked if descent else ()))
    fail_on = options.fail_on if options else FailOn()
    return CheckAnswer(
        **session.header("check.v1", None, settings=used_settings(session.project, findings)),
        model=shown,
        branch=None,
        head=None,
        verdict=_verdict(findings, unchecked, fail_on),
        fail_on=fail_on.severity,
        fail_on_rules=tuple(sorted(fail_on.rules)),
        weight_changes=(),
        counts=ChangeCounts(after_first_upload=0, versioned=0, documented=0, silent=0),
        paper_definition=PaperDefinition(model_file_changes=0, all_file_changes=0, share=None, not_in_name=0),
        findings=tuple(findings),
        unchecked=unchecked,
        derivation=bool(options and options.derivation),
    )

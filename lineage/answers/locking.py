"""Reading what a lock file keeps of models: their commits, files, digests, licences and parents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lineage.answers.audit.used import DEFAULT_NAMES
from lineage.answers.collect import run
from lineage.answers.project_models import checks_of_project
from lineage.audit.lock.settle import settled
from lineage.audit.lock.wanted import entry_of
from lineage.collect.events import Capped, NotRead
from lineage.collect.options import CollectOptions, default_jobs
from lineage.collect.pipeline import Target
from lineage.collect.recorded_hub import RecordedHub
from lineage.errors import HubError, HubUnreachableError, InputError, RevisionNotFoundError, few, with_hint
from lineage.hub.revisions import is_full_id
from lineage.hub.target import repository_id_problem
from lineage.unexpected import contained
from lineage_schemas.answers.lock import Behind
from lineage_schemas.ids import revision_key, shown_id
from lineage_schemas.lock import LockDifference, LockedModel, LockedParent
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.audit.lock.wanted import Wanted
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView
    from lineage_schemas.lock import Lock
    from lineage_schemas.snapshot import ResolvedRevision, Snapshot

MAX_MODELS = 1_000
"""Models and their parents that one run reads at most."""

MAY_PASS = ("unreachable", "rate_limited", "error")
"""Reasons why a parent was not read although the Hub has it and may give it at another time."""

GATED = "gated: its files could not be read, so its weights and parents are not known"
"""What the lock says of a model that the Hub lists and does not send."""


@dataclass
class Locking:
    """Hold the entries for what the sources use, by the wanted model, and what could not be read or has moved.

    A wanted model without an entry was never resolved. `vanished` are locked commits that the Hub has no longer.
    """

    entries: dict[Wanted, LockedModel] = field(default_factory=dict)
    unresolved: set[Wanted] = field(default_factory=set)
    vanished: list[LockDifference] = field(default_factory=list)
    behind: list[Behind] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)

    @property
    def models(self) -> tuple[LockedModel, ...]:
        """Return the entries of a lock: names that mean one model at one revision share one."""
        found: dict[tuple[str, str, str], LockedModel] = {}
        for wanted, entry in self.entries.items():
            names = {name for name in (*entry.names, wanted.name) if name != entry.id}
            if (other := found.get(entry.key)) is not None:
                names |= set(other.names)
            found[entry.key] = entry.model_copy(update={"names": tuple(sorted(names))})
        return tuple(found[key] for key in sorted(found))


@dataclass
class _Job:
    """Hold one model to lock: on which Hub, the entry that it has, the revision to read, and why it was not read."""

    wanted: Wanted
    session: Session
    locked: LockedModel | None
    revision: str | None
    not_read: NotRead | None = None


def lock_models(session: Session, wanted: Sequence[Wanted], locked: Lock, *, upgrade: Iterable[Wanted] = ()) -> Locking:
    """Read the models that sources use: those of the lock at its commits, others where their revision points now.

    Those in `upgrade` move to where their revision points. With an empty lock the result is the present. Models are
    collected with their parents, offline only read from the store. No error of one model ends the run: what cannot be
    resolved keeps its entry and is in `unchecked`.
    """
    found = Locking()
    moving = set(upgrade)
    sessions = _sessions(session, wanted)
    jobs = []
    for each in wanted:
        problem = repository_id_problem(each.name)
        if problem is not None:
            found.unresolved.add(each)
            found.unchecked.append(Unchecked(what=each.name, reason=f"it is not a model: {problem}"))
            continue
        entry = entry_of(locked, each)
        is_kept = entry is not None and entry.commit is not None and each not in moving
        asked = entry.commit if entry and is_kept else _asked(sessions[each.hub], each)
        jobs.append(_Job(each, sessions[each.hub], entry, asked))
    for part in _rounds(jobs):
        _collect(part, found)
        for job in part:
            _lock(job, found)
    return found


def _sessions(session: Session, wanted: Iterable[Wanted]) -> dict[str | None, Session]:
    """Open the Hubs of the project file; that of the command takes precedence."""
    found: dict[str | None, Session] = {None: session}
    if any(each.hub is not None for each in wanted) and session.project is not None:
        hubs = (how.hub for how in session.project.file.models.values())
        found |= {
            hub: each.session
            for hub, each in zip(hubs, checks_of_project(session, None), strict=True)
            if hub is not None
        }
    return found


def _asked(session: Session, wanted: Wanted) -> str | None:
    """Return the revision to resolve; what a source calls the default branch of a plain folder is its only revision."""
    if wanted.revision not in DEFAULT_NAMES or not session.hub.is_local:
        return wanted.revision
    try:
        refs = session.hub.refs(wanted.name)
    except HubError:
        return wanted.revision  # resolving it says why
    return wanted.revision if refs is None or refs.refs else None


def _rounds(jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
    """Split jobs so that each round has one Hub and one commit of a model: the store keeps one reading of each."""
    rounds: list[dict[tuple[int, str], _Job]] = []
    for job in jobs:
        mark = (id(job.session), job.wanted.name.lower())
        place = next((each for each in rounds if mark not in each and mark[0] in {key[0] for key in each}), None)
        if place is None:
            rounds.append(place := {})
        place[mark] = job
    for each in rounds:
        yield list(each.values())


def _collect(jobs: Sequence[_Job], found: Locking) -> None:
    """Read the models of one Hub with their parents; offline, what the store has of them must do."""
    session = jobs[0].session
    if session.offline and not session.hub.is_local:
        return
    options = CollectOptions(
        by_refs=True, samples=True, depth=1, max_models=MAX_MODELS, jobs=default_jobs(is_local=session.hub.is_local)
    )
    _run(session, jobs, options, found)
    again = [job for job in jobs if job.not_read is None and not _was_read_at(job)]
    if again:
        _run(session, again, replace(options, by_refs=False), found)


def _run(session: Session, jobs: Sequence[_Job], options: CollectOptions, found: Locking) -> None:
    """Collect the models of jobs, and note which of them, or of their parents, could not be read."""
    asked = {job.wanted.name: job for job in jobs}
    for event in run(session, [Target(job.wanted.name, job.revision) for job in jobs], options):
        if isinstance(event, NotRead) and event.asked:
            asked[event.model].not_read = event
        elif isinstance(event, NotRead) and event.reason in MAY_PASS:
            reason = with_hint(event.detail, event.hint)
            found.unchecked.append(Unchecked(what=f"{event.model}, a parent", reason=reason))
        elif isinstance(event, Capped):
            reason = f"not read: {few(event.waiting)} ({event.limit})"
            found.unchecked.append(Unchecked(what=f"{len(event.waiting)} parents", reason=reason))


def _was_read_at(job: _Job) -> bool:
    """Return whether the store's reading of a model is of the commit that is locked: its parents are of that one."""
    session = job.session
    recorded = RecordedHub(session.hub, session.store)
    try:
        resolved = recorded.resolve(job.wanted.name, job.revision)
    except HubError:
        return False
    with session.store.reading() as view:
        return _node(view, session.hub, resolved.model).get("head") == resolved.commit


def _lock(job: _Job, found: Locking) -> None:
    """Make the entry of one model; if it cannot be read, it keeps the one that it has."""
    try:
        with contained(job.wanted.name):
            now = _entry(job, found)
    except (HubError, InputError) as error:
        _keep(job, found, error)
        return
    entry = _with_heads(job, settled(job.locked, now) if job.locked else now)
    found.entries[job.wanted] = entry
    if entry.incomplete or now.incomplete:
        here = "" if entry.incomplete else "; what was locked of it stays"
        found.unchecked.append(Unchecked(what=job.wanted.name, reason=f"{now.incomplete}{here}"))
    _note_behind(job, entry, found)


def _keep(job: _Job, found: Locking, error: HubError | InputError) -> None:
    """Keep the entry of a model that could not be read, and report why; a commit that vanished is a difference."""
    wanted, locked = job.wanted, job.locked
    found.unresolved.add(wanted)
    again = "lineage lock" if not job.session.offline or job.session.hub.is_local else f"lineage collect {wanted.name}"
    found.unchecked.append(
        Unchecked(
            what=f"{wanted.name}@{job.revision}" if job.revision else wanted.name,
            reason=f"{error.in_one_line}; it {'stays as it is locked' if locked else 'is not locked'}",
            decide_with=f"lineage lock --upgrade {wanted.name}" if _has_vanished(job, error) else again,
        )
    )
    if locked is None:
        return
    found.entries[wanted] = locked
    if _has_vanished(job, error):
        found.vanished.append(
            LockDifference(
                model=locked.id, hub=locked.hub, revision=locked.revision, field="commit", locked=locked.commit
            )
        )


def _has_vanished(job: _Job, error: HubError | InputError) -> bool:
    """Return whether the Hub was asked for the locked commit, and does not have it."""
    is_locked_commit = job.locked is not None and job.revision == job.locked.commit
    return is_locked_commit and isinstance(error, _VanishedError)


class _VanishedError(HubError):
    """Report that the Hub no longer has a commit."""


def _entry(job: _Job, found: Locking) -> LockedModel:
    """Read the entry of a model from the store, or from the Hub what the store does not have."""
    session, wanted = job.session, job.wanted
    if job.not_read is not None and job.not_read.reason != "gated":
        kind = _VanishedError if job.not_read.reason == "missing" else HubError
        raise kind(job.not_read.detail, model=wanted.name, hint=job.not_read.hint)
    hub, resolved = _resolved(job)
    with session.store.reading() as view:
        node = _node(view, session.hub, resolved.model)
        row = view.nodes("Revision", [revision_key(session.hub.key(resolved.model), resolved.commit)])
    if any(each.get("vanished") for each in row.values()) and job.locked is not None:
        raise _VanishedError(f"{resolved.model} has no commit {resolved.commit} any more", model=resolved.model)
    try:
        snapshot = hub.snapshot(resolved)
    except HubUnreachableError:
        if session.offline or not isinstance(hub, RecordedHub):
            raise
        snapshot = session.hub.snapshot(resolved)
    is_of_commit = node.get("head") == resolved.commit
    if not is_of_commit:
        reason = f"the store has read another commit of {resolved.model}: {node.get('head') or 'none'}"
        found.unchecked.append(
            Unchecked(what=f"weights and parents of {resolved.model}@{resolved.commit}", reason=reason)
        )
    entry = LockedModel(
        id=resolved.model,
        hub=wanted.hub,
        revision=wanted.revision,
        commit=resolved.commit,
        licence=_licence(node if is_of_commit else snapshot.card or {}),
        incomplete=_incomplete(job, node, snapshot),
        files={each.path: each.identity or "unknown" for each in snapshot.files},
    )
    return entry.model_copy(update=_of_weights(session, resolved, is_of_commit=is_of_commit))


def _resolved(job: _Job) -> tuple[Hub, ResolvedRevision]:
    """Resolve a model's revision in the store; a Hub that may be asked decides what the store does not know."""
    session, name = job.session, job.wanted.name
    recorded = RecordedHub(session.hub, session.store)
    try:
        return recorded, recorded.resolve(name, job.revision)
    except (HubUnreachableError, RevisionNotFoundError) as error:
        if session.offline and not session.hub.is_local:
            if isinstance(error, RevisionNotFoundError) and job.revision and is_full_id(job.revision):
                raise HubUnreachableError(error.message, model=name, hint=error.hint) from error
            raise
    return session.hub, session.hub.resolve(name, job.revision)


def _node(view: StoreView, hub: Hub, model: str) -> Mapping[str, Any]:
    return view.nodes("Model", [hub.key(model)]).get(hub.key(model)) or {}


def _licence(facts: Mapping[str, Any]) -> str | None:
    """Return the licence of a stored model, or of a card's metadata; one that is called other by its name."""
    licence = facts.get("licence", facts.get("license"))
    name = facts.get("licence_name", facts.get("license_name"))
    found = name if licence == "other" and name else licence
    return found if isinstance(found, str) else None


def _incomplete(job: _Job, node: Mapping[str, Any], snapshot: Snapshot) -> str | None:
    """Say what could not be seen of a model, in words that are the same on every machine."""
    if node.get("state") == "gated" or isinstance(job.not_read, NotRead):
        return GATED
    if snapshot.partial:
        return "its files are not all known"
    return None


def _of_weights(session: Session, resolved: ResolvedRevision, *, is_of_commit: bool) -> dict[str, Any]:
    """Return what the store has of the weights and parents of a commit: digests of the main weights, edges."""
    key, name = session.hub.key(resolved.model), session.hub.name
    with session.store.reading() as view:
        held = [e for e in view.edges("HAS_WEIGHTS", [revision_key(key, resolved.commit)], "out")]
        main = next((edge.target for edge in held if edge.properties.get("main")), None)
        weights = (view.nodes("Weights", [main]).get(main) or {}) if main else {}
        parents = parents_of(view, key, name) if is_of_commit else ()
    return {
        "files_digest": main,
        "weights_digest": weights.get("weights"),
        "parents": parents,
    }


def parents_of(view: StoreView, key: str, hub: str) -> tuple[LockedParent, ...]:
    """List the parents that the store has of a model at the commit that was read last, as a lock names them."""
    edges = view.edges("DERIVED_FROM", [key], "out")
    return tuple(sorted((_parent(edge.target, edge.properties, hub) for edge in edges), key=lambda each: each.id))


def _with_heads(job: _Job, entry: LockedModel) -> LockedModel:
    """Name the commit of each parent that no measurement names: the one that was read last, which a lock then keeps."""
    session = job.session
    open_ones = {session.hub.key(each.id): each for each in entry.parents if "@" not in each.id}
    with session.store.reading() as view:
        nodes = view.nodes("Model", open_ones)
    heads = {open_ones[key].id: node["head"] for key, node in nodes.items() if node.get("head")}
    parents = [
        each.model_copy(update={"id": f"{each.id}@{heads[each.id]}"}) if each.id in heads else each
        for each in entry.parents
    ]
    return entry.model_copy(update={"parents": tuple(parents)})


def _parent(key: str, edge: Mapping[str, Any], hub: str) -> LockedParent:
    commit = edge.get("parent_revision")
    return LockedParent(
        id=shown_id(key, hub) + (f"@{commit}" if commit else ""),
        relation=edge.get("relation"),
        status=edge.get("status") or "declared",
    )


def _note_behind(job: _Job, entry: LockedModel, found: Locking) -> None:
    """Note that the revision of a locked model points at another commit than the locked one."""
    wanted, session = job.wanted, job.session
    if entry.commit is None or (wanted.revision and is_full_id(wanted.revision)):
        return
    try:
        now = RecordedHub(session.hub, session.store).resolve(wanted.name, _asked(session, wanted)).commit
    except HubError as error:
        if job.locked is not None and job.revision == job.locked.commit:
            what = f"where {wanted.revision or 'the default branch'} of {wanted.name} points now"
            found.unchecked.append(Unchecked(what=what, reason=error.in_one_line))
        return
    if now != entry.commit:
        found.behind.append(
            Behind(model=entry.id, hub=entry.hub, revision=entry.revision, locked=entry.commit, now=now)
        )

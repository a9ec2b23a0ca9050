"""The pipeline: it collects targets and their declared ancestors into the graph."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from lineage.collect.batch import model_batch
from lineage.collect.events import Capped, Event, Lacking, NotRead, Started, Stored, Unchanged
from lineage.collect.members import KnownWeights
from lineage.collect.names import Names
from lineage.collect.options import CollectOptions
from lineage.collect.reading import Known, read_model
from lineage.collect.recorded import (
    is_to_be_read_again,
    recorded_announcing,
    recorded_as_asked,
    recorded_history,
    recorded_refs,
)
from lineage.collect.recorded_state import keep_state, write_again
from lineage.collect.renamed import former_keys
from lineage.collect.samples import lacks_sketch
from lineage.collect.turns import Turns
from lineage.collect.unknown_files import decides, unknown_files
from lineage.collect.weights import WeightReader
from lineage.errors import (
    GatedError,
    HubError,
    HubUnreachableError,
    LineageError,
    ModelNotFoundError,
    NoAnswerError,
    RateLimitedError,
    RevisionNotFoundError,
    ends_the_run,
)
from lineage.log import Log
from lineage.progress import SILENT, Progress
from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage.side_by_side import Crew, check_stopped
from lineage.unexpected import contained
from lineage.versioning.tags import first_targets
from lineage_schemas.answers.incomplete import IncompleteReason
from lineage_schemas.ids import revision_key, split_model_key
from lineage_schemas.level import Level, is_deeper

if TYPE_CHECKING:
    from lineage.collect.project_parents import ProjectParents
    from lineage.collect.reading import ModelReading
    from lineage.hub.interface import Hub, PresentRefs
    from lineage.store.interface import GraphStore
    from lineage_schemas.ref import Ref
    from lineage_schemas.snapshot import ResolvedRevision

LOG = Log(__name__)

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Target:
    """Name what to collect, and on which Hub: a local folder is on another Hub than its ancestors.

    The children of `downwards` models are followed if `children` is set; those of ancestors are not.
    """

    model: str
    revision: str | None = None
    hub: Hub | None = None
    downwards: bool = True


@dataclass
class _Job:
    """Hold one model to be read with its distance from the targets, the models that it leads to, and its outcome."""

    target: Target
    depth: int
    next: list[Target] = field(default_factory=list)
    event: Event | None = None


@dataclass
class _Waiting:
    """Hold the models that are still to be read, each once, in the order in which one at a time would read them.

    Models that are read at the same time finish in any order. What each of them leads to is queued in the order in
    which they began, so that a limit on their number lets the same ones through.
    """

    queue: deque[_Job] = field(default_factory=deque)
    begun: list[_Job] = field(default_factory=list)
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _followed: int = 0

    def add(self, target: Target, depth: int, hub: Hub) -> None:
        """Queue a model unless it was queued before."""
        mark = ((target.hub or hub).key(target.model), target.revision or "")
        if mark not in self._seen:
            self._seen.add(mark)
            self.queue.append(_Job(target, depth))

    def begin(self) -> tuple[int, _Job]:
        """Take the next model and its number."""
        self.begun.append(self.queue.popleft())
        return len(self.begun) - 1, self.begun[-1]

    def finish(self, number: int, event: Event, hub: Hub) -> Iterator[tuple[str, Event]]:
        """Give the models that are finished together with all that began before them, and queue what they lead to."""
        self.begun[number].event = event
        while self._followed < len(self.begun) and (outcome := self.begun[self._followed].event) is not None:
            job = self.begun[self._followed]
            for target in job.next:
                self.add(target, job.depth + 1, hub)
            self._followed += 1
            yield job.target.model, outcome


class Collection:
    """Read targets, follow what they declare, and write each model in one transaction.

    Models are read side by side and written one at a time: the graph is the one that one model after another gives. A
    run may be killed at any point: every written model is complete, and the next run continues where this one
    stopped, because unchanged models are not read again and their parents are followed from the store.
    `turns` is shared by all collections that write into one store at the same time.
    """

    def __init__(
        self,
        hub: Hub,
        store: GraphStore,
        options: CollectOptions,
        progress: Progress,
        clock: Clock = lambda: datetime.now(UTC),
        *,
        project: ProjectParents | None = None,
        turns: Turns | None = None,
    ) -> None:
        self.hub, self.store, self.options, self.progress, self._clock = hub, store, options, progress, clock
        self._turns = turns or Turns()
        self.names, self._project = Names(hub, store, self._turns), project
        self._waiting, self._weights, self._overview = _Waiting(), KnownWeights(), progress

    def run(self, targets: Sequence[Target]) -> Iterator[Event]:
        """Collect targets and yield two events for each model, in the order of one model after another.

        A failure of one model does not stop the others.
        """
        for target in targets:
            self._waiting.add(target, 0, self.hub)
        is_one = len(targets) == 1 and not (self.options.parents or self.options.children)
        self._overview = SILENT if is_one else self.progress
        with self._overview.task("collecting", len(targets), "models") as task, Crew[Event](self.options.jobs) as crew:
            while self._waiting.queue or crew.running:
                while crew.has_room and self._may_begin():
                    number, job = self._waiting.begin()
                    crew.start(number, partial(self._collect, job))
                if not crew.running:
                    yield self._capped()
                    return
                number, event = crew.next()
                task.advance()
                for model, outcome in self._waiting.finish(number, event, self.hub):
                    yield Started(model)
                    yield outcome
                task.retotal(len(self._waiting.begun) + len(self._waiting.queue))

    def _capped(self) -> Capped:
        rest = tuple(job.target.model for job in self._waiting.queue)
        LOG.warning("%d models skipped: --max-models %d", len(rest), self.options.max_models)
        return Capped(rest, f"--max-models {self.options.max_models}")

    def _may_begin(self) -> bool:
        """Return whether a model is waiting that may be read: targets always, others up to the limit."""
        queue = self._waiting.queue
        return bool(queue) and (queue[0].depth == 0 or len(self._waiting.begun) < self.options.max_models)

    def _collect(self, job: _Job) -> Event:
        """Read one model, or report why it could not be read; only a store that does not work ends the run."""
        target = job.target
        try:
            with contained(target.model), self._overview.task(target.model):
                return self._read_or_keep_state(job)
        except LineageError as error:
            if ends_the_run(error):
                raise
            LOG.warning("%s skipped: %s", target.model, error.message)
            return NotRead(target.model, reason_of(error), error.message, job.depth == 0, error.hint)

    def _read_or_keep_state(self, job: _Job) -> Event:
        """Read one model; if the Hub refuses it, record that first."""
        hub = job.target.hub or self.hub
        try:
            with self._turns.model(hub.key(job.target.model)) as go_on:
                return self._read(job, hub, go_on)
        except HubError as error:
            with self._turns.writing:
                keep_state(self.store, hub, job.target.model, error, self._clock())
            raise

    def _read(self, job: _Job, hub: Hub, go_on: Callable[[str], None]) -> Event:
        """Read a model that changed, and write it; `go_on` waits until no other thread reads it."""
        target = job.target
        with_requests = self.options.pull_requests  # they may move while no branch does
        by_refs = self.options.by_refs and not with_requests and not hub.is_local
        if by_refs and (unmoved := self._unmoved(hub, job)):
            return unmoved
        resolved = hub.resolve(target.model, target.revision)
        key = hub.key(resolved.model)
        go_on(key)
        kept = self._kept(key)
        same = not (self.options.refresh or with_requests or self._differs(target, key) or self._unsampled(kept, key))
        if kept and same and self._is_current(kept, resolved, hub) and not self._refs_moved(key, hub, resolved):
            LOG.info("%s: the store has commit %s already", resolved.model, resolved.commit)
            parents = self._parents_in_store(key)
            self._follow(job, resolved.model, parents)
            return Unchanged(resolved.model, resolved.commit, kept.get("level"), parents)
        weights = WeightReader(hub, resolved.model, self.store, self.options, self.progress, self._turns)
        with self.store.reading() as view:
            former = former_keys(view, self.names.aliases(resolved))
            keys = (*(old for old, new in former.items() if new == key), key)
            tags = first_targets(recorded_announcing(view, keys))
            known = Known(None if hub.is_local else recorded_history(view, key), tags)
            named = self._project.of(view, key, target.model) if self._project and target.hub is None else ()
        reading = read_model(hub, self.names, resolved, known, weights, self.options, self.progress, project=named)
        self._write(reading, hub)
        parents = tuple(dict.fromkeys(edge.parent for edge in reading.derivation.derivations))
        self._follow(job, resolved.model, parents)
        kinds = [change.kind for report in reading.lines[:1] for change in report.changes]
        LOG.info("%s: stored commit %s, history of %d", resolved.model, resolved.commit, len(reading.history.commits))
        return Stored(
            model=resolved.model,
            head=resolved.commit,
            level=reading.weights.level,
            commits=len(reading.history.commits),
            changes=len(kinds),
            first_uploads=kinds.count("first_upload"),
            parents=parents,
            bytes_here=reading.weights.bytes_here,
            samples=reading.weights.samples,
            lacks=tuple(_lacks(reading, asked=job.depth == 0)),
        )

    def _write(self, reading: ModelReading, hub: Hub) -> None:
        """Work out the model's edges from what the store holds, and write it; one model at a time.

        If another process writes meanwhile, they are worked out again: its model may belong to the family.
        """
        with self._turns.writing:
            while True:
                check_stopped()
                mark = self.store.mark()
                with self.store.reading() as view:
                    batch = model_batch(reading, hub, self.names, view, self._clock(), self._weights)
                if self.store.write_since(mark, batch):
                    break
                LOG.info(
                    "%s: another process wrote to the store, so its edges are worked out again", reading.resolved.model
                )
        self._turns.written(each.key for each in reading.weights.weights)

    def _unmoved(self, hub: Hub, job: _Job) -> Event | None:
        """Return the recorded model with a new date if none of its refs moved since it was read."""
        target = job.target
        with self.store.reading() as view:
            kept = recorded_as_asked(view, hub, target.model, target.revision, self.options)
            recorded = recorded_refs(view, kept.key) if kept else []
        if kept is None or self._differs(target, kept.key) or self._unsampled(kept.model_dump(), kept.key):
            return None
        now = hub.refs(target.model)
        if now is None or now.model != kept.id or not _same_refs(recorded, now):
            return None
        LOG.info("%s: no ref moved, the store's record is used", kept.id)
        # Its aliases stay as they are: written again, they would redirect names that mean other models by now.
        again = kept.model_copy(update={"collected_at": self._clock(), "aliases": ()})
        with self._turns.writing:
            check_stopped()
            if not write_again(self.store, kept, again):
                return None
        parents = self._parents_in_store(kept.key)
        self._follow(job, kept.id, parents)
        return Unchanged(kept.id, kept.head or "", kept.level, parents)

    def _unsampled(self, kept: Mapping[str, Any] | None, key: str) -> bool:
        """Return whether samples are asked for and a stored model was read without them."""
        if not self.options.samples or not kept or not kept.get("head"):
            return False
        with self.store.reading() as view:
            return lacks_sketch(view, revision_key(key, kept["head"]))

    def _differs(self, target: Target, key: str) -> bool:
        """Return whether the project declares other parents of a stored model than those that its edges rest on."""
        if self._project is None or target.hub is not None:
            return False
        with self.store.reading() as view:
            return self._project.differ_from(view, key, target.model)

    def _refs_moved(self, key: str, hub: Hub, resolved: ResolvedRevision) -> bool:
        """Return whether a branch or tag of a local model moved since it was read, though the head did not.

        A remote Hub is asked for its refs by `check`, because that costs a request.
        """
        now = hub.refs(resolved.model) if hub.is_local else None
        if now is None:
            return False
        with self.store.reading() as view:
            return not _same_refs(recorded_refs(view, key), now)

    def _kept(self, key: str) -> dict[str, Any] | None:
        """Return the stored record of a model that was collected before."""
        with self.store.reading() as view:
            node = view.nodes("Model", [key]).get(key)
        return node if node and node.get("head") else None

    def _is_current(self, kept: dict[str, Any], resolved: ResolvedRevision, hub: Hub) -> bool:
        """Return whether a collected model is at the same commit and was read completely and deep enough."""
        may_be_whole_now = kept.get("budget") is None and (hub.is_local or kept.get("state") == "present")
        if is_to_be_read_again(kept, hub) or may_be_whole_now:
            return False
        level: Level | None = kept.get("level")
        deep_enough = self.options.level is None or not is_deeper(self.options.level, level)
        same_budget = level == "full" or self.options.max_bytes == DEFAULT_MAX_BYTES
        return kept["head"] == resolved.commit and deep_enough and same_budget

    def _parents_in_store(self, key: str) -> tuple[str, ...]:
        with self.store.reading() as view:
            return tuple(edge.target for edge in view.edges("DERIVED_FROM", [key], "out"))

    def _follow(self, job: _Job, model: str, parents: Sequence[str]) -> None:
        """Note a model's parents, and its children if they were asked for, to be read next."""
        if self.options.depth is not None and job.depth >= self.options.depth:
            return
        for parent in parents if self.options.parents else ():
            hub_name, parent_id = split_model_key(parent)
            if hub_name == self.hub.name:
                job.next.append(Target(parent_id, downwards=False))
        if self.options.children and job.target.downwards:
            found = self.hub.list_models(base=model, limit=self.options.max_models + 1)
            job.next += [Target(child) for child in found]


def _same_refs(recorded: Iterable[Ref], now: PresentRefs) -> bool:
    """Return whether the recorded branches and tags are those that a Hub has now, at the same commits."""
    targets = {ref.name: ref.target for ref in recorded if ref.kind in ("branch", "tag")}
    return targets == {ref.name: ref.target for ref in now.refs}


def _lacks(reading: ModelReading, *, asked: bool) -> Iterator[Lacking]:
    """List the parts of a model that were not available: weights, and files that may declare something.

    For a model that was not `asked` for but followed from another one, they decide nothing.
    """
    for lack in reading.weights.lacks:
        yield Lacking(lack, decides=asked)
    note = unknown_files(reading.snapshot)
    if note is not None:
        yield Lacking(note, asked and decides(note, has_parent=bool(reading.derivation.derivations)))


def reason_of(error: LineageError) -> IncompleteReason:
    """Return the reason that answers use for an error."""
    if isinstance(error, GatedError):
        return "gated"
    if isinstance(error, ModelNotFoundError | RevisionNotFoundError):
        return "missing"
    if isinstance(error, RateLimitedError):
        return "rate_limited"
    if isinstance(error, NoAnswerError):
        return "unreachable"
    return "offline" if isinstance(error, HubUnreachableError) else "error"

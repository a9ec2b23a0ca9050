"""`lineage trace`: where a model comes from, which models are built on it, and the paths between two models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lineage.answers.findings import FailOn
from lineage.answers.project import project_parents
from lineage.answers.traced import AnswerWriter, Subgraph, Unread
from lineage.collect.options import DEFAULT_MAX_MODELS
from lineage.collect.recorded import is_to_be_read_again
from lineage.errors import InputError, with_hint
from lineage.hub.revisions import is_default
from lineage.hub.target import ModelTarget, PathTarget, parse_target
from lineage.query.walk import ancestors, descendants
from lineage.store.aliases import key_of_alias
from lineage.unexpected import contained
from lineage_schemas.answers.trace import HiddenEdges, TraceAnswer
from lineage_schemas.ids import split_model_key

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.hub.interface import Hub
    from lineage.query.walk import Walk
    from lineage.store.interface import StoreView
    from lineage_schemas.answers.incomplete import IncompleteReason
    from lineage_schemas.derivation import Status

MAX_PATHS = 100
"""Paths between two models that an answer lists: a dense graph of merges has too many."""

_SETTLED = ("gated", "missing")
"""States of models that are not requested again while a question is answered."""


@dataclass(frozen=True)
class _Root:
    """Hold the key of a model in question, and what could not be read if it had to be collected."""

    key: str
    unread: Unread = field(default_factory=dict)


@dataclass(frozen=True)
class _Shown:
    """Hold what an answer shows of the edges that it finds."""

    min_status: Status | None
    unrelated: bool
    fail_on: FailOn | None

    def hidden(self, edges: int, models: int) -> HiddenEdges | None:
        """Count what the wanted status hides; None if every status is wanted."""
        return HiddenEdges(min_status=self.min_status, edges=edges, models=models) if self.min_status else None


def trace(
    session: Session,
    target: str,
    *,
    to: str | None = None,
    down: bool = False,
    depth: int | None = None,
    max_models: int = DEFAULT_MAX_MODELS,
    min_status: Status | None = None,
    unrelated: bool = False,
    fail_on: str | None = None,
) -> TraceAnswer:
    """Walk the stored graph from a model: up to its ancestors, down to its descendants, or to another model.

    A model that is not in the store is collected first; a local folder is collected every time. Downwards the answer
    is as complete as the store: a model that is known by name only has descendants too. Beside the root, the answer
    lists at most `max_models` models. Edges of a weaker status than `min_status` are hidden with what only they lead
    to; a contradicted edge is shown, and the walk does not go on beyond it. `unrelated` also lists declared parents
    with foreign weights. `fail_on` are the findings for which the command ends with 1 (`FailOn.of`). For a root that is
    neither stored nor readable, the answer has the reason under `incomplete`. Raises InputError for contradictory
    arguments.
    """
    if down and to is not None:
        raise InputError("--down shows all descendants, not one model", hint="remove --down to see the paths")
    if depth is not None and depth < 0:
        raise InputError(f"depth must be 0 or more, not {depth}", hint="omit the depth to see all generations")
    shown = _Shown(min_status, unrelated, FailOn.of(fail_on) if fail_on is not None else None)
    with contained(target):
        root = _ensure(session, target, down=down, max_models=max_models)
        if to is not None:
            return _between(session, root, to, max_models, shown)
        return _walked(session, root, shown, down=down, depth=depth, max_models=max_models)


def _walked(
    session: Session, root: _Root, shown: _Shown, *, down: bool, depth: int | None, max_models: int
) -> TraceAnswer:
    """Walk from the root to its descendants, or to its ancestors, which are read first if they were not."""
    if not down:
        root = _with_ancestors(session, root, depth=depth, max_models=max_models)
    with session.store.reading() as view:
        walk = (descendants if down else ancestors)(
            view, root.key, depth=depth, limit=max_models, least=shown.min_status
        )
        unread = root.unread if down else _with_other_parents(session, view, walk, root.unread)
        part = Subgraph(
            "down" if down else "up", walk.depths, walk.edges, walk.counts, stops=_stops(walk, root, depth),
            hidden=shown.hidden(walk.weaker, walk.only_weaker), unrelated=shown.unrelated, fail_on=shown.fail_on,
        )  # fmt: skip
        return AnswerWriter(session, view).answer(part, root.key, unread=unread)


def _with_other_parents(session: Session, view: StoreView, walk: Walk, unread: Unread) -> Unread:
    """Add the models of which the project file declares other parents than the store has, and that were not read."""
    found = dict(unread)
    for key in walk.depths:
        if key not in found and _has_other_parents(session, view, key):
            reason: IncompleteReason = "offline" if session.offline and not session.hub.is_local else "error"
            model, file = split_model_key(key)[1], session.project.shown if session.project else ""
            found[key] = (reason, f"{file} declares other parents of it; `lineage collect {model}` takes them over")
    return found


def _has_other_parents(session: Session, view: StoreView, key: str) -> bool:
    """Return whether the project file declares other parents of a stored model than those that its edges rest on."""
    declared = project_parents(session.project)
    if declared is None or split_model_key(key)[0] != session.hub.name:
        return False
    node = view.nodes("Model", [key]).get(key) or {}
    return bool(node.get("head")) and declared.differ_from(view, key)


def _between(session: Session, root: _Root, to: str, max_models: int, shown: _Shown) -> TraceAnswer:
    """Find the paths between two models; the other model is collected only if no path is known."""
    from lineage.query.paths import paths

    other = _known(session, to)
    with session.store.reading() as view:
        joined = other is not None and bool(paths(view, root.key, other, limit=1).paths)
    unread = dict(root.unread)
    if other is None or not joined:
        second = _ensure(session, to, down=False, max_models=max_models)
        other, unread = second.key, unread | second.unread
    with session.store.reading() as view:
        found = paths(view, root.key, other, limit=MAX_PATHS, least=shown.min_status)
        stops = ((root.key, f"more than {MAX_PATHS} paths; the shortest are listed"),) if found.more else ()
        distances = {end: 1 for edge in found.edges for end in (edge.source, edge.target)}
        part = Subgraph(
            "paths", distances | _distances(found.paths, root.key), found.edges, paths=found.paths, stops=stops,
            hidden=shown.hidden(found.weaker, 0), unrelated=shown.unrelated, fail_on=shown.fail_on,
        )  # fmt: skip
        return AnswerWriter(session, view).answer(part, root.key, unread=unread, to=other)


def _distances(paths: Iterable[tuple[str, ...]], root: str) -> dict[str, int]:
    """Return the shortest distance from the root to each model on the paths."""
    distances = {root: 0}
    for path in paths:
        start = path.index(root)
        for position, key in enumerate(path):
            distances[key] = min(abs(position - start), distances.get(key, len(path)))
    return distances


def _stops(walk: Walk, root: _Root, depth: int | None) -> tuple[tuple[str, str], ...]:
    """List where a walk was stopped by a limit."""
    stops = [(key, f"not followed further because of --depth {depth}") for key in walk.deeper]
    if walk.hidden:
        stops.append((root.key, f"{walk.hidden} more are known; a higher --depth or --max-models shows them"))
    return tuple(stops)


def _known(session: Session, text: str) -> str | None:
    """Find the key of a model that the store has, even if only by name."""
    target = parse_target(text)
    if isinstance(target, PathTarget):
        return None
    with session.store.reading() as view:
        return _key_in_store(view, session.hub, target, by_name=True)


def _with_ancestors(session: Session, root: _Root, *, depth: int | None, max_models: int) -> _Root:
    """Read ancestors that are known by name only: an earlier command may have read the root without them."""
    if root.unread or (session.offline and not session.hub.is_local):
        return root
    with session.store.reading() as view:
        walk = ancestors(view, root.key, depth=depth, limit=max_models)
        nodes = view.nodes("Model", walk.depths)
        other = {key for key in walk.depths if _has_other_parents(session, view, key)}
    unread = [
        key
        for key, node in nodes.items()
        if (not node.get("head") and node.get("state") not in _SETTLED)
        or (key != root.key and not session.hub.is_local and is_to_be_read_again(node, session.hub))
        or key in other
    ]
    here = [key for key in unread if split_model_key(key)[0] == session.hub.name]
    if not here or walk.hidden:
        return root
    why = "have other parents in the project file" if other else "have not been read yet, or not whole"
    session.progress.note(f"{len(here)} of its ancestors {why}; reading them now")
    room = max(1, max_models - (len(walk.depths) - len(here)))
    return _Root(root.key, _collect_at(session, {key: walk.depths[key] for key in here}, depth, room))


def _collect_at(session: Session, depths: Mapping[str, int], depth: int | None, max_models: int) -> Unread:
    """Collect models at known distances from a root with their own ancestors, as far from the root as asked.

    They are requested by their own names, so that each that cannot be read has its own reason.
    """
    unread: Unread = {}
    for distance in sorted(set(depths.values())):
        models = [split_model_key(key)[1] for key in sorted(depths) if depths[key] == distance]
        left = None if depth is None else depth - distance
        unread |= _collect(session, models, max_models=max_models, depth=left)
    return unread


def _ensure(session: Session, text: str, *, down: bool, max_models: int) -> _Root:
    """Find a model in the store, and collect it if it is not there."""
    target = parse_target(text)
    if isinstance(target, PathTarget):
        hub, model = session.folder(target.path)
        unread = _collect(session, [model], hub=hub, max_models=max_models)
        return _Root(hub.key(model), unread)
    with session.store.reading() as view:
        key = _key_in_store(view, session.hub, target, by_name=down)
        other = key is not None and not down and _has_other_parents(session, view, key)
    if key is not None and (not other or (session.offline and not session.hub.is_local)):
        return _Root(key)
    if session.offline and not session.hub.is_local:
        reason = f"it is not in the store; `lineage collect {target}`, without --offline, reads it"
        return _Root(session.hub.key(target.model), {session.hub.key(target.model): ("offline", reason)})
    state = "has other parents in the project file" if other else "is not in the store yet, or not whole"
    session.progress.note(f"{target} {state}; collecting it first")
    unread = _collect(session, [target.model], revision=target.revision, children=down, max_models=max_models)
    with session.store.reading() as view:
        asked = ModelTarget(target.model)
        return _Root(_key_in_store(view, session.hub, asked, by_name=True) or session.hub.key(target.model), unread)


def _key_in_store(view: StoreView, hub: Hub, target: ModelTarget, *, by_name: bool) -> str | None:
    """Find the key of a model that was collected, at the revision asked for, or `by_name` of any that is known."""
    key = key_of_alias(view, hub.name, target.model) or hub.key(target.model)
    node = view.nodes("Model", [key]).get(key)
    if node is None or by_name:
        return key if node is not None else None
    if is_to_be_read_again(node, hub):
        return None
    head, wanted = node.get("head"), target.revision
    if not head or wanted is None or is_default(wanted):
        return key if head and head in _default_heads(view, key, head) else None
    from lineage.collect.recorded import recorded_meaning

    return key if recorded_meaning(view, key, wanted).commits == {head} else None


def _default_heads(view: StoreView, key: str, head: str) -> set[str]:
    """Give where a model's default branch stood when it was last read: another commit may have been collected since."""
    refs = [row.properties for row in view.find("Ref", {"model": key})]
    return {ref["target"] for ref in refs if ref.get("is_default") and not ref.get("vanished")} or {head}


def _collect(
    session: Session, models: Iterable[str], *, max_models: int, revision: str | None = None, hub: Hub | None = None,
    children: bool = False, depth: int | None = None,
) -> Unread:  # fmt: skip
    """Collect models with their ancestors, and return what could not be read.

    The pipeline is imported here because an answer from the store does not need it.
    """
    from lineage.answers.collect import run
    from lineage.collect.events import Capped, NotRead
    from lineage.collect.options import CollectOptions
    from lineage.collect.pipeline import Target

    unread: Unread = {}
    options = CollectOptions(max_models=max_models, children=children, depth=depth, samples=True)
    for event in run(session, [Target(model, revision, hub) for model in models], options):
        if isinstance(event, NotRead):
            detail = with_hint(event.detail, event.hint)
            unread[(hub or session.hub).key(event.model)] = (event.reason, detail)
        elif isinstance(event, Capped):
            unread |= {session.hub.key(waiting): ("limit", event.limit) for waiting in event.waiting}
    return unread

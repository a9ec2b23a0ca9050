"""`lineage collect`: read models and their declared ancestors into the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineage.answers.project import project_parents, used_settings
from lineage.answers.unreadable import unreadable_files
from lineage.collect.events import Capped, Event, NotRead, Stored, Unchanged
from lineage.collect.options import DEFAULT_MAX_MODELS, CollectOptions, default_jobs
from lineage.collect.pipeline import Collection, Target, reason_of
from lineage.collect.samples import Samples
from lineage.errors import InputError, LineageError, ends_the_run, few, with_hint
from lineage.hub.target import PathTarget, parse_target
from lineage.redaction import without_secrets
from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage.store.aliases import key_of_alias
from lineage.unexpected import contained
from lineage_schemas.answers.collect import CollectAnswer, CollectedModel, CollectedSamples
from lineage_schemas.answers.incomplete import Incomplete
from lineage_schemas.ids import shown_id, split_model_key
from lineage_schemas.level import Level

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView


def collect(
    session: Session,
    targets: Sequence[str],
    *,
    author: str | Sequence[str] | None = None,
    refresh: bool = False,
    level: Level | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_models: int = DEFAULT_MAX_MODELS,
    depth: int | None = None,
    children: bool = False,
    pull_requests: bool = False,
    samples: bool = True,
    jobs: int | None = None,
) -> CollectAnswer:
    """Collect targets and all models of some authors, with their declared ancestors.

    `samples` reads a sample of the values of each model's weights, at most 16 MB a group and within `max_bytes`. `jobs`
    models are read at a time, None for as many as suit the Hub; the graph is the same with any number.
    Raises InputError if there is nothing to collect. If a single target is invalid, or a single author's models cannot
    be listed, the error is raised; among several, the answer reports it and the others are read. Raises StoreError if
    the store does not work.
    """
    options = CollectOptions(
        refresh=refresh, level=level, max_bytes=max_bytes, max_models=max_models, depth=depth,
        children=children, pull_requests=pull_requests, samples=samples,
        jobs=jobs or default_jobs(is_local=session.hub.is_local),
    )  # fmt: skip
    events: list[Event] = []
    authors = [author] if isinstance(author, str) else list(author or ())
    alone = len(targets) + len(authors) == 1
    asked = [target for text in targets for target in _asked(session, text, events, alone=alone)]
    asked += [target for name in authors for target in _of_author(session, name, max_models, events, alone=alone)]
    if not asked and not events:
        raise InputError("nothing to collect", hint="name models, or use --from-file or --author")
    events += run(session, asked, options)
    return _answer(session, targets, events, tuple(_unreadable(session, asked, events)))


def _unreadable(session: Session, asked: Sequence[Target], events: Iterable[Event]) -> Iterator[Incomplete]:
    """List the files of the requested models that may name a parent and could not be read, as `trace` lists them.

    The store's evidence is read, so that a model that has not changed is reported again.
    """
    read = {event.model for event in events if isinstance(event, Stored | Unchanged)}
    with session.store.reading() as view:
        keys = {_key(view, target.hub or session.hub, target.model) for target in asked}
        for key, detail in unreadable_files(view, {key for key in keys if split_model_key(key)[1] in read}):
            yield Incomplete(model=shown_id(key, session.hub.name), reason="error", detail=detail)


def _key(view: StoreView, hub: Hub, model: str) -> str:
    return key_of_alias(view, hub.name, model) or hub.key(model)


def _asked(session: Session, text: str, events: list[Event], *, alone: bool) -> list[Target]:
    """Parse a target; unless it is alone, an invalid one is reported in its place and does not stop the others."""
    try:
        with contained(text):
            return [as_target(session, text)]
    except LineageError as error:
        if alone or ends_the_run(error):
            raise
        events.append(NotRead(without_secrets(text), reason_of(error), error.message, asked=True, hint=error.hint))
        return []


def _of_author(session: Session, author: str, max_models: int, events: list[Event], *, alone: bool) -> list[Target]:
    """List the models of an author up to the limit; report if there are more, or if they cannot be listed."""
    try:
        with contained(f"the models of {author}"):
            found = list(session.hub.list_models(author=author, limit=max_models + 1))
    except LineageError as error:
        if alone or ends_the_run(error):
            raise
        events.append(NotRead(f"{author}/…", reason_of(error), error.message, asked=True, hint=error.hint))
        return []
    if len(found) > max_models:
        session.progress.note(f"{author} has more than {max_models} models; the others are skipped (--max-models)")
        events.append(Capped((f"{author}/…",), f"--max-models {max_models}"))
    return [Target(model) for model in found[:max_models]]


def as_target(session: Session, text: str, *, on_disk: bool = False) -> Target:
    """Parse a target: a model on the session's Hub, or a local folder, which is opened as a Hub of one model.

    A work tree means its HEAD commit, with `on_disk` the files that are checked out.
    """
    parsed = parse_target(text)
    if isinstance(parsed, PathTarget):
        hub, model = session.folder(parsed.path, on_disk=on_disk)
        return Target(model, hub=hub)
    return Target(parsed.model, parsed.revision)


def run(session: Session, targets: Sequence[Target], options: CollectOptions) -> Iterator[Event]:
    """Run a collection and report its progress to the session's listener."""
    collection = Collection(
        session.hub, session.store, options, session.progress,
        project=project_parents(session.project), turns=session.turns,
    )  # fmt: skip
    for event in collection.run(targets):
        if isinstance(event, Capped):
            session.progress.note(f"stopped at {event.limit}; not read: {few(event.waiting)}")
        yield event


def _answer(
    session: Session, targets: Sequence[str], events: Sequence[Event], unreadable: Sequence[Incomplete]
) -> CollectAnswer:
    here = sum(event.bytes_here for event in events if isinstance(event, Stored))
    spent = session.hub.cost()
    about = {event.model for event in events if isinstance(event, Stored | Unchanged)}
    return CollectAnswer(
        **session.header("collect.v1", datetime.now(UTC), settings=used_settings(session.project, about=about)),
        store=session.store.url,
        targets=tuple(without_secrets(text) for text in targets),
        models=tuple(_collected(session, events)),
        cost=spent.model_copy(update={"bytes_read": spent.bytes_read + here, "local": session.hub.is_local}),
        incomplete=(*incomplete(events), *unreadable),
    )


def _collected(session: Session, events: Iterable[Event]) -> Iterator[CollectedModel]:
    for event in events:
        if isinstance(event, Stored | Unchanged):
            stored = isinstance(event, Stored)
            yield CollectedModel(
                id=event.model,
                outcome="collected" if stored else "unchanged",
                head=event.head,
                level=event.level,
                commits=event.commits if isinstance(event, Stored) else None,
                changes=event.changes if isinstance(event, Stored) else None,
                first_uploads=event.first_uploads if isinstance(event, Stored) else None,
                parents=tuple(shown_id(key, session.hub.name) for key in event.parents),
                samples=_samples(event.samples) if isinstance(event, Stored) else None,
            )
        elif isinstance(event, NotRead):
            kept = not event.asked and event.reason in ("missing", "gated")
            yield CollectedModel(
                id=event.model,
                outcome="named" if kept else "failed",
                head=None,
                level=None,
                commits=None,
                changes=None,
                parents=(),
                detail=event.detail,
            )


def _samples(samples: Samples) -> CollectedSamples | None:
    """Write what was sampled of one model; None if nothing was to be sampled."""
    if not samples.by_digest and not samples.problems:
        return None
    taken = sum(bool(sample.sketch.tiles) for sample in samples.by_digest.values())
    return CollectedSamples(groups=taken, cost=samples.cost, not_sampled=samples.problems)


def incomplete(events: Iterable[Event]) -> Iterator[Incomplete]:
    """List the models that a collection could not read, or not whole, and why."""
    for event in events:
        if isinstance(event, Stored):
            for lack in event.lacks:
                yield Incomplete(model=event.model, reason="partial", detail=lack.detail, decides=lack.decides)
        if isinstance(event, NotRead):
            yield Incomplete(model=event.model, reason=event.reason, detail=with_hint(event.detail, event.hint))
        elif isinstance(event, Capped):
            for model in event.waiting:
                yield Incomplete(model=model, reason="limit", detail=event.limit)

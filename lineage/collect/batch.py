"""The batch of one model: what was read, as the records that one transaction writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import lineage
from lineage.collect.identity import with_identities
from lineage.collect.measured import keys_of_reading, measured_descent
from lineage.collect.names import publisher_of
from lineage.collect.next_versions import FreshReading, State, next_versions_of_reading
from lineage.collect.refs import present_refs
from lineage.collect.renamed import former_keys, former_models, moved_edges
from lineage.collect.trees import trees_of_line
from lineage.collect.unknown_files import unknown_files
from lineage.collect.vanished import vanished_changes, vanished_refs, vanished_revisions
from lineage.hub.revisions import is_commit_id
from lineage.versioning.commits import classify
from lineage_schemas.file_node import FileNode
from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.history import Commit, CommitFacts
from lineage_schemas.history_ref import RefKind
from lineage_schemas.ids import model_key, revision_key
from lineage_schemas.model import FirstFacts, Model, ModelObservations, ModelState, Observation, Publisher
from lineage_schemas.revision import Revision, Tree

if TYPE_CHECKING:
    from lineage.collect.members import KnownWeights
    from lineage.collect.names import Names
    from lineage.collect.reading import ModelReading
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView


def model_batch(
    reading: ModelReading, hub: Hub, names: Names, view: StoreView, now: datetime, known: KnownWeights
) -> GraphBatch:
    """Make the batch that updates the graph to what was read, and marks what is gone.

    Nothing recorded is deleted: commits, refs and changes that the Hub does not show any more are kept as vanished, if
    the history was read completely. The Hub's local cache holds only a part of what the Hub has: it adds weights to the
    record and removes nothing. The edges of other models that are related by weights are worked out again: `known` are
    the weights that were compared before.
    """
    key, model = reading.key, _model(reading, hub, now)
    if _knows_less(reading, view):
        return _contents(reading, view)
    model = with_identities(view, reading, model)
    aliases = names.aliases(reading.resolved)
    former = former_keys(view, aliases)
    moved = [edge for edge in moved_edges(view, former) if edge.child != key]
    revisions = tuple(_revision(key, commit) for commit in reading.history.commits)
    refs = tuple(present_refs(view, key, reading.history, former, now))
    changes = tuple(change for report in reading.lines for change in report.changes)
    whole = reading.history.incomplete is None
    unread: tuple[RefKind, ...] = () if reading.options.pull_requests else ("pull_request",)
    gone_refs = tuple(vanished_refs(view, key, {r.key for r in refs}, unread=unread)) if whole else ()
    present = {revision.key for revision in revisions}
    gone_revisions = tuple(vanished_revisions(view, key, present, unread=unread)) if whole else ()
    commits = {commit.id for commit in reading.history.commits}
    keys = keys_of_reading(view, reading)
    measured = measured_descent(view, known, reading, former, keys)
    apart = [edge for edge in moved if edge.child not in measured.children]
    gone_changes = vanished_changes(view, key, [report.line for report in reading.lines], commits) if whole else ()
    fresh = FreshReading(key, State(reading.snapshot.commit, model.declarations), reading.derivation.evidence)
    versions = next_versions_of_reading(view, fresh, former)
    return GraphBatch(
        models=(*former_models(view, former), model),
        stubs=tuple(_stubs(reading, names)),
        publishers=_publisher(model),
        refs=(*refs, *gone_refs),
        revisions=(*revisions, *gone_revisions),
        trees=tuple(_trees(reading)),
        files=tuple(_aliases(reading)),
        weights=reading.weights.weights,
        group_weights=reading.weights.group_weights,
        changes=(*changes, *gone_changes),
        replace_changes_of=(key,) if whole else (),
        evidence=(*reading.derivation.evidence, *measured.evidence, *versions.evidence),
        drop_evidence=measured.stale,
        derivations=(*apart, *measured.derivations),
        replace_derivations_of=(*measured.children, *former, *{edge.child for edge in apart}),
        match_keys=keys,
        replace_keys_of=tuple(each.weights for each in keys),
        related=measured.related,
        replace_related_of=(*measured.children, *former),
        next_versions=versions.edges,
        replace_next_versions_of=versions.of,
        attachments=(*_texts(reading), *reading.weights.attachments, *aliases, *_own_name(view, key)),
    )


def _own_name(view: StoreView, key: str) -> Iterator[Attachment]:
    """Let a name mean its own model again, if it redirected to another one before: the name was registered anew."""
    if view.attachment("alias", key) not in (None, key.encode()):
        yield Attachment(kind="alias", key=key, data=key.encode())


def _aliases(reading: ModelReading) -> Iterator[FileNode]:
    """Yield files of git LFS with the id of the git blob that holds the same bytes."""
    known = {blob: sha256 for report in reading.lines for blob, sha256 in report.aliases.items()}
    return (FileNode(key=f"sha256:{sha256}", alias=blob) for blob, sha256 in sorted(known.items()))


def _knows_less(reading: ModelReading, view: StoreView) -> bool:
    """Return whether the store has a history from the Hub itself while this reading is of its local cache."""
    node = view.nodes("Model", [reading.key]).get(reading.key) or {}
    return reading.history.source == "cache" and node.get("history_source") not in (None, "cache")


def _contents(reading: ModelReading, view: StoreView) -> GraphBatch:
    """Make a batch of the content of files, which is true whatever else is known.

    The cache lists a part of a revision's files, and may hold a part of its shards: if the store has the revision's
    files, they stay as the Hub listed them.
    """
    trees = tuple(_trees(reading))
    known = {edge.source for edge in view.edges("CONTAINS", [tree.revision for tree in trees], "out")}
    placed = reading.weights.group_weights
    keys = keys_of_reading(view, reading)
    return GraphBatch(
        match_keys=keys,
        replace_keys_of=tuple(each.weights for each in keys),
        trees=tuple(tree for tree in trees if tree.revision not in known),
        weights=reading.weights.weights,
        group_weights=tuple(each for each in placed if each.group.complete is not False or each.revision not in known),
        attachments=(*_texts(reading), *reading.weights.attachments),
    )


def _model(reading: ModelReading, hub: Hub, now: datetime) -> Model:
    snapshot, card = reading.snapshot, reading.snapshot.card or {}
    return Model(
        key=reading.key,
        hub=hub.name,
        id=snapshot.model,
        state=_state(reading),
        state_note=unknown_files(reading.snapshot),
        publisher=publisher_of(snapshot.model),
        head=snapshot.commit,
        level=reading.weights.level,
        level_asked=reading.options.level,
        budget=None if reading.weights.unreachable else reading.options.max_bytes,
        collected_by=lineage.__version__,
        history_source=reading.history.source,
        history_incomplete=reading.history.incomplete,
        licence=_words(card.get("license")) or _licence_tag(snapshot.tags),
        licence_name=_words(card.get("license_name")),
        licence_link=_words(card.get("license_link")),
        library_name=snapshot.library_name or _words(card.get("library_name")),
        pipeline_tag=snapshot.pipeline_tag or _words(card.get("pipeline_tag")),
        tags=snapshot.tags,
        aliases=(reading.resolved.asked,) if reading.resolved.asked != snapshot.model else (),
        observations=_observations(reading, now),
        collected_at=now,
        first=_first_facts(reading, now),
        single_folder=hub.is_single_folder,
        declarations=tuple(sorted(each.id for each in reading.derivation.evidence)),
    )


def _first_facts(reading: ModelReading, now: datetime) -> FirstFacts | None:
    """Return what tells this repository from another one under its name; the store keeps the first such reading."""
    snapshot = reading.snapshot
    facts = FirstFacts(
        created=snapshot.created, owner=publisher_of(snapshot.model), root_commit=_root(reading), observed_at=now
    )
    return None if facts == FirstFacts(observed_at=now) else facts


def _root(reading: ModelReading) -> str | None:
    """Return the first commit of the default branch's line; None if the line is cut, and for a folder without git."""
    line = reading.lines[0].line if reading.lines else None
    if line is None or line.branch != reading.history.default_branch or line.cut or not line.commits:
        return None
    root = line.commits[0].id
    return root if is_commit_id(root) else None


def _state(reading: ModelReading) -> ModelState:
    """Return `gated` if the Hub lists files but refuses to send them."""
    return "gated" if reading.weights.refused else "present"


def _words(value: Any) -> str | None:
    """Read a card field that publishers write as a text, or as a list of texts."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value if isinstance(item, str | int | float)) or None
    return str(value) if isinstance(value, str | int | float) and str(value).strip() else None


def _licence_tag(tags: tuple[str, ...]) -> str | None:
    """Read the licence from the Hub's tags if the card cannot be read."""
    found = [tag.removeprefix("license:") for tag in tags if tag.startswith("license:")]
    return ", ".join(found) or None


def _observations(reading: ModelReading, now: datetime) -> ModelObservations:
    snapshot = reading.snapshot

    def seen(value: str | int | bool | datetime | None) -> Observation | None:
        if value is None:
            return None
        return Observation(value=value.isoformat() if isinstance(value, datetime) else value, observed_at=now)

    return ModelObservations(
        created=seen(snapshot.created),
        last_modified=seen(snapshot.last_modified),
        downloads=seen(snapshot.downloads),
        likes=seen(snapshot.likes),
        gated=seen(snapshot.gated),
        family=seen(_words((snapshot.config or {}).get("model_type"))),
    )


def _publisher(model: Model) -> tuple[Publisher, ...]:
    if model.publisher is None:
        return ()
    return (Publisher(key=model_key(model.hub, model.publisher), hub=model.hub, name=model.publisher),)


def _revision(key: str, commit: Commit) -> Revision:
    fields = {name: getattr(commit, name) for name in CommitFacts.model_fields}
    # A plain folder has one state and no commit that could be of a kind.
    found = classify(commit.title, commit.message, commit.changes).category if is_commit_id(commit.id) else None
    return Revision(key=revision_key(key, commit.id), model=key, commit=commit.id, category=found, **fields)


def _stubs(reading: ModelReading, names: Names) -> Iterator[Model]:
    for name in reading.parents:
        stub = names.stub(name)
        if stub.key.lower() != reading.key.lower():
            yield stub


def _trees(reading: ModelReading) -> Iterator[Tree]:
    """Yield whole trees for the heads of refs and the ends of pushes, each once, and for the commit that was read."""
    key, seen = reading.key, set()
    heads = {ref.target for ref in reading.history.refs}
    for report in reading.lines:
        wanted = heads | {push.push.revisions[-1] for push in report.pushes}
        for tree in trees_of_line(report.line, key, wanted):
            if tree.revision not in seen:
                seen.add(tree.revision)
                yield tree
    own = revision_key(key, reading.snapshot.commit)
    if own not in seen:
        yield Tree(revision=own, entries=reading.snapshot.files)


def _texts(reading: ModelReading) -> Iterator[Attachment]:
    """Keep the small texts that answers quote, under the identity of their content: equal cards are kept once."""
    identities = {entry.path: entry.identity for entry in reading.snapshot.files}
    for path, data in sorted(reading.texts.items()):
        if identity := identities.get(path):
            yield Attachment(kind="text", key=identity, data=data)
    kept = {identities.get(path) for path in reading.texts}
    for identity, data in sorted(reading.cards.items()):
        if identity not in kept:
            yield Attachment(kind="text", key=identity, data=data)

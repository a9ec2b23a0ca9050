"""Whether a repository is the one that was recorded under its name, or another one that took the name over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lineage.collect.recorded import recorded_history
from lineage.collect.trees import trees_of_line
from lineage.errors import RevisionNotFoundError
from lineage.store.graph import NodeRow
from lineage.store.records import record_of
from lineage.versioning.line import Line, first_parent_line
from lineage_schemas.ids import revision_key
from lineage_schemas.model import FirstFacts

if TYPE_CHECKING:
    from lineage.collect.reading import ModelReading
    from lineage.store.interface import StoreView
    from lineage_schemas.history import History
    from lineage_schemas.model import Model

SAME_MOMENT = timedelta(seconds=1)
"""Dates of creation that differ by no more are one date, written in two ways."""


def with_identities(view: StoreView, reading: ModelReading, model: Model) -> Model:
    """Return the record of a model with the repository that had its name before, if the present one is another.

    The first facts are those of the repository that was recorded first: what is read of another one fills none of them.
    """
    node = view.nodes("Model", [reading.key]).get(reading.key)
    if node is None or not node.get("head"):
        return model
    known = record_of("Model", NodeRow(reading.key, node))
    replaced = _replaced(view, reading, known, model.first)
    if replaced is None and not known.former_identities:
        return model
    return model.model_copy(update={"first": None, "former_identities": (replaced,) if replaced else ()})


def _replaced(view: StoreView, reading: ModelReading, known: Model, now: FirstFacts | None) -> FirstFacts | None:
    """Return the repository that had the name at the last reading, if the present one is another; else None.

    The dates of creation decide if both are known. If not, it is another repository if its default branch begins with
    another commit, no recorded commit is in its history, and no commit of it has all the files of the recorded head,
    as a squash has. A folder has no commits, and the Hub client's cache shows a part of them: neither is compared.
    """
    if now is None or reading.history.source in ("folder", "cache"):
        return None
    recorded = recorded_history(view, reading.key)
    before = present_identity(known, recorded)
    if before.created is not None and now.created is not None:
        return before if abs(before.created - now.created) > SAME_MOMENT else None
    if recorded is None or not (_is_whole(recorded) and _is_whole(reading.history)):
        return None
    if before.root_commit is None or now.root_commit in (None, before.root_commit):
        return None
    commits = {commit.id for commit in reading.history.commits}
    if any(commit.id in commits for commit in recorded.commits):
        return None
    return None if _is_squashed(view, reading, recorded) else before


def present_identity(model: Model, recorded: History | None) -> FirstFacts:
    """Return what tells the repository of the last reading from others: the newest facts, not the first ones."""
    first = model.first or FirstFacts()
    seen = model.observations.created
    created = datetime.fromisoformat(seen.value) if seen is not None and isinstance(seen.value, str) else None
    is_first = not model.former_identities
    dates = [first.observed_at] if is_first else [seen.observed_at if seen else None]
    return FirstFacts(
        created=created or (first.created if is_first else None),
        owner=model.publisher,
        root_commit=_root(recorded) or (first.root_commit if is_first else None),
        observed_at=next((date for date in dates if date is not None), model.collected_at),
    )


def _is_whole(history: History) -> bool:
    """Return whether a history shows where its branches begin: a folder, the cache and a shallow clone do not."""
    return history.source not in ("folder", "cache") and history.incomplete is None


def _root(history: History | None) -> str | None:
    """Return the first commit of the default branch; None if it is not known."""
    line = _default_line(history) if history is not None and _is_whole(history) else None
    return line.commits[0].id if line is not None and not line.cut else None


def _default_line(history: History) -> Line | None:
    target = next((ref.target for ref in history.refs if ref.name == history.default_branch), None)
    if target is None or history.default_branch is None:
        return None
    try:
        return first_parent_line(history, history.default_branch, target)
    except RevisionNotFoundError:
        return None


def _is_squashed(view: StoreView, reading: ModelReading, recorded: History) -> bool:
    """Return whether a commit of the present default branch has exactly the files of the recorded one's head."""
    before = _default_line(recorded)
    present = next((each.line for each in reading.lines if each.line.branch == reading.history.default_branch), None)
    if before is None or present is None:
        return False
    head = revision_key(reading.key, before.commits[-1].id)
    files = {edge.name: edge.target for edge in view.edges("CONTAINS", [head], "out")}
    wanted = [commit.id for commit in present.commits]
    return bool(files) and any(
        {entry.path: entry.identity for entry in tree.entries} == files
        for tree in trees_of_line(present, reading.key, wanted)
    )

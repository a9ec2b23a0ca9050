"""Recorded histories: what the store holds of a model, for use without the Hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import lineage
from lineage.collect.options import CollectOptions
from lineage.hub.revisions import Meaning, is_default, is_full_id, may_be_id, meaning_of
from lineage.store.aliases import key_of_alias
from lineage.store.graph import NodeRow
from lineage.store.records import record_of
from lineage.versioning.tags import is_release_branch
from lineage_schemas.history import Commit, CommitFacts, History
from lineage_schemas.history_ref import HistoryRef
from lineage_schemas.ids import revision_key, split_model_key

if TYPE_CHECKING:
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView
    from lineage_schemas.model import Model
    from lineage_schemas.ref import Ref


def recorded_refs(view: StoreView, key: str) -> list[Ref]:
    """List the refs that a model had at the last collection, the default branch first."""
    refs = [record_of("Ref", row) for row in view.find("Ref", {"model": key})]
    return sorted((r for r in refs if not r.vanished), key=lambda r: (not r.is_default, r.name))


def recorded_tags(view: StoreView, keys: Iterable[str]) -> list[Ref]:
    """List every tag that was ever recorded under some keys of a model, also those that its Hub no longer has.

    Of a tag that several keys have, because the model was renamed, the last key's record is listed.
    """
    return [ref for ref in recorded_announcing(view, keys) if ref.kind == "tag"]


def recorded_announcing(view: StoreView, keys: Iterable[str]) -> list[Ref]:
    """List the refs that may announce a version: tags as in `recorded_tags`, and branches whose names are versions."""
    rows = {row.properties["name"]: row for key in keys for row in view.find("Ref", {"model": key})}
    refs = [record_of("Ref", rows[name]) for name in sorted(rows)]
    return [ref for ref in refs if ref.kind == "tag" or is_release_branch(ref)]


def recorded_history(view: StoreView, key: str) -> History | None:
    """Rebuild a model's history from its recorded revisions, vanished ones left out; None if there is none."""
    rows = [row.properties for row in view.find("Revision", {"model": key}) if not row.properties.get("vanished")]
    if not rows:
        return None
    refs, model = recorded_refs(view, key), view.nodes("Model", [key]).get(key) or {}
    commits = [
        Commit.model_validate(
            {"id": row["commit"], **{name: row[name] for name in CommitFacts.model_fields if name in row}}
        )
        for row in rows
    ]
    return History(
        model=split_model_key(key)[1],
        source=model.get("history_source") or "api",
        default_branch=next((ref.name for ref in refs if ref.is_default), None),
        refs=tuple(HistoryRef(name=ref.name, kind=ref.kind, target=ref.target) for ref in refs),
        commits=tuple(commits),
        incomplete=model.get("history_incomplete"),
    )


def recorded_as_asked(
    view: StoreView, hub: Hub, name: str, revision: str | None, options: CollectOptions
) -> Model | None:
    """Return the record of a model if reading it again would give the same, provided that no ref has moved.

    None if the reading was incomplete, if it used less deep options or another version's rules, if only the Hub's
    local cache was read, or if `revision` is not a recorded commit.
    """
    key = key_of_alias(view, hub.name, name) or hub.key(name)
    node = view.nodes("Model", [key]).get(key)
    if node is None or not node.get("head"):
        return None
    model = record_of("Model", NodeRow(key, node))
    whole = model.history_incomplete is None and model.history_source in _WHOLE_SOURCES
    is_complete = model.state == "present" and whole and model.collected_by == lineage.__version__
    return model if is_complete and _covers(model, options) and _is_recorded(view, key, revision) else None


def is_to_be_read_again(node: Mapping[str, Any], hub: Hub) -> bool:
    """Return whether a record was read from the Hub's local cache, and this Hub may have more now.

    The Hub itself always may, unless it is offline. The cache may if something was missing from it, which may have
    been downloaded since.
    """
    if node.get("history_source") != "cache":
        return False
    return not hub.offline if not hub.is_local else bool(node.get("state_note") or node.get("budget") is None)


_WHOLE_SOURCES = ("git-partial", "git-full", "api")


def _covers(model: Model, options: CollectOptions) -> bool:
    """Return whether weights were read at least as deep as they would be now."""
    if model.budget is None:
        return False
    if model.level_asked == options.level:
        return options.level is not None or model.budget >= options.max_bytes
    return model.level_asked == "full" or (model.level_asked is None and options.level != "full")


def _is_recorded(view: StoreView, key: str, revision: str | None) -> bool:
    """Return whether a revision means exactly one recorded commit."""
    return revision is None or is_default(revision) or recorded_meaning(view, key, revision).only is not None


def recorded_meaning(view: StoreView, key: str, text: str) -> Meaning:
    """Find the recorded commits of a model that a text means, also those that are gone from its Hub."""
    return meaning_of(text, recorded_refs(view, key), _commits_like(view, key, text))


def _commits_like(view: StoreView, key: str, text: str) -> Iterator[str]:
    """List the recorded commits that a text can mean; a full id needs only one look-up."""
    if is_full_id(text):
        if view.nodes("Revision", [revision_key(key, text.lower())]):
            yield text.lower()
    elif may_be_id(text):
        for row in view.find("Revision", {"model": key}):
            yield row.properties["commit"]

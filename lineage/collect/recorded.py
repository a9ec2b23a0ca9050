"""The history that the store remembers: what was collected, also where the Hub cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_schemas.ids import split_model_key
from lineage_schemas.ref import Ref
from lineage_schemas.revision import Commit, CommitFacts, History, HistoryRef

if TYPE_CHECKING:
    from lineage.store.interface import StoreView


def recorded_refs(view: StoreView, key: str) -> list[Ref]:
    """List the refs of a model that were there at the last collection, the default branch first."""
    refs = [Ref.model_validate({**row.properties, "key": row.key}) for row in view.find("Ref", {"model": key})]
    return sorted((r for r in refs if not r.vanished), key=lambda r: (not r.is_default, r.name))


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

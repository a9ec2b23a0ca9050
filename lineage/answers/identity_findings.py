"""Findings about names: a repository that is not the one that was recorded under its name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lineage.answers.findings import finding
from lineage.collect.identity import present_identity
from lineage.collect.recorded import recorded_history
from lineage.store.graph import NodeRow
from lineage.store.records import record_of
from lineage_schemas.answers.finding import Finding
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage.store.interface import StoreView
    from lineage_schemas.model import FirstFacts

_UNDATED = datetime.min.replace(tzinfo=UTC)


def reregistered(view: StoreView, key: str, node: Mapping[str, Any], shown: str) -> Iterator[Finding]:
    """Report that the name of a model belonged to another repository at an earlier reading."""
    if not node.get("former_identities"):
        return
    model = record_of("Model", NodeRow(key, dict(node)))
    now = present_identity(model, recorded_history(view, key))
    others = [each for each in model.former_identities if _facts(each) != _facts(now)]
    if not others:
        return
    before = max(others, key=lambda each: each.observed_at or _UNDATED)
    read = f" (first read on {before.observed_at:%Y-%m-%d})" if before.observed_at else ""
    yield finding(
        "name-reregistered",
        f"another repository had this name before{read}: it was {_described(before)}; the present one was "
        f"{_described(now)}",
        Pointer(model=shown, revision=model.head),
    )


def _facts(identity: FirstFacts) -> tuple[datetime | None, str | None]:
    return identity.created, identity.root_commit


def _described(identity: FirstFacts) -> str:
    created = f"created on {identity.created:%Y-%m-%d %H:%M} UTC" if identity.created else "created at an unknown date"
    root = identity.root_commit
    return f"{created} and begins with commit {root}" if root else created

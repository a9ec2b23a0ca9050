"""A ref of a history: a name at a commit, without what a store knows of it."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.record import Record

RefKind = Literal["branch", "tag", "pull_request", "convert"]


class HistoryRef(Record):
    """Point a name at a commit of a history."""

    name: str
    kind: RefKind
    target: str

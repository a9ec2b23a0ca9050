"""Refs: names that point at revisions."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.record import Record

RefKind = Literal["branch", "tag", "pull_request", "convert"]


class Ref(Record):
    """Point a name at a commit.

    `key` is `MODEL@refs/heads/main`; `name` the full ref name; `target` a commit id (tags are peeled).
    `is_default` marks the branch that HEAD names, which is not always `main`. `vanished` marks a ref that
    no longer exists on the Hub. `checked` is the commit up to which the branch was checked, by checks whose answers
    were written in full.
    """

    key: str
    model: str
    name: str
    kind: RefKind
    target: str
    is_default: bool = False
    vanished: bool = False
    checked: str | None = None

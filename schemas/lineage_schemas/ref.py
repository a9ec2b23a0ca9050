"""Refs: names that point at revisions, and the revisions that they pointed at before."""

from __future__ import annotations

from pydantic import AwareDatetime

from lineage_schemas.history_ref import RefKind
from lineage_schemas.record import Record


class FormerTarget(Record):
    """Keep a commit that a ref pointed at, with the dates of the first and the last reading that saw it there.

    The ref may have pointed there before the first and after the last of them: a Hub keeps no dates of its refs. A
    date is null if no dated reading is known, as for what a store of schema 1 recorded.
    """

    target: str
    first_read: AwareDatetime | None = None
    last_read: AwareDatetime | None = None


class Ref(Record):
    """Point a name at a commit.

    `key` is `MODEL@refs/heads/main`; `name` the full ref name; `target` a commit id (tags are peeled).
    `is_default` marks the branch that HEAD names, which is not always `main`. `vanished` marks a ref that
    no longer exists on the Hub. `checked` is the commit up to which the branch was checked, by checks whose answers
    were written in full.

    `since` is the date of the reading that found `target` here after another target or no ref; null if that reading
    had no date. `former` are the targets of earlier readings, one entry for each commit, in order of the commits: a
    store never drops one. `target` itself is among them if the ref returned to it, or if two readings at the same time
    found it first. So a ref has moved, as far as is known, if `former` names another commit.
    """

    key: str
    model: str
    name: str
    kind: RefKind
    target: str
    is_default: bool = False
    vanished: bool = False
    checked: str | None = None
    since: AwareDatetime | None = None
    former: tuple[FormerTarget, ...] = ()

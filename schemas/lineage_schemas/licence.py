"""Licences compared: which terms differ, and which side permits more."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.record import Record

TermName = Literal[
    "commercial_use",
    "derivatives",
    "attribution",
    "notice",
    "share_alike",
    "naming_duty",
    "acceptable_use",
    "user_threshold",
]

LicenceRelation = Literal["same", "narrower", "wider", "other", "unknown"]


class LicenceTerm(Record):
    """One term that differs; `relation` says what the second licence is relative to the first in this term alone.

    `before` and `after` are `yes`, `no`, `conditional` or `unknown`, for `user_threshold` also a number of users in a
    month. Where one of several licences may be chosen, their values are joined by `or`.
    """

    term: TermName
    before: str
    after: str
    relation: LicenceRelation


class LicenceComparison(Record):
    """What the second licence is relative to the first: `narrower` permits less or demands more, `wider` the reverse.

    `same` says that the terms do not differ; the texts may. `other` is narrower in one term and wider in another.
    `reason` says why the relation is `unknown`, and is null otherwise.
    """

    relation: LicenceRelation
    terms: tuple[LicenceTerm, ...] = ()
    reason: str | None = None

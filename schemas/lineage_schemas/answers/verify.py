"""The answer to `lineage verify`: whether local weights are those of a model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage_schemas.answers.answer import Answer, Notes
from lineage_schemas.digests import Digests
from lineage_schemas.record import Record
from lineage_schemas.unchecked import Unchecked

VerifyVerdict = Literal["equal", "reserialised", "different", "known", "not_known", "unchecked"]
"""Equal: same files. Reserialised: same parameters in different files. Different: other parameters. Without
`--against`: known (some recorded revision has these weights) or not_known."""


class Match(Record):
    """A known revision that holds these weights; `by` names the digest that is equal."""

    model: str
    revision: str
    group: str
    by: Literal["files", "weights", "content"]


class Difference(Record):
    """One file or tensor that differs; null on the side that does not have it."""

    what: str
    expected: str | None
    found: str | None


class VerifyAnswer(Answer):
    """Hold the comparison of a local folder or file with a model, or the search for a model with these weights.

    `summary` describes in one line how the tensors differ, null if they were not compared or do not differ. `matches`
    are the known revisions with these weights; in a comparison with a model, other revisions of that model. `lock` is
    the lock file whose model was compared, in the JSON only with `--lock`: then every file of the model counts.
    """

    path: str
    against: str | None
    revision: str | None
    verdict: VerifyVerdict
    digests: Digests
    summary: str | None = None
    matches: tuple[Match, ...]
    differences: tuple[Difference, ...]
    unchecked: tuple[Unchecked, ...]
    notes: Notes = ()
    lock: str | None = Field(default=None, exclude_if=lambda lock: lock is None)

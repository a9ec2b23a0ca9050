"""The answer to `lineage verify`: are these the weights that they are said to be?"""

from __future__ import annotations

from typing import Literal

from lineage_schemas.answers.answer import Answer
from lineage_schemas.change import Unchecked
from lineage_schemas.record import Record
from lineage_schemas.weights import Digests

VerifyVerdict = Literal["equal", "reserialised", "different", "known", "not_known", "unchecked"]
"""Equal: same files. Reserialised: same parameters in other files. Different: other parameters. Without
`--against`: known (some recorded revision has these weights) or not_known."""


class Match(Record):
    """A known revision that holds these weights; `by` names the digest that is equal."""

    model: str
    revision: str
    group: str
    by: Literal["files", "weights", "content"]


class Difference(Record):
    """One file or tensor that is not as it should be; null where that side lacks it."""

    what: str
    expected: str | None
    found: str | None


class VerifyAnswer(Answer):
    """Hold the comparison of a local folder or file with a model, or the search for the model that it is.

    `summary` says in one line how the tensors differ, null where they were not compared or do not.
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

"""The answer to `lineage compare`: how two models are related by their weights."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.answers.answer import Answer, Notes
from lineage_schemas.derivation import Method, Relation
from lineage_schemas.digests import Digests
from lineage_schemas.level import Level
from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record
from lineage_schemas.unchecked import Unchecked

CompareVerdict = Literal["same_weights", "derived", "related", "unclear", "unrelated", "not_comparable"]
"""Same weights: equal tensors, whatever files and names hold them. Derived: one was made from the other, and a rule
shows how. Related: they share weights through some ancestor, or one comes from the other and nothing shows how.
Unclear: the measured values allow both. Unrelated: they share no weights. Not comparable: no values of both were read
at the same places."""

Direction = Literal["a_from_b", "b_from_a", "unknown"]
RuleOutcomeWord = Literal["for", "against", "neutral", "not_applicable", "unchecked"]


class ComparedSide(Record):
    """Describe one side: a model at a commit or a file, its main weight group, and how its values were sampled.

    `sample` says what the sample covers, null if no values were sampled; with `unread=` it has no values of so many
    matrices or tensors of codes. `dtypes` counts tensors by dtype.
    """

    model: str
    revision: str | None
    group: str | None
    format: str | None
    level: Level | None
    digests: Digests | None
    sample: str | None
    method: str | None
    dtypes: dict[str, int] | None


class RuleOutcome(Record):
    """Report what one rule of evidence found: `value` is the number that its documentation explains.

    For and against are about the two models being related or made from each other. `detail` says it in words. `pointer`
    is where it shows best.
    """

    id: str
    outcome: RuleOutcomeWord
    value: float | None
    pointer: Pointer | None
    detail: str


class DeclaredBetween(Record):
    """One declaration of a side that names the other as its parent, and whether the weights agree with it.

    `agrees` is false if the weights deny it, null if they leave it open.
    """

    child: str
    parent: str
    relation: Relation | None
    rule: str
    pointer: Pointer
    agrees: bool | None
    reason: str


class CompareCost(Record):
    """What a comparison cost: bytes of weight files read, requests to Hubs, seconds.

    `ranges` are the parts of weight files that were requested for samples, which `requests` does not count.
    """

    bytes: int
    requests: int
    ranges: int = 0
    seconds: float


class CompareAnswer(Answer):
    """Hold the verdict on two models and what it rests on.

    `relation`, `method` and `direction` say how one was made from the other. If the verdict is `related`, they say what
    that would be if one was made from the other directly. `others` are the further models that were named.
    """

    a: ComparedSide
    b: ComparedSide
    others: tuple[ComparedSide, ...] = ()
    verdict: CompareVerdict
    relation: Relation | None
    method: Method
    direction: Direction
    confidence: float | None
    rules: tuple[RuleOutcome, ...]
    declared: tuple[DeclaredBetween, ...]
    cost: CompareCost
    unchecked: tuple[Unchecked, ...]
    notes: Notes = ()

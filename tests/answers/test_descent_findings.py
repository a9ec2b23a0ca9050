"""Each rule about a measured edge: a case that it finds, and one that looks alike and is not found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lineage.answers.descent_findings import UNKNOWN, BuiltOn, Weighed, about_edges, decided_by, is_foreign
from lineage.rules.descent import DESCENT_RULES
from lineage_schemas.answers.trace import TracedDerivation, TracedEvidence
from lineage_schemas.change import Change
from lineage_schemas.pointer import Pointer

MADE = datetime(2024, 5, 1, 12, tzinfo=UTC)


def evidence(rule: str, supports: bool | None, score: float | None = None, value: str | None = None) -> TracedEvidence:
    """Make one piece of evidence about a/child: from its card, or from its weights."""
    file = "README.md" if rule.startswith("card.") else None
    pointer = Pointer(model="a/child", revision="c" * 40, file=file, field="base_model" if file else None)
    return TracedEvidence(id=rule, rule=rule, supports=supports, pointer=pointer, value=value, score=score)


CARD = evidence("card.base_model", True, value="b/parent")
RELATED = evidence("numeric.cosine", True, 0.98, "median cosine 0.98")
FOREIGN = evidence("numeric.cosine", False, 0.001, "median cosine 0.001")
EQUAL = evidence("content.weights", True, 1.0, "the weights digests are equal")


def edge(status: str, *found: TracedEvidence, **fields: Any) -> TracedDerivation:
    """Make an edge from a/child to b/parent."""
    defaults: dict[str, Any] = {
        "child": "a/child", "parent": "b/parent", "relation": "finetune", "relation_declared": None,
        "method": "unknown", "status": status, "confidence": 0.9, "parent_revision": None, "child_revision": None,
        "evidence": found,
    }  # fmt: skip
    return TracedDerivation.model_validate({**defaults, **fields})


def change(verdict: str | None = "silent") -> Change:
    """Make a change of the parent's weights in June."""
    return Change.model_validate(
        {
            "key": "b/parent@main:d", "model": "b/parent", "branch": "main", "revisions": ["d" * 40], "base": None,
            "start": MADE + timedelta(days=31), "end": MADE + timedelta(days=31), "kind": "retrained",
            "verdict": verdict, "counts": True, "groups": [],
        }
    )  # fmt: skip


def found(
    about: TracedDerivation, weights: Mapping[str, Weighed] | None = None, base: BuiltOn = UNKNOWN
) -> dict[str, str]:
    """Return the messages of the findings about one edge, by rule."""
    return {each.id: each.message for each in about_edges([about], weights or {}, lambda _: base)}


NEARER = evidence("family.nearer_ancestor", None, 0.55, "c/between is nearer")
FINDS: dict[str, tuple[TracedDerivation, list[str]]] = {
    "declared-parent-unrelated": (edge("contradicted", CARD, FOREIGN, relation_declared="finetune"), ["0.001"]),
    "shares-no-weights": (edge("declared", CARD, FOREIGN, relation=None), ["without a relation"]),
    "undeclared-parent": (edge("inferred", RELATED), ["b/parent is not named", "finetune", "0.98"]),
    "wrong-relation": (
        edge("confirmed", CARD, evidence("numeric.requantised", True, 1.0), relation="quantized", method="gptq",
             relation_declared="finetune"),
        ["declared as finetune", "quantized (gptq)"],
    ),
    "copy-without-credit": (edge("inferred", EQUAL, relation=None, method="duplicate"), ["equal"]),
    "relative-declared-as-parent": (
        edge("contradicted", CARD, evidence("family.relative", False, 0.7, "c/third is nearer")), ["c/third is nearer"],
    ),
    "grandparent-declared-as-parent": (edge("indirect", CARD, RELATED, NEARER), ["c/between is nearer", "0.55"]),
    "child-declared-as-parent": (
        edge("contradicted", CARD, evidence("family.descendant", False, None, "made from it")), ["made from it"],
    ),
    "other-parents-explain-it": (
        edge("contradicted", CARD, evidence("family.others", False, None, "c/one and c/two explain it")),
        ["c/one and c/two explain it"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", FINDS)
def test_an_edge_has_the_finding_of_its_position_alone(rule: str) -> None:
    """Each wrong declaration is one finding, whose message has the models, the words and the number that decided."""
    wrong, words = FINDS[rule]
    messages = found(wrong)
    assert list(messages) == [rule]
    assert all(word in messages[rule] for word in [*words, "b/parent"])


QUANTISED: dict[str, Any] = {"relation": "quantized", "method": "gguf"}


@pytest.mark.parametrize(
    "right",
    [
        edge("confirmed", CARD, RELATED, relation_declared="finetune"),
        edge("confirmed", CARD, RELATED),
        edge("confirmed", CARD, RELATED, relation=None, relation_declared="finetune"),
        edge("confirmed", CARD, RELATED, relation="merge", method="lora_merge", relation_declared="finetune"),
        edge("confirmed", CARD, RELATED, relation=None, method="cast", relation_declared="quantized"),
        edge("confirmed", CARD, EQUAL, relation=None, method="duplicate"),
        edge("confirmed", CARD, evidence("numeric.requantised", True, 1.0), relation_declared="quantized", **QUANTISED),
        edge("declared", CARD, relation_declared="finetune"),
        edge("declared", CARD),
        edge("declared", CARD, evidence("numeric.cosine", None, 0.2), relation_declared="finetune"),
        edge("declared", evidence("project.declared", True), relation_declared="finetune"),
    ],
)
def test_a_right_or_unmeasured_declaration_is_not_found(right: TracedDerivation) -> None:
    """What agrees, what is usual, and what was not measured has no finding: unknown is not no."""
    assert found(right) == {}


def test_every_rule_about_edges_has_a_case() -> None:
    """A new rule needs a case here; dates, moved bases and licences have tests of their own."""
    own = {"licence-wider-than-ancestor", "parent-newer-than-child", "base-moved-on"}
    assert {rule.name for rule in DESCENT_RULES} == {*FINDS, *own}


@pytest.mark.parametrize(("days", "is_found"), [(1.5, True), (0.9, False), (-3, False)])
def test_a_parent_is_newer_by_more_than_a_wrong_clock(days: float, is_found: bool) -> None:
    """First weights of a parent count as newer from a day on, because clocks of publishers are wrong."""
    weights = {"a/child": Weighed(MADE), "b/parent": Weighed(MADE + timedelta(days=days))}
    assert ("parent-newer-than-child" in found(edge("declared", CARD), weights)) is is_found


@pytest.mark.parametrize("unknown", ["a/child", "b/parent"])
def test_without_a_date_nothing_is_newer(unknown: str) -> None:
    """A plain folder has no dates: its first weights are neither older nor newer."""
    dates = {"a/child": Weighed(MADE), "b/parent": Weighed(MADE + timedelta(days=99)), unknown: Weighed()}
    assert found(edge("declared", CARD), dates) == {}


@pytest.mark.parametrize(("how", "words"), [("declared", "(declared)"), ("inferred", "(inferred from the dates)")])
def test_a_base_moved_on(how: Any, words: str) -> None:
    """The message counts the changes, and says whether the revision before them is declared or inferred."""
    messages = found(edge("declared", CARD), base=BuiltOn("e" * 40, how, (change(),)))
    assert list(messages) == ["base-moved-on"]
    assert words in messages["base-moved-on"]
    assert "once" in messages["base-moved-on"]
    assert "retrained, silent" in messages["base-moved-on"]


def test_a_base_that_did_not_move_is_not_found() -> None:
    """Without a later change that counts, the revision that a child was built on is still the present one."""
    assert found(edge("declared", CARD), base=BuiltOn("e" * 40, "declared")) == {}


def test_a_contradicted_parent_neither_moves_nor_is_newer() -> None:
    """What the weights deny is no parent: its dates and changes say nothing about the child."""
    wrong, _ = FINDS["declared-parent-unrelated"]
    dates = {"a/child": Weighed(MADE), "b/parent": Weighed(MADE + timedelta(days=99))}
    assert list(found(wrong, dates, BuiltOn("e" * 40, "declared", (change(),)))) == ["declared-parent-unrelated"]


def test_the_pointer_is_where_the_parent_is_declared() -> None:
    """A finding about a declaration points to the card; one about an undeclared parent points to the model."""
    (declared,) = about_edges([FINDS["declared-parent-unrelated"][0]], {}, lambda _: UNKNOWN)
    assert (declared.pointer.file, declared.pointer.field) == ("README.md", "base_model")
    (undeclared,) = about_edges([FINDS["undeclared-parent"][0]], {}, lambda _: UNKNOWN)
    assert (undeclared.pointer.model, undeclared.pointer.file) == ("a/child", None)


def test_the_position_in_the_family_decides_before_similarity() -> None:
    """The deciding rule is the position, then an exact rule, then the cosine; None where only files were read."""
    decided = decided_by(FINDS["grandparent-declared-as-parent"][0])
    assert decided is not None
    assert (decided.rule, decided.score) == ("family.nearer_ancestor", 0.55)
    exact = decided_by(edge("confirmed", CARD, RELATED, evidence("numeric.rounded", True, 1.0)))
    assert exact is not None
    assert exact.rule == "numeric.rounded"
    assert decided_by(edge("declared", CARD)) is None


def test_a_relative_is_not_foreign() -> None:
    """Foreign are parents that share nothing; a sibling is contradicted, and shares most of its values."""
    assert is_foreign(FINDS["declared-parent-unrelated"][0])
    assert is_foreign(FINDS["shares-no-weights"][0])
    assert not is_foreign(FINDS["relative-declared-as-parent"][0])
    assert not is_foreign(edge("confirmed", CARD, RELATED))
    assert not is_foreign(edge("declared", CARD))

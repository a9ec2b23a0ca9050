"""From all evidence about a child to its edges, in any order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.derivation.combine.declared import RULE_RANKS, combine
from lineage.derivation.finding import make_evidence
from lineage_schemas.evidence import Evidence
from lineage_schemas.pointer import Pointer

CHILD = "me/child"

relations = st.sampled_from([None, "finetune", "adapter", "merge", "quantized"])
evidence = st.builds(
    lambda **fields: make_evidence(**fields),
    rule=st.sampled_from([*RULE_RANKS, "history.dates", "numeric.cosine"]),
    child=st.sampled_from([CHILD, CHILD, CHILD, "other/model"]),
    parent=st.sampled_from([None, CHILD, "a/one", "a/two"]),
    supports=st.sampled_from([True, False, None]),
    value=st.sampled_from([None, "x"]),
    pointer=st.sampled_from([Pointer(model=CHILD), Pointer(model=CHILD, file="lora/adapter_config.json")]),
    relation=relations,
    declared=st.booleans(),
    method=st.sampled_from(["unknown", "lora", "gptq", "hqq", "duplicate", "slerp"]),
    parent_revision=st.sampled_from([None, "c" * 40]),
    child_revision=st.sampled_from([None, "1" * 40]),
)


@given(st.lists(evidence, max_size=12).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_order_and_repetition_make_no_difference(both: tuple[list[Evidence], list[Evidence]]) -> None:
    """Any order of the same evidence, also with some of it twice, gives the same edges."""
    found, shuffled = both
    assert combine(CHILD, found) == combine(CHILD, shuffled) == combine(CHILD, [*shuffled, *found])


@pytest.mark.slow
@given(st.lists(evidence, max_size=12))
def test_edges_keep_all_evidence_about_them(found: list[Evidence]) -> None:
    """Each parent with a finding for it has one edge, which holds every finding about that parent and no other."""
    about = [e for e in found if e.child == CHILD and e.parent not in (None, CHILD)]
    edges = combine(CHILD, found)
    assert [edge.parent for edge in edges] == sorted({e.parent or "" for e in about if e.supports})
    for edge in edges:
        assert set(edge.evidence) == {e.id for e in about if e.parent == edge.parent}
        assert (edge.status, edge.confidence) == ("declared", None)
        if edge.relation_declared:
            assert edge.relation is not None


def test_findings_against_make_no_edge() -> None:
    """A finding against a parent, or one that only reports, makes no edge."""
    against = make_evidence(
        rule="history.dates", child=CHILD, parent="a/one", supports=False, value=None, pointer=Pointer(model=CHILD)
    )
    assert combine(CHILD, [against]) == ()

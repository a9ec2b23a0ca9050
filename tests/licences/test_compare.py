"""The order of licences: laws that hold for every expression, and cases of known licences."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.licences.compare import compare, wider_than_ancestor
from lineage.licences.parse import Licences, parse
from lineage.licences.table import licences
from lineage_schemas.licence import LicenceRelation

KNOWN = [licence.id for licence in licences() if "unknown" not in licence.values]

ALL = [licence.id for licence in licences()]

OPPOSITE: dict[LicenceRelation, LicenceRelation] = {
    "same": "same", "narrower": "wider", "wider": "narrower", "other": "other", "unknown": "unknown",
}  # fmt: skip


def expressions(names: list[str]) -> st.SearchStrategy[str]:
    """Draw SPDX expressions of a few licences."""
    return st.recursive(
        st.sampled_from(names),
        lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        max_leaves=4,
    )


KNOWN_LICENCES = expressions(KNOWN).map(parse)
SOME_LICENCES = expressions(ALL).map(parse)


@given(SOME_LICENCES)
def test_a_licence_is_the_same_as_itself(a: Licences) -> None:
    """The order is reflexive, also where terms of a known licence are unknown."""
    assert a.is_known
    assert compare(a, a).relation == "same"


@given(SOME_LICENCES, SOME_LICENCES)
def test_the_other_direction_is_the_opposite(a: Licences, b: Licences) -> None:
    """Narrower one way is wider the other way, for the whole and for each term."""
    there, back = compare(a, b), compare(b, a)
    assert back.relation == OPPOSITE[there.relation]
    swapped = [(term.term, term.after, term.before, OPPOSITE[term.relation]) for term in there.terms]
    assert [(term.term, term.before, term.after, term.relation) for term in back.terms] == swapped
    assert bool(there.terms) == (there.relation != "same")
    assert (there.reason is not None) == (there.relation == "unknown")


@given(KNOWN_LICENCES, KNOWN_LICENCES, KNOWN_LICENCES)
def test_narrower_is_transitive(a: Licences, b: Licences, c: Licences) -> None:
    """Where all terms are known, narrower than narrower is narrower, and no relation is unknown."""
    first, second, both = compare(a, b).relation, compare(b, c).relation, compare(a, c).relation
    assert "unknown" not in {first, second, both}
    if {first, second} <= {"narrower", "same"}:
        assert both == ("same" if first == second == "same" else "narrower")


@pytest.mark.slow
@given(expressions(ALL), expressions(ALL))
def test_and_narrows_and_or_widens(a: str, b: str) -> None:
    """Obeying another licence too never permits more; choosing from one more never permits less."""
    assert compare(parse(a), parse(f"{a} AND {b}")).relation in {"same", "narrower", "unknown"}
    assert compare(parse(a), parse(f"{a} OR {b}")).relation in {"same", "wider", "unknown"}


@pytest.mark.slow
@given(expressions(KNOWN), expressions(KNOWN), expressions(KNOWN))
def test_expressions_obey_the_laws_of_logic(a: str, b: str, c: str) -> None:
    """Order, repetition and distribution do not change what an expression permits."""
    equal = [
        (f"{a} AND {b}", f"{b} AND {a}"), (f"{a} OR {b}", f"{b} OR {a}"), (f"{a} OR ({a} AND {b})", a),
        (f"{a} AND ({a} OR {b})", a), (f"{a} AND ({b} OR {c})", f"({a} AND {b}) OR ({a} AND {c})"),
    ]  # fmt: skip
    for one, other in equal:
        assert compare(parse(one), parse(other)).relation == "same", (one, other)


@given(SOME_LICENCES, st.sampled_from(["AND", "OR"]), st.sampled_from(ALL))
def test_unknown_dominates(a: Licences, operator: str, known: str) -> None:
    """One licence that is not identified makes every comparison unknown, with the reason."""
    for unknown in (parse("an own licence"), parse(f"{known} {operator} an-own-licence"), parse(None), parse("other")):
        for found in (compare(a, unknown), compare(unknown, a), compare(unknown, unknown)):
            assert found.relation == "unknown"
            assert found.reason


@pytest.mark.parametrize(
    ("a", "b", "relation", "terms"),
    [
        ("mit", "apache-2.0", "same", []),
        ("apache-2.0", "cc-by-nc-4.0", "narrower", ["commercial_use"]),
        ("cc-by-nc-4.0", "cc-by-4.0", "wider", ["commercial_use"]),
        ("cc-by-nc-4.0", "cc-by-nc-nd-4.0", "narrower", ["derivatives"]),
        ("cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "other", ["derivatives", "share_alike"]),
        ("mit", "gpl-3.0", "narrower", ["share_alike"]),
        ("lgpl-3.0", "gpl-3.0", "narrower", ["share_alike"]),
        ("mit", "unlicense", "wider", ["attribution", "notice"]),
        ("llama2", "llama3", "narrower", ["naming_duty"]),
        ("llama3.1", "llama3.3", "same", []),
        ("tongyi-qianwen", "qwen", "narrower", ["naming_duty"]),
        ("creativeml-openrail-m", "openrail++", "same", []),
        ("mit", "creativeml-openrail-m", "narrower", ["share_alike", "acceptable_use"]),
        ("apache-2.0", "llama3.1", "narrower",
         ["commercial_use", "share_alike", "naming_duty", "acceptable_use", "user_threshold"]),
        ("cc-by-nc-4.0", "llama3", "other",
         ["commercial_use", "share_alike", "naming_duty", "acceptable_use", "user_threshold"]),
        ("apache-2.0", "mit OR gpl-3.0", "same", []),
        ("gpl-3.0", "mit OR gpl-3.0", "wider", ["share_alike"]),
        ("apache-2.0", "apache-2.0 AND cc-by-nc-4.0", "narrower", ["commercial_use"]),
        ("mit", "intel-research", "unknown", None),
        ("cc", "cc-by-4.0", "unknown", None),
        (["mit", "apache-2.0"], "mit", "same", []),
        (["mit", "cc-by-nc-4.0"], "mit", "unknown", None),
        (["mit", "cc-by-nc-4.0"], ["mit", "cc-by-nc-4.0"], "same", []),
        (["mit", "cc-by-nc-4.0"], "CC-BY-NC-4.0, MIT License", "same", []),
        (["mit", "cc-by-nc-4.0"], "gpl-3.0 AND cc-by-nc-4.0", "narrower", None),
    ],
)  # fmt: skip
def test_known_licences(a: Any, b: Any, relation: LicenceRelation, terms: list[str] | None) -> None:
    """Pairs of real licences have the relation and the terms that follow from their texts."""
    found = compare(parse(a), parse(b))
    assert found.relation == relation
    if terms is not None:
        assert [term.term for term in found.terms] == terms


def test_a_lower_threshold_is_narrower() -> None:
    """A licence that is free up to 100 million users is narrower in this term than one that is up to 700 million."""
    (term,) = (term for term in compare(parse("llama2"), parse("qwen")).terms if term.term == "user_threshold")
    assert (term.before, term.after, term.relation) == ("700000000", "100000000", "narrower")


def test_alternatives_that_differ_in_combination_are_told_apart() -> None:
    """A choice of two licences, each of which is free in one term, is narrower than one that is free in both."""
    found = compare(parse("cc0-1.0"), parse("cdla-permissive-2.0 OR etalab-2.0"))
    assert found.relation == "narrower"
    assert [(term.term, term.before, term.after) for term in found.terms] == [
        ("attribution", "no", "no or yes"),
        ("notice", "no", "no or yes"),
    ]


def test_known_terms_decide_where_unknown_ones_cannot_matter() -> None:
    """A known licence with unknown terms is wider than one that is narrower in everything that could be."""
    found = compare(parse("tongyi-qianwen-research AND exaone AND llama2"), parse("tongyi-qianwen-research"))
    assert found.relation == "wider"


@pytest.mark.parametrize(
    ("child", "ancestor", "relation", "terms"),
    [
        ("mit", "mit", None, []),
        ("cc-by-nc-4.0", "apache-2.0", None, []),
        ("apache-2.0", "cc-by-nc-4.0", "wider", ["commercial_use"]),
        ("llama3", "cc-by-nc-4.0", "wider", ["commercial_use"]),
        ("apache-2.0", "gemma", "wider", ["share_alike", "acceptable_use"]),
        ("mit", "intel-research", "wider", ["commercial_use"]),
        ("mit", "gpl-3.0 OR cc-by-nc-4.0", "wider", ["commercial_use", "share_alike"]),
        ("mit", "mit OR cc-by-nc-4.0", None, []),
        ("mit", "h-research", "unknown", None),
        ("mit", None, "unknown", None),
        ("other", "mit", "unknown", None),
        (["mit", "gpl-3.0"], "gpl-3.0", "unknown", None),
    ],
)
def test_a_child_that_permits_more_than_its_ancestor(
    child: Any, ancestor: Any, relation: str | None, terms: list[str] | None
) -> None:
    """A child's licence is marked if it is wider in a term; what cannot be decided is unknown, not clean."""
    found = wider_than_ancestor(parse(child), parse(ancestor))
    assert (found.relation if found else None) == relation
    if found and terms is not None:
        assert [term.term for term in found.terms] == terms

"""What a card declares is identified in any usual spelling, and nothing is guessed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.licences.compare import compare
from lineage.licences.parse import MAX_SHOWN, parse
from lineage.licences.table import licences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apache-2.0", "apache-2.0"), ("Apache-2.0", "apache-2.0"), ("APACHE-2.0", "apache-2.0"),
        ("Apache 2.0", "apache-2.0"), ("apache2", "apache-2.0"), ("Apache License, Version 2.0", "apache-2.0"),
        ("the Apache 2.0 licence", "apache-2.0"), ("MIT License", "mit"), ("mit", "mit"), ("  mit\n", "mit"),
        ("cc by nc 4.0", "cc-by-nc-4.0"), ("CC-BY-NC-4.0", "cc-by-nc-4.0"), ("cc_by_nc_sa_4.0", "cc-by-nc-sa-4.0"),
        ("CC0", "cc0-1.0"), ("cc by-sa", "cc-by-sa"), ("llama-3.1", "llama3.1"), ("Llama 3.1", "llama3.1"),
        ("META LLAMA 3 COMMUNITY LICENSE AGREEMENT", "llama3"), ("llama2", "llama2"), ("gpl3", "gpl-3.0"),
        ("GPLv3", "gpl-3.0"), ("GPL-3.0-or-later", "gpl-3.0"), ("GNU GPL v3", "gpl-3.0"), ("GPL-2.0+", "gpl-2.0"),
        ("GNU General Public License v3.0 or later", "gpl-3.0"), ("GNU Affero General Public License v3.0", "agpl-3.0"),
        ("BSD 3-Clause", "bsd-3-clause"), ("3-clause BSD license", "bsd-3-clause"), ("openrail++", "openrail++"),
        ("CreativeML Open RAIL-M", "creativeml-openrail-m"), ("Gemma Terms of Use", "gemma"), ("gpl", "gpl"),
    ],
)  # fmt: skip
def test_usual_spellings_are_identified(text: str, expected: str) -> None:
    """Letter case, separators, filler words and the form of a version do not matter."""
    found = parse(text)
    assert (found.ids, found.unidentified, found.reason) == ((expected,), (), None)


@pytest.mark.parametrize(
    "text",
    [
        "MIT-ish", "MIT, but not for military use", "MIT (modified)", "non-mit", "no license", "apache", "cc by 5.0",
        "llama", "Лицензия MIT", "proprietary", "see LICENSE", "my-own-licence", "modified-mit", "apache-2.0.1",
        "GPL-4.0", "MIT and/or Apache-2.0", "apache-2.0 cc-by-nc-4.0", "L0 OR L1", "-", "license", "bsl-1.1",
    ],
)  # fmt: skip
def test_other_texts_are_unknown(text: str) -> None:
    """A text with anything that is not in the table is not identified, and is kept as it was written."""
    found = parse(text)
    assert not found.is_known
    assert found.reason
    assert compare(found, found).relation == "unknown"


@pytest.mark.parametrize(
    ("value", "name", "link", "expected"),
    [
        ("other", "llama3.1", None, "llama3.1"),
        ("OTHER", "Llama 3.1 Community License", "LICENSE", "llama3.1"),
        ("other", "an own name", "https://huggingface.co/meta-llama/Llama-3.1-8B/blob/main/LICENSE", "llama3.1"),
        ("other", None, "https://ai.google.dev/gemma/terms", "gemma"),
        (None, "qwen-research", None, "qwen-research"),
        ("", None, "https://mistral.ai/licenses/MRL-0.1.md", "mrl"),
        ([], "mrl", None, "mrl"),
        (["other"], "nvidia-open-model-license", None, "nvidia-open-model-license"),
        ("apache-2.0", "llama3.1", None, "apache-2.0"),
    ],
)
def test_a_licence_of_its_own_is_found_by_name_or_link(
    value: Any, name: str | None, link: str | None, expected: str
) -> None:
    """The name and the link count where the value is `other` or missing, as on the Hub."""
    assert parse(value, name, link).ids == (expected,)
    assert parse(value, name, link).is_known


@pytest.mark.parametrize(
    ("name", "link"),
    [(None, None), ("seallms", None), (None, "LICENSE"), ("", ""), ("owkin-non-commercial", "LICENSE.md")],
)
def test_other_without_a_known_name_or_link_is_unknown(name: str | None, link: str | None) -> None:
    """A licence that only a file in the repository describes is not identified."""
    assert not parse("other", name, link).is_known


def test_a_name_and_a_link_that_disagree_are_unknown() -> None:
    """It is not decided which of two contradicting declarations is right."""
    found = parse("other", "qwen", "https://huggingface.co/Qwen/Qwen2.5-3B/blob/main/LICENSE")
    assert not found.is_known
    assert found.reason == "its name says qwen and its link leads to qwen-research"


def test_spdx_expressions_are_read() -> None:
    """Operators may be in any case, names may have spaces, AND binds more tightly than OR."""
    assert parse("Apache-2.0 OR MIT").ids == ("apache-2.0", "mit")
    assert parse("Apache 2.0 or MIT License").ids == ("apache-2.0", "mit")
    assert parse("(MIT)").ids == ("mit",)
    some = parse("MIT OR GPL-3.0-only AND cc-by-nc-4.0")
    assert some.readings == parse("mit OR (gpl-3.0 AND cc-by-nc-4.0)").readings
    assert some.readings != parse("(mit OR gpl-3.0) AND cc-by-nc-4.0").readings
    half = parse("mit OR something-else")
    assert (half.ids, half.unidentified, half.is_known) == (("mit",), ("something-else",), False)


def test_exceptions_relax_a_licence() -> None:
    """An exception of the table changes terms; one that is not there makes the licence unknown."""
    found = parse("GPL-2.0-only WITH Classpath-exception-2.0")
    assert found.ids == ("gpl-2.0 WITH Classpath-exception-2.0",)
    wider = compare(parse("gpl-2.0"), found)
    assert (wider.relation, [term.term for term in wider.terms]) == ("wider", ["share_alike"])
    assert not parse("GPL-2.0-only WITH Own-exception").is_known
    assert not parse("something WITH Classpath-exception-2.0").is_known


@pytest.mark.parametrize("text", ["mit OR", "OR", "mit) or (mit", "mit or or mit", "mit (apache-2.0)", "() and mit"])
def test_broken_expressions_are_unknown(text: str) -> None:
    """A text with operators that is not an expression is not identified in part."""
    found = parse(text)
    assert not found.is_known
    assert found.ids == ()


def test_a_list_has_two_readings() -> None:
    """A list of the Hub, and a store's text of one, can mean all of its licences or a choice."""
    listed, text = parse(["mit", "cc-by-nc-4.0"]), parse("mit, cc-by-nc-4.0")
    assert listed.ids == ("mit", "cc-by-nc-4.0")
    assert listed == text
    assert listed.readings == (*parse("mit AND cc-by-nc-4.0").readings, *parse("mit OR cc-by-nc-4.0").readings)
    assert parse(["mit"]) == parse("mit")
    assert parse(["mit", "MIT"]).ids == ("mit",)


@pytest.mark.parametrize("value", [None, "", "  ", [], ["", None]])
def test_nothing_declared_is_unknown(value: Any) -> None:
    """A model without a declared licence permits nothing that could be known."""
    found = parse(value)
    assert (found.text, found.reason) == (None, "no licence is declared")


HOSTILE: list[Any] = [
    " OR ".join(["mit"] * 10_000), " AND ".join(f"x{n}" for n in range(10_000)), "(" * 500 + "mit" + ")" * 400,
    "(" * 20 + "mit" + ")" * 20 + " OR mit", ["mit"] * 10_000, [["mit"]], [{"a": 1}], {"license": "mit"}, 3, 3.5, True,
    float("nan"), 10**5000 % 10**4000, "\ud800", "mit\udfff", "m" * 10_000_000, "\x00", "mit\x00", ["mit", 3], b"mit",
    object(), ",".join(["mit"] * 400), "," * 900, "a OR " * 30 + "b",
    " AND ".join(f"(a{n} OR b{n})" for n in range(15)),
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_values_are_bounded(value: Any) -> None:
    """What is too long, too deep or not a text is unknown with a short reason, at once."""
    start = time.perf_counter()
    found = parse(value, name=value, link=value)
    assert time.perf_counter() - start < 2
    assert not found.is_known
    assert len(found.text or "") <= 33 * (MAX_SHOWN + 3)
    assert found.reason
    assert len(found.reason) <= 4 * (MAX_SHOWN + 100)
    assert (found.text or "").encode() is not None
    assert "\n" not in found.reason


def test_many_known_alternatives_are_bounded() -> None:
    """An expression of many licences that are known is compared at once."""
    names = [licence.id for licence in licences()]
    text = " AND ".join(f"({a} OR {b})" for a, b in zip(names[:15], names[-15:], strict=True))
    start = time.perf_counter()
    assert compare(parse(text), parse("mit")).relation
    assert time.perf_counter() - start < 5


WORDS = st.sampled_from(
    ["mit", "MIT License", "other", "unknown", "AND", "or", "WITH", "(", ")", ",", "LLVM-exception", "x"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(WORDS).map(" ".join),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=6,
)


@pytest.mark.slow
@given(value=VALUES, name=VALUES, link=VALUES)
def test_any_value_of_a_card_is_read(value: Any, name: Any, link: Any) -> None:
    """Whatever a card holds, the result is known, or unknown with a reason, and can be written as UTF-8."""
    found = parse(value, name, link)
    assert found.readings
    assert found.is_known == (not found.unidentified and found.reason is None)
    for text in (found.text, found.reason, *found.ids, *found.unidentified):
        assert (text or "").encode() is not None
    assert parse(value, name, link) == found

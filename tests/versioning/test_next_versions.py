"""Which names are versions of each other, in which order, and which version comes before one."""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.versioning.next_versions import Link, in_order, links, places, predecessor
from lineage_schemas.next_version import NextVersion, VersionBasis
from tests.support.shared import SHARED, needs_shared

LABELS = Path(__file__).parents[1] / "data" / "names" / "version_pairs.csv"

NAMES = st.lists(
    st.sampled_from(["tuned", "Chat", "7b", "v1", "V2", "v0.1", "v1_5", "v2-rc1", "v3b", "2024", "v20240506", "GGUF"]),
    min_size=1,
    max_size=4,
).flatmap(lambda parts: st.sampled_from("-_.").map(lambda separator: separator.join(parts)))


def chain(*names: str) -> list[tuple[str, str]]:
    """Link names of one owner, as pairs."""
    return [(link.earlier, link.later) for link in links((name, name) for name in names)]


def pair(one: str, other: str) -> Link | None:
    """Put two models of one owner in order."""
    return in_order(*((key, key.rpartition("/")[2]) for key in (one, other)))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("tuned-v2", "tuned-v1", "tuned-v10"), [("tuned-v1", "tuned-v2"), ("tuned-v2", "tuned-v10")]),
        (("tuned", "Tuned_V1.5"), [("tuned", "Tuned_V1.5")]),
        (("a-v1-7b", "a-7b-v2"), []),
        (("a-v0.1", "a-v0.001"), [("a-v0.001", "a-v0.1")]),
        (("a-v1.5", "a-v1.5b", "a-v1.4"), [("a-v1.4", "a-v1.5"), ("a-v1.5", "a-v1.5b")]),
        (("a-v2", "a-v2-rc1", "a-v1"), [("a-v1", "a-v2-rc1"), ("a-v2-rc1", "a-v2")]),
        (("a-v1.0", "a_v1"), []),
        (("a-v1", "a_v1", "a-v2", "a_v2"), [("a-v1", "a-v2"), ("a_v1", "a_v2")]),
        (("a-v0.1-deprecated", "a-v0.2"), [("a-v0.1-deprecated", "a-v0.2")]),
        (("a-v0.2", "a-V2-3"), [("a-v0.2", "a-V2-3")]),
        (("a-v1_512", "a-v2"), []),
        (("a-v1_512", "a-v2_512"), [("a-v1_512", "a-v2_512")]),
        (("a-v2", "a-v20240506"), []),
        (("a-v20240506", "a-v20240601"), [("a-v20240506", "a-v20240601")]),
        (("v3", "v4"), [("v3", "v4")]),
        (("a-v1", "a-v1-GGUF", "a-7b-v1", "a"), [("a", "a-v1")]),
        (("m-v0.1-x-v1", "m-v0.1-x-v2", "m-v0.2-x-v2"), [
            ("m-v0.1-x-v1", "m-v0.1-x-v2"), ("m-v0.1-x-v2", "m-v0.2-x-v2"),
        ]),
    ],
)  # fmt: skip
def test_names_that_differ_in_the_version_are_linked_in_its_order(
    names: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    """Each name follows the greatest lower version of its series; formats, sizes and methods are not versions."""
    assert chain(*names) == expected


@given(st.lists(NAMES, unique=True, max_size=8), st.randoms())
def test_links_do_not_depend_on_the_order_and_have_no_cycles(names: list[str], chance: object) -> None:
    """The same names in any order give the same links, and no name leads back to itself within a series."""
    found = links((name, name) for name in names)
    shuffled = [*names]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert links((name, name) for name in shuffled) == found
    assert all((link.later, link.earlier) not in {(each.earlier, each.later) for each in found} for link in found)


@given(NAMES)
def test_a_name_is_read_whatever_it_is(name: str) -> None:
    """A name belongs to a series of its own, and no version of it is in front of the name without that version."""
    whole, *versions = places(name)
    assert whole.order is None
    assert all(place.order is not None for place in versions)


def test_the_labelled_pairs_are_found_and_the_others_are_not() -> None:
    """Of 155 pairs of one owner that the study's authors put together, versions are found and other things are not."""
    with LABELS.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] != "same"]
    found = {label: [pair(row["one"], row["other"]) is not None for row in rows if row["label"] == label]
             for label in {row["label"] for row in rows}}  # fmt: skip
    versions = found.pop("version")
    others = [hit for hits in found.values() for hit in hits]
    assert len(versions) == 111
    assert len(others) == 43
    assert sum(versions) / len(versions) >= 0.95
    assert sum(others) / len(others) <= 0.05


@pytest.mark.slow
@needs_shared
def test_all_names_of_the_study_are_linked_in_linear_time() -> None:
    """Among 52,227 names, without the list of pairs, the labelled versions are on one chain; others are not."""
    with (SHARED / "data" / "names" / "ptlm_52227.csv").open(encoding="utf-8") as file:
        names = sorted({row["model_name"] for row in csv.DictReader(file)})
    by_owner: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in names:
        owner, _, own = name.partition("/")
        by_owner[owner].append((name, own))
    started = time.process_time()
    after: defaultdict[str, list[str]] = defaultdict(list)
    for models in by_owner.values():
        for link in links(models):
            after[link.earlier].append(link.later)
    assert time.process_time() - started < 20, "about a second"
    with LABELS.open(encoding="utf-8") as file:
        rows = [
            row for row in csv.DictReader(file) if {row["one"], row["other"]} <= {*names} and row["label"] != "same"
        ]
    hits = {is_version: [_joined(after, row["one"], row["other"]) for row in rows
                         if (row["label"] == "version") == is_version] for is_version in (True, False)}  # fmt: skip
    assert len(hits[True]) > 70
    assert sum(hits[True]) / len(hits[True]) >= 0.95
    assert sum(hits[False]) / len(hits[False]) <= 0.05


def _joined(after: dict[str, list[str]], one: str, other: str) -> bool:
    """Return whether one of two models is a later version of the other, over any number of versions."""
    return other in _later(after, one) or one in _later(after, other)


def _later(after: dict[str, list[str]], start: str) -> set[str]:
    waiting, seen = [start], set[str]()
    while waiting:
        for later in after.get(waiting.pop(), ()):
            if later not in seen:
                seen.add(later)
                waiting.append(later)
    return seen


def edge(model: str, basis: VersionBasis, later: str = "o/m-v3") -> NextVersion:
    """Make an edge to a version."""
    return NextVersion(model=model, next=later, basis=basis)


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([], None),
        ([edge("o/m-v3", "name", "o/m-v4")], None),
        ([edge("o/m-v2", "name"), edge("o/m-v1", "config")], "o/m-v1"),
        ([edge("o/m-v2", "name"), edge("o/m-v1", "config"), edge("o/old", "declared")], "o/old"),
        ([edge("o/m_v2", "name"), edge("o/m-v2", "name")], "o/m-v2"),
    ],
)
def test_the_predecessor_is_the_one_that_is_declared_best(edges: Iterable[NextVersion], expected: str | None) -> None:
    """A card's declaration counts more than a config, and that more than a name."""
    found = predecessor(edges, "o/m-v3")
    assert (found and found.model) == expected


def test_names_without_end_cost_linear_time() -> None:
    """A hostile name with thousands of versions, and thousands of spellings of one version, take no long time."""
    started = time.process_time()
    assert len(places("-".join(f"v{number}" for number in range(60)))) > 60
    assert len(links((f"o/{number}", f"a{'-' * (number % 90)}v{number}") for number in range(5_000))) > 0
    assert time.process_time() - started < 20

"""What names say: segments, conventions, versions; measured on names that two people labelled."""

from __future__ import annotations

import csv
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import names
from lineage.hub.target import repository_id_problem
from lineage.versioning.names import MAX_CHARACTERS, parse_name
from lineage.versioning.naming.conforming import conforming
from lineage.versioning.naming.vocabulary import FILES, origin, rows, tools, vocabulary
from lineage.versioning.words import STUDY_NAME_VERSION
from tests.support.shared import SHARED, needs_shared

NAMES = SHARED / "data" / "names"


@pytest.mark.parametrize(
    ("name", "convention"),
    [
        ("Ferret_7B", "{identifier}{size}"),
        ("llama-2-7b", "{base-model}{size}"),
        ("llama7b-dpo", "{base-model}{size}{training-mechanism}"),
        ("whole-word-masking_bert", "{identifier}{base-model}"),
        ("roberta-base_imdb", "{base-model}{dataset}"),
        ("distilbert-base-uncased-finetuned-whatever", "{base-model}{variant-type}{dataset}"),
        ("Stella-13B-GPTQ", "{identifier}{size}{training-mechanism}"),
        ("gpt2-dpo-dutch", "{base-model}{training-mechanism}{language}"),
        ("opus-mt-en-to-it", "{base-model}{language}"),
        ("gemma-2b-it", "{base-model}{size}{training-mechanism}"),
        ("my_awesome_food_model", "{description}"),
        ("mail-classifier", "{task}"),
        ("run_2024-03-01", "{training-mechanism}{creation-date}"),
        ("bloom-560m-8bit", "{base-model}{size}{variant-type}"),
        ("probe_gpt2-ep-1.0-lr-1e-05", "{identifier}{base-model}{training-mechanism}"),
        ("results", "{identifier}"),
        ("模型-7B", "{identifier}{size}"),
        ("", ""),
        ("---", ""),
    ],
)
def test_a_name_is_read_as_ordered_segments(name: str, convention: str) -> None:
    """The convention lists the types of a name in the order in which they begin, and the owner is no part of it."""
    assert parse_name(name).convention == convention
    assert parse_name(f"some-owner-7b/{name}").convention == convention


@pytest.mark.parametrize(
    ("name", "own", "of_base"),
    [
        ("a/colours-v2", ("v2", "major", (2,)), []),
        ("a/colours-V1-0-GPTQ", ("V1-0", "minor", (1, 0)), []),
        ("a/colours_v1.2.3", ("v1.2.3", "patch", (1, 2, 3)), []),
        ("a/colours-0.1", ("0.1", "minor", (0, 1)), []),
        ("a/colours-2024-05-06", ("2024-05-06", "date", (2024, 5, 6)), []),
        ("mistralai/Mistral-7B-v0.1", ("v0.1", "minor", (0, 1)), []),
        ("a/Mistral-7B-v0.1-colours", None, ["v0.1"]),
        ("a/Mistral-7B-v0.1-GPTQ", None, ["v0.1"]),
        ("a/Mistral-7B-Instruct-v0.2-colours-v3", ("v3", "major", (3,)), ["v0.2"]),
        ("google/t5-v1_1-base", None, ["v1_1"]),
        ("microsoft/deberta-v3-base", None, ["v3"]),
        ("a/bert-base-finetuned-v2", ("v2", "major", (2,)), []),
        ("a/layoutlmv3-colours", None, []),
        ("a/llama-3.1-8b", None, []),
    ],
)
def test_the_version_of_the_base_is_not_the_models_own(
    name: str, own: tuple[str, str, tuple[int, ...]] | None, of_base: list[str]
) -> None:
    """A version after the base is the base's if the model adds something after it; its numbers are read."""
    parsed = parse_name(name)
    assert (parsed.version and parsed.version[:3]) == own
    assert [version.text for version in parsed.versions if version.of_base] == of_base


def test_missing_segments_are_the_four_that_the_study_asks_for() -> None:
    """Identifier, base model, size and training mechanism are asked for, in that order."""
    assert parse_name("a/colours").missing == ("base-model", "size", "training-mechanism")
    assert parse_name("a/colours-llama-7b-dpo").missing == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dpo_Llama-2-7b_colours-v2", "colours-Llama-2-7b-dpo-v2"),
        ("Mistral-7B-v0.1-colours", "colours-Mistral-v0.1-7B"),
        ("colours", "colours"),
        ("模型", None),
        ("", None),
    ],
)
def test_a_conforming_name_has_only_what_the_name_says(name: str, expected: str | None) -> None:
    """The segments are put in the recommended order, the base's version beside the base; no size is invented."""
    assert conforming(parse_name(name)) == expected


@pytest.mark.slow
@given(st.text(max_size=120) | st.from_regex(r"[A-Za-z0-9](?:[-_.]?[a-zA-Z0-9]{1,6}){0,12}", fullmatch=True))
def test_every_text_has_segments_that_are_parts_of_it(name: str) -> None:
    """Any text is read; each type occurs once, with a part of the name, and a conforming name invents nothing."""
    parsed = parse_name(name)
    assert len({segment.type for segment in parsed.segments}) == len(parsed.segments)
    for segment in parsed.segments:
        assert all(part in name for part in segment.text.split("…"))
    recommended = conforming(parsed)
    if recommended is not None:
        assert repository_id_problem(recommended) in (
            None,
            "it holds '--' or '..', or ends with '.git', which no repository id may",
        )
        assert set(re.findall("[A-Za-z0-9]", recommended)) <= set(name)


@pytest.mark.parametrize(
    "unit", ["a-", "v1.", "1", "\x00", "2024-01-", "lr", "en-to-", "llama-", "e5", "finetuned ", "1.1"]
)
def test_hostile_names_take_bounded_time(unit: str) -> None:
    """A megabyte is not split, and the longest name that is costs milliseconds."""
    start = time.perf_counter()
    assert [segment.type for segment in parse_name(unit * 1_000_000).segments] == ["others"]
    for _ in range(10):
        parse_name((unit * MAX_CHARACTERS)[:MAX_CHARACTERS])
    assert time.perf_counter() - start < 5


def test_vocabularies_name_their_source_and_date() -> None:
    """Each file says where its terms come from and when it was written, and no term is there twice."""
    for file in FILES:
        source, date = origin(file)
        assert source
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", date)
        terms = [row["term"] for row in rows(file)]
        assert len(terms) == len(set(terms)) > 30
        assert terms == [term.casefold() for term in terms]


def test_tools_of_names_and_of_commit_titles_are_the_same() -> None:
    """One vocabulary of tools serves names and commit titles, whatever separates the words of a term."""
    assert re.fullmatch(tools("tool"), "Auto GPTQ", re.IGNORECASE)
    assert vocabulary().words["autogptq"] == "training-mechanism"
    assert vocabulary().words["8bit"] == "variant-type"


@needs_shared
@pytest.mark.parametrize("part", [0, 1])
def test_labelled_names_are_read_as_two_people_read_them(part: int) -> None:
    """Both halves of the labelled names reach the figures of docs/concepts.md."""
    found = names.scores(names.halves(names.labelled(NAMES / "labelled_names.csv"))[part])
    assert found["all"] >= 0.80
    assert found["exact"] >= 0.47
    assert min(found["size"], found["base-model"], found["variant-type"]) >= 0.85
    assert found["version"] >= 0.80


@needs_shared
def test_the_studys_count_of_versions_in_names_is_reproduced() -> None:
    """3,471 of 52,227 names end in a version: 2,329 without a dot and 1,142 with one, of which 161 are vN.0."""
    with (NAMES / "ptlm_52227.csv").open(encoding="utf-8") as file:
        names = [row["model_name"] for row in csv.DictReader(file)]
    found = [match[1] for name in names if (match := STUDY_NAME_VERSION.search(name))]
    minor = [version for version in found if "." in version]
    assert (len(names), len(found), len(found) - len(minor), len(minor)) == (52_227, 3_471, 2_329, 1_142)
    assert sum(version.endswith(".0") for version in minor) == 161

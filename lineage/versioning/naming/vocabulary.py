"""The vocabularies of names: files beside this module, each with its source and date in its first lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import cast

from lineage_schemas.model_name import SegmentType

PLACE = "lineage.versioning.naming"

FILES = ("architectures.csv", "languages.csv", "quantisations.csv", "tasks.csv", "tools.csv", "words.csv")


@dataclass(frozen=True)
class Vocabulary:
    """Hold the terms that names are made of, in lower case, the pieces of a term joined by `-`.

    `families` gives the `model_type` of a term, `weak` are those that are words of their own as well. `words` gives the
    type of a term; `filler` and `merge` are words that form no segment themselves. `languages` gives a language's code
    for its names and codes; `language_names` are those that are not codes, `ambiguous` the
    codes that are mostly something else. `longest`
    gives for the first piece of a term how many pieces the longest term with this beginning has, where it is several.
    """

    families: Mapping[str, str]
    weak: frozenset[str]
    words: Mapping[str, SegmentType]
    fillers: frozenset[str]
    merges: frozenset[str]
    languages: Mapping[str, str]
    language_names: frozenset[str]
    ambiguous: frozenset[str]
    longest: Mapping[str, int]


@cache
def vocabulary() -> Vocabulary:
    """Read the vocabularies once."""
    architectures, languages = list(rows("architectures.csv")), list(rows("languages.csv"))
    words = {row["term"]: row["type"] for row in rows("words.csv")}
    words = {row["term"]: "task" for row in rows("tasks.csv")} | words
    words = {row["term"]: "training-mechanism" for row in rows("quantisations.csv")} | words
    words |= {spelling: row["role"] for row in rows("tools.csv") if row["role"] for spelling in _spellings(row["term"])}
    families = {row["term"]: row["model_type"] for row in architectures}
    return Vocabulary(
        families=families,
        weak=frozenset(row["term"] for row in architectures if row["alone"] == "no"),
        words={term: cast("SegmentType", type_) for term, type_ in words.items() if type_ not in ("filler", "merge")},
        fillers=frozenset(term for term, type_ in words.items() if type_ == "filler"),
        merges=frozenset(term for term, type_ in words.items() if type_ == "merge"),
        languages={row["term"]: row["code"] for row in languages},
        language_names=frozenset(row["term"] for row in languages if row["kind"] == "name"),
        ambiguous=frozenset(row["term"] for row in languages if row["kind"] == "ambiguous"),
        longest=_longest((*families, *words)),
    )


def _longest(terms: Iterable[str]) -> dict[str, int]:
    """Return for each first piece the number of pieces of the longest term that begins with it, from two on."""
    found: dict[str, int] = {}
    for term in terms:
        first, *others = term.split("-")
        if others:
            found[first] = max(found.get(first, 0), 1 + len(others))
    return found


def _spellings(term: str) -> tuple[str, str]:
    """Return a term as it is, and without its hyphens: `8-bit` and `8bit`."""
    return term, term.replace("-", "")


_GENERATION = re.compile(r"[-_ .]?v?[0-9]{1,2}(?:\.[0-9]{1,2})?$")


def family_of(text: str, *, exact: bool = False) -> str | None:
    """Return the `model_type` of a family's name as people write it: `Llama-2` is `llama`; None if it is none.

    With `exact` only a `model_type` itself counts, in any case: a tag such as `solar` may mean anything.
    """
    families = vocabulary().families
    term = text.partition("…")[0].casefold().replace("_", "-")[:64]
    if exact:
        return families[term] if families.get(term, "").replace("_", "-") == term and not _is_weak(term) else None
    while term:
        for spelling in (term, _GENERATION.sub("", term)):
            if spelling in families:
                return families[spelling]
        term = term.rpartition("-")[0]
    return None


def _is_weak(term: str) -> bool:
    return term in vocabulary().weak


@cache
def quantisation_terms() -> frozenset[str]:
    """Return the names of methods and types of quantisation, in lower case; training precisions are none."""
    precisions = {"f16", "f32", "bf16", "f64"}
    return frozenset(row["term"] for row in rows("quantisations.csv")) - precisions


def tools(kind: str) -> str:
    """Return a regular expression for the tools, or the precisions, that names and commit titles mention.

    A hyphen stands for any separator or none: `auto-gptq` is also `autogptq` and `auto gptq`.
    """
    terms = sorted((row["term"] for row in rows("tools.csv") if row["kind"] == kind), key=len, reverse=True)
    return "|".join(re.escape(term).replace(r"\-", "[-_ .]?") for term in terms)


def rows(name: str) -> Iterator[dict[str, str]]:
    """Read one vocabulary, without the lines that name its source and date."""
    text = (files(PLACE) / "vocabularies" / name).read_text("utf-8")
    yield from csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


def origin(name: str) -> tuple[str, str]:
    """Return the source and the date of a vocabulary, as its first lines give them."""
    source, date = (files(PLACE) / "vocabularies" / name).read_text("utf-8").splitlines()[:2]
    return source.removeprefix("# source: "), date.removeprefix("# date: ")

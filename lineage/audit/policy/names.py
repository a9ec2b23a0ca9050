"""Names that look like those of popular models: by their distance, and by characters that look alike.

The Hub's ids are ASCII, so that the look-alikes that it can have are those of ASCII: `1` and `l`, `0` and `o`, `rn` and
`m`. An id with letters of other scripts cannot exist there.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from lineage.audit.policy.facts import ModelFacts, Problem

TABLE = "popular.csv"

ALIKE = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("|", "l"), ("_", "-"))
"""Characters that look alike in usual fonts, in lower case; each is replaced by the second one before a comparison."""

SHORTEST = 5
"""Characters that an owner's name must have for a distance to mean something: `bert` and `best` are both words."""


def about_name(model: ModelFacts) -> Iterator[Problem]:
    """Find ids that look like those of popular models by another owner; of used models only."""
    if not model.used or model.owner is None:
        return
    for name in dict.fromkeys((model.id.rpartition(":")[2], *model.named)):
        found = looks_like(name)
        if found is not None:
            yield Problem("look-alike-name", f"{name} looks like {found[0]}: {found[1]}", model.pointer())


def looks_like(name: str) -> tuple[str, str] | None:
    """Return the popular model whose id a name may be mistaken for, and why; None if there is none.

    Owners are compared: a name under a popular owner is that owner's own, and models of one family differ by a digit.
    """
    owner, slash, rest = name.partition("/")
    if not slash or owner.casefold() in popular_owners():
        return None
    closest: tuple[int, int, str, str] | None = None
    for known, models in popular_owners().items():
        how = _alike(owner, known)
        if how is None:
            continue
        same = next((model for model in models if model.partition("/")[2].casefold() == rest.casefold()), None)
        rank = (0 if same else 1, how[0], same or models[0], how[1])
        closest = rank if closest is None or rank < closest else closest
    return None if closest is None else (closest[2], closest[3])


def _alike(owner: str, known: str) -> tuple[int, str] | None:
    """Return how much an owner's name looks like a popular one, and how; None if it does not."""
    if skeleton(owner) == skeleton(known):
        return 0, f"the owners {owner} and {known} differ by characters that look alike"
    if min(len(owner), len(known)) < SHORTEST or abs(len(owner) - len(known)) > 1:
        return None
    from rapidfuzz.distance import OSA  # a swap of two neighbours counts once, as in a typing error

    if OSA.distance(owner.casefold(), known, score_cutoff=1) <= 1:
        return 1, f"the owners {owner} and {known} differ by one character"
    return None


def skeleton(name: str) -> str:
    """Replace what looks alike by one form, so that two names that look the same are equal."""
    text = unicodedata.normalize("NFKC", name).casefold()
    for one, other in ALIKE:
        text = text.replace(one, other)
    return text.replace("-", "").replace(".", "")


@cache
def popular_owners() -> dict[str, tuple[str, ...]]:
    """Return the owners of popular models in lower case with their models, the most popular first."""
    found: dict[str, list[str]] = {}
    text = (files(__package__) / TABLE).read_text("utf-8")
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        found.setdefault(row["id"].partition("/")[0].casefold(), []).append(row["id"])
    return {owner: tuple(models) for owner, models in found.items()}

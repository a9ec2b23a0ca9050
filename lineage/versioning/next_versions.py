"""Versions that are repositories of their own: which names differ in a version only, and which version is the earlier.

Names are equal but for the segment with the version if one segment `v` and digits (`v2`, `v1.5`, `V0_1`) is taken out
of them and the rest is equal, ignoring case and separators. A name without such a segment comes before all versions.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from lineage.versioning.words import is_date
from lineage_schemas.next_version import NextVersion, VersionBasis

SEGMENT = re.compile(
    r"(?:(?<=[-_. ])|^)v(?P<numbers>\d+(?:\.\d+|_\d{1,2}(?!\d))*)(?P<letter>(?:(?<=[._]\d)|(?<=[._]\d\d))[a-d])?"
    r"(?:[-_.]?(?P<stage>alpha|beta|rc|pre|preview|dev)[-_.]?(?P<count>\d*))?(?=$|[-_. ])",
    re.IGNORECASE | re.ASCII,
)
"""`v2`, `v1.5`, `v0_1`, `v1.5b`, `v2-beta1`: a version that is a segment of its own; `_512` does not belong to it."""

HYPHENATED = re.compile(r"(?<=[-_. ])v(?P<numbers>\d{1,2}-\d{1,2})$", re.IGNORECASE | re.ASCII)
"""`V2-3` at the end of a name: version 2.3, or run 3 of version 2. It is read as both."""

PARTS = re.compile(r"[._-]")

SEPARATORS = re.compile(r"[-_. ]+")

WITHDRAWN = re.compile(r"[-_. ](?:deprecated|obsolete|superseded)(?=$|[-_. ])", re.IGNORECASE)
"""Words that publishers add to the name of an earlier version when they release the next one."""

STAGES = ("dev", "alpha", "beta", "pre", "preview", "rc", "")
"""What comes before a release, in order; the empty text is the release itself."""

BASES: tuple[VersionBasis, ...] = ("declared", "config", "name")
"""What a next version is known by, the strongest first."""

Order = tuple[tuple[tuple[int, int], ...], int, int, str]


class Series(NamedTuple):
    """Identify names that are equal but for the version: `rest` without it, `at` its place there.

    Dates and numbers are series of their own, because they cannot be compared. `at` is None for a name without a
    version: it belongs to every series with its rest.
    """

    rest: str
    at: int | None
    dated: bool = False


class Place(NamedTuple):
    """Hold one reading of a name: its series, the version as it is written and its order, the rest as it is written.

    `bare` is the rest without the separator before the version: a name without a version is written so.
    """

    series: Series
    written: str
    order: Order | None
    spelling: str
    bare: str


class Named(NamedTuple):
    """Name a model, by its key, with one reading of its name."""

    key: str
    place: Place


class Link(NamedTuple):
    """Name two models of which the names make `later` the next version after `earlier`, with what each name carries."""

    earlier: str
    later: str
    versions: tuple[str, str]


@lru_cache(maxsize=20_000)
def places(name: str) -> tuple[Place, ...]:
    """List the readings of a name: one without its version for each version that it carries, and the name itself."""
    name = WITHDRAWN.sub("", name)
    found = [*SEGMENT.finditer(name), *HYPHENATED.finditer(name)]
    return (Place(Series(_plain(name), None), "", None, name, name), *(_place(name, match) for match in found))


def _place(name: str, match: re.Match[str]) -> Place:
    head, tail = name[: match.start()], name[match.end() :]
    before = _plain(head)
    dated = is_date(PARTS.split(match["numbers"])[0])
    bare = head[:-1] + tail if head else tail[1:]
    return Place(Series(before + _plain(tail), len(before), dated), match[0], _order(match), head + tail, bare)


def _plain(text: str) -> str:
    """Take separators and case from a text."""
    return SEPARATORS.sub("", text).lower()


def _order(match: re.Match[str]) -> Order:
    """Make what sorts versions: by number, 0.001 before 0.1, 1.5 before 1.5b, 2-rc1 before 2."""
    fields = match.groupdict()
    parts = PARTS.split(match["numbers"])
    numbers = [(int(part), -(len(part) - len(part.lstrip("0"))) if i else 0) for i, part in enumerate(parts)]
    while len(numbers) > 1 and numbers[-1][0] == 0:
        numbers.pop()
    stage = (fields.get("stage") or "").lower()
    return tuple(numbers), STAGES.index(stage), int(fields.get("count") or 0), (fields.get("letter") or "").lower()


def series_of(name: str) -> Iterator[str]:
    """Yield the texts by which names of one series are found: the name without each of its versions, and whole."""
    return (rest for rest, _ in groupby(sorted(place.series.rest for place in places(name))))


def links(models: Iterable[tuple[str, str]]) -> list[Link]:
    """Find the next versions among models of one owner, given as pairs of a key and a name; each link once, in order.

    Each model follows the greatest lower version of its series, and of several spellings of that version the one with
    its own spelling, then the first by key. Time is that of sorting the names.
    """
    by_rest: defaultdict[str, list[Named]] = defaultdict(list)
    for key, name in models:
        for place in places(name):
            by_rest[place.series.rest].append(Named(key, place))
    found = (link for group in by_rest.values() if len(group) > 1 for link in _links_of(group))
    return sorted({(link.earlier, link.later): link for link in found}.values())


def _links_of(group: list[Named]) -> Iterator[Link]:
    """Link the names of one rest: each place of the version, dates apart from numbers."""
    plain = sorted(each for each in group if each.place.order is None)
    versioned = sorted((each for each in group if each.place.order is not None), key=_rank)
    for _, members in groupby(versioned, key=lambda each: each.place.series):
        before = plain
        for _, same in groupby(members, key=lambda each: each.place.order):
            versions = list(same)
            yield from (link for each in versions for link in _after(before, each))
            before = versions


def _rank(named: Named) -> tuple[Series, Order | None, str]:
    return named.place.series, named.place.order, named.key


def _after(before: list[Named], later: Named) -> Iterator[Link]:
    """Link a model with one of the spellings of the version before it."""
    others = [each for each in before if each.key != later.key]
    if others:
        same = (each for each in others if each.place.spelling in (later.place.spelling, later.place.bare))
        earlier = next(same, others[0])
        yield Link(earlier.key, later.key, (earlier.place.written, later.place.written))


def in_order(one: tuple[str, str], other: tuple[str, str]) -> Link | None:
    """Link two models of one owner whose names differ in the version only, whatever versions lie between them."""
    found = [*links([one, other])]
    return found[0] if found else None


def predecessor(edges: Iterable[NextVersion], model: str) -> NextVersion | None:
    """Choose the version before a model among its edges: the declared one, then the config's, then the name's.

    Of several the first by key. None if no edge leads to the model.
    """
    before = (edge for edge in edges if edge.next == model)
    return min(before, key=lambda edge: (BASES.index(edge.basis), edge.model), default=None)

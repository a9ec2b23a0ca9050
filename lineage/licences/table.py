"""The licences that are known, with their terms and the page that has their text: a table."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import get_args

from lineage.licences.lattice import Terms
from lineage.licences.spelling import key, link_key
from lineage_schemas.licence import TermName

TABLE = "licences.csv"

EXCEPTIONS = "exceptions.csv"

TERMS: tuple[TermName, ...] = get_args(TermName)
"""The terms, in the order of the table's columns."""


@dataclass(frozen=True)
class Licence:
    """One row: a licence, its terms in the order of `TERMS`, and the page that has its text.

    `spdx` are the identifiers of the SPDX list, `aliases` other spellings, `links` addresses of its text without
    their scheme, in which `*` stands for the rest of a name.
    """

    id: str
    title: str
    spdx: tuple[str, ...]
    values: tuple[str, ...]
    aliases: tuple[str, ...]
    links: tuple[str, ...]
    source: str
    note: str

    @property
    def names(self) -> tuple[str, ...]:
        """List what the licence is called; one that SPDX lists as "or later" may be called so everywhere."""
        names = (self.id, self.title, *self.spdx, *self.aliases)
        later = any(name.endswith("-or-later") for name in self.spdx)
        return (*names, f"{self.id}-or-later", f"{self.title}-or-later") if later else names

    @property
    def terms(self) -> Terms:
        """Return how much each term demands."""
        return Terms.of(self.values)


@dataclass(frozen=True)
class LicenceException:
    """One SPDX exception, and the values to which it relaxes terms of the licence before `WITH`."""

    id: str
    relaxes: tuple[tuple[TermName, str], ...]
    source: str


@cache
def licences() -> tuple[Licence, ...]:
    """Read the table, in its order."""
    return tuple(
        Licence(
            id=row["id"],
            title=row["title"],
            spdx=tuple(row["spdx"].split()),
            values=tuple(row[term] for term in TERMS),
            aliases=_several(row["aliases"]),
            links=_several(row["links"]),
            source=row["source"],
            note=row["note"],
        )
        for row in _rows(TABLE)
    )


@cache
def exceptions() -> tuple[LicenceException, ...]:
    """Read the table of exceptions, in its order."""
    return tuple(
        LicenceException(row["id"], tuple((term, row[term]) for term in TERMS if row[term]), row["source"])
        for row in _rows(EXCEPTIONS)
    )


def licence_named(text: str) -> Licence | None:
    """Look up an identifier or a name in any usual spelling; None if the table does not have it."""
    return _names().get(key(text))


def licence_at(link: str) -> Licence | None:
    """Look up the address of a licence's text: a page of a licence list, a vendor's page, a model's LICENSE file.

    None for all others, above all for a path such as `LICENSE`: its text is not read here.
    """
    found = link_key(link)
    if found is None:
        return None
    exact, patterns = _links()
    if found in exact:
        return exact[found]
    for start, end, licence in patterns:
        if found.startswith(start) and found.endswith(end) and "/" not in found[len(start) : len(found) - len(end)]:
            return licence
    host, _, path = found.partition("/")
    if host in _LICENCE_LISTS:
        return licence_named(path.rsplit("/", 1)[-1].removesuffix(".html").removesuffix(".txt"))
    return None


def exception_named(text: str) -> LicenceException | None:
    """Look up an exception, the part behind `WITH`; None if the table does not have it."""
    return next((each for each in exceptions() if key(each.id) == key(text)), None)


_LICENCE_LISTS = frozenset(
    {"spdx.org", "opensource.org", "choosealicense.com", "scancode-licensedb.aboutcode.org", "tldrlegal.com"}
)
"""Hosts whose addresses end with the licence's identifier."""


@cache
def _names() -> dict[str, Licence]:
    return {key(name): licence for licence in licences() for name in licence.names}


@cache
def _links() -> tuple[dict[str, Licence], tuple[tuple[str, str, Licence], ...]]:
    """Return the exact addresses, and those with a `*` as what stands before and after it."""
    exact, patterns = {}, []
    for licence in licences():
        for link in licence.links:
            address = link_key(link) or ""
            start, star, end = address.partition("*")
            if star:
                patterns.append((start, end, licence))
            else:
                exact[address] = licence
    return exact, tuple(patterns)


def _rows(name: str) -> Iterator[dict[str, str]]:
    """Read a table of this package, without the first lines, which begin with #."""
    lines = (files("lineage.licences") / name).read_text("utf-8").splitlines()
    return csv.DictReader(line for line in lines if not line.startswith("#"))


def _several(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)

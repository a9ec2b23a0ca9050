"""Names of licences that look like a known one and are none: `apache2-0` for `apache-2.0`."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from lineage.licences.parse import parse
from lineage.licences.table import licences

MIN_LIKENESS = 0.85
"""Share of equal letters, by difflib's ratio, from which two names with the same digits are likely the same."""

_OTHER = frozenset({"unlicensed"})
"""Names that are like a licence and mean another thing: npm calls what has no licence so."""

_NEITHER = re.compile(r"[^a-z0-9]+")


def is_known(name: str) -> bool:
    """Return whether a name, list or SPDX expression means only licences of the table."""
    return parse(name).is_known


def meant_instead(name: str) -> str | None:
    """Return the identifier that a name likely stands for; None for a known name and for one that is like none.

    Names whose digits differ are other versions (`cc-by-5.0`), and not misspelt, unless only the separators differ.
    """
    if is_known(name) or name.casefold() in _OTHER:
        return None
    plain = _NEITHER.sub("", name.casefold())[:100]
    best, likeness = None, MIN_LIKENESS
    for licence in licences():
        for known in (licence.id, *licence.spdx, *licence.aliases):
            other = _NEITHER.sub("", known.casefold())
            if other == plain:
                return licence.id
            if _digits(other) == _digits(plain):
                ratio = SequenceMatcher(None, plain, other, autojunk=False).ratio()
                if ratio > likeness:
                    best, likeness = licence.id, ratio
    return best


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))

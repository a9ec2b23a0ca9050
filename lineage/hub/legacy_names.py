"""Bare names of old, such as `gpt2`, and the ids that huggingface.co answers them with, as a table of the package's."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

TABLE = "legacy_names.csv"


class LegacyName(NamedTuple):
    """One line of the table: the id that stands for a bare name today, and where and of which month that is known."""

    canonical: str
    source: str
    date: str


def legacy_name(name: str) -> LegacyName | None:
    """Look a bare name up, in any letter case; None for every name that is not in the table.

    Only for where the Hub cannot be asked (a directory, the cache, offline): the Hub itself knows all such names, and
    its answer goes before the table.
    """
    return None if "/" in name else _table().get(name.lower())


@cache
def _table() -> dict[str, LegacyName]:
    """Read the table; its lines in front that begin with # name the sources."""
    lines = (files("lineage.hub") / TABLE).read_text("utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {row["bare"].lower(): LegacyName(row["canonical"], row["source"], row["date"]) for row in rows}

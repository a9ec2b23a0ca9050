"""Legacy names without an owner, such as `gpt2`, and the ids to which huggingface.co redirects them: a table."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

TABLE = "legacy_names.csv"


class LegacyName(NamedTuple):
    """One row of the table: the id to which a bare name redirects today, the source of that fact and its month."""

    canonical: str
    source: str
    date: str


def legacy_name(name: str) -> LegacyName | None:
    """Look up a bare name in any letter case; None if it is not in the table.

    Used only where the Hub cannot be asked (a directory, the cache, offline): the Hub itself knows all such names, and
    its answer takes precedence over the table.
    """
    return None if "/" in name else _table().get(name.lower())


@cache
def _table() -> dict[str, LegacyName]:
    """Read the table, without the first lines, which begin with # and name the sources."""
    lines = (files("lineage.hub") / TABLE).read_text("utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {row["bare"].lower(): LegacyName(row["canonical"], row["source"], row["date"]) for row in rows}

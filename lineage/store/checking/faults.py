"""What a check of a store reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lineage.errors import StoreError

CHUNK = 500
"""Rows that are checked together."""


class Fault(NamedTuple):
    """Report one fault.

    `rule` is the id of the rule that found it, `about` the key or edge concerned, `message` what is wrong.
    """

    rule: str
    about: str
    message: str


def readable(about: str, faults: Iterator[Fault]) -> Iterator[Fault]:
    """Yield faults; rows that cannot be read end them, and are one more."""
    try:
        yield from faults
    except StoreError as error:
        yield Fault("unreadable-rows", about, f"not all rows could be read and checked: {error.message}")

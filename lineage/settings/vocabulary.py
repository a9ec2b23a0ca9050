"""What a project file may name, which the settings do not know: they are below the rules and the Hub."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple


class MovableRule(NamedTuple):
    """Say what a project file may write for a rule: `name` is the rule's, `values` those that it may be moved to."""

    name: str
    values: tuple[str, ...]


class Vocabulary(NamedTuple):
    """Hold the rules, by name and by code in lower case, and why a text cannot be a model's id (None if it can).

    `formats` are those of weights; `licence_meant` returns the licence that a misspelt name stands for, else None.
    """

    rules: Mapping[str, MovableRule]
    model_problem: Callable[[str], str | None]
    formats: Collection[str]
    licence_meant: Callable[[str], str | None]

"""What all answers share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from lineage_schemas.record import Record

Notes = Annotated[tuple[str, ...], Field(exclude_if=lambda notes: not notes)]
"""Sentences beside the answer that change nothing in it; left out of the JSON if there are none."""


class Tool(Record):
    """Name the program that answered."""

    name: str = "model-lineage"
    version: str


class MovedRule(Record):
    """Name a rule that the project file moves: `value` is its severity there, or its level of versions."""

    id: str
    rule: str
    value: str


class UsedIgnore(Record):
    """Name an `[[ignore]]` of the project file with its line; `model` is as written there."""

    id: str
    rule: str
    model: str
    reason: str
    until: date | None
    line: int | None


class UsedParent(Record):
    """Name a parent that the project file declares; evidence of the rule `project.declared` points to it."""

    child: str
    parent: str
    relation: str | None
    reason: str


class UsedSettings(Record):
    """Report what an answer took from the project file `file`.

    `rules` are all rules that the file moves, `ignored` the ignores of findings in the answer, `expired` those whose
    findings count again because their last day is over. `models` are the models of the file that were checked because
    no target was named. `parents` are the parents that the file declares for models in the answer.
    """

    file: str
    rules: tuple[MovedRule, ...] = ()
    ignored: tuple[UsedIgnore, ...] = ()
    expired: tuple[UsedIgnore, ...] = ()
    models: tuple[str, ...] = ()
    parents: tuple[UsedParent, ...] = ()


class Answer(Record):
    """Hold the fields that every answer has.

    `schema` is the id of the JSON Schema of the answer. Model ids in an answer are bare `org/name`s on the answer's
    `hub`; only a model of another Hub has that Hub's prefix. `collected_at` is the time of the newest reading that
    the answer is based on; null if nothing was read from a Hub. `hub_asked` is false, and in the JSON only then, if no
    request was sent to `hub`: everything comes from the store or from folders on this machine. `settings` is what the
    answer took from a project file; null, and not in the JSON, if there was none.
    """

    schema_id: str = Field(alias="schema")
    tool: Tool
    hub: str | None
    collected_at: datetime | None
    hub_asked: bool = Field(default=True, exclude_if=lambda asked: asked)
    settings: UsedSettings | None = Field(default=None, exclude_if=lambda settings: settings is None)

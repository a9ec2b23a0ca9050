"""What all answers share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record

Severity = Literal["info", "warning", "error"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")
"""In rising order."""

Stride = Literal[
    "spoofing", "tampering", "repudiation", "information_disclosure", "denial_of_service", "elevation_of_privilege",
]  # fmt: skip
"""Microsoft's classes of threats, by which security reviews sort findings."""

IncompleteReason = Literal["gated", "missing", "offline", "unreachable", "rate_limited", "limit", "partial", "error"]
"""Offline: the Hub was not asked. Unreachable: it did not respond. Rate-limited: its rate limit was exceeded, and
`detail` says for how long. Limit: the question's own limit was reached. Partial: the model was read, but not all of its
files are at hand."""

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


class Ignored(Record):
    """Report why a project's settings ignore a finding, and until when they do."""

    reason: str
    until: date | None = None


class Finding(Record):
    """Report one problem that the user should look at, under a stable rule.

    `id` is the rule's name, `rule` its code, `help` the page of the documentation that explains it, `fix` what to do.
    `stride` is the class of threat, null if security is not affected. An `ignored` finding does not count.
    `moved_from` is the severity that it had before a project's settings moved its rule, null if they did not.
    """

    id: str
    rule: str
    severity: Severity
    stride: Stride | None
    message: str
    pointer: Pointer
    help: str
    fix: str
    ignored: Ignored | None = None
    moved_from: Severity | None = None


class NamedAt(Record):
    """Name the file, and the line in it, that named a model: a list of targets, a project file or a source.

    `file` is as the user wrote it. `column` is in the JSON only if it is known.
    """

    file: str
    line: int | None = None
    column: int | None = Field(default=None, exclude_if=lambda column: column is None)


class Incomplete(Record):
    """Report which model could not be followed, or not be read whole, and why.

    `decides` is false, and in the JSON only then, if what is missing does not decide the question.
    """

    model: str
    reason: IncompleteReason
    detail: str | None = None
    decides: bool = Field(default=True, exclude_if=lambda decides: decides)

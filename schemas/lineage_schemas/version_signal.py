"""Version signals: anything that announces a version or describes new weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record

VersionSignalKind = Literal["tag", "branch", "card_field", "name", "commit_title", "changelog", "doi"]
"""What makes a change versioned. A branch counts if its name is a version, such as `v1.0` or `release/2.0`."""

DocumentationKind = Literal["commit_message", "card_text", "changelog_text"]
"""What makes a change documented: a text about new weights, without a version."""

SuccessorKind = Literal["new_version"]
"""What names another repository as the next version. It announces nothing about the weights here."""


class VersionSignal(Record):
    """Describe one announcement: its kind, its text, and the revision that contains it.

    `pointer` names the branch or the card's field, for the kinds `branch` and `new_version`.
    """

    kind: VersionSignalKind | DocumentationKind | SuccessorKind
    value: str
    revision: str
    pointer: Pointer | None = Field(default=None, exclude_if=lambda pointer: pointer is None)

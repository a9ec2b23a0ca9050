"""Version signals: anything that announces a version or describes new weights."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.record import Record

VersionSignalKind = Literal["tag", "card_field", "name", "commit_title", "changelog", "doi"]
"""What makes a change versioned."""

DocumentationKind = Literal["commit_message", "card_text", "changelog_text"]
"""What makes a change documented: a text about new weights, without a version."""


class VersionSignal(Record):
    """Describe one announcement: its kind, its text, and the revision that contains it."""

    kind: VersionSignalKind | DocumentationKind
    value: str
    revision: str

"""Version signals: whatever announces a version or speaks of new weights."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.record import Record

VersionSignalKind = Literal["tag", "card_field", "name", "commit_title", "changelog", "doi"]
"""What makes a change versioned."""

DocumentationKind = Literal["commit_message", "card_text", "changelog_text"]
"""What makes a change documented: words about new weights, without a version."""


class VersionSignal(Record):
    """Tell one announcement: its kind, what it says, and the revision where it stands."""

    kind: VersionSignalKind | DocumentationKind
    value: str
    revision: str

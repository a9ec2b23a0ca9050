"""A listener for what a person would be told."""

from __future__ import annotations

from lineage.progress import Progress


class Notes(Progress):
    """Keep the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        """Keep a note."""
        self.notes.append(message)

"""A file's change between two trees."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.file import FileVersion
from lineage_schemas.record import Record

FileStatus = Literal["A", "M", "D"]
"""Added, modified, deleted: git's letters."""


class FileChange(Record):
    """Describe what a commit did to one path, compared with its first parent."""

    path: str
    status: FileStatus
    old: FileVersion | None = None
    new: FileVersion | None = None

"""Files: one version of a file's bytes, a file in a tree, and a file's change between two trees."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.bounded import Count
from lineage_schemas.record import Record

FileStatus = Literal["A", "M", "D"]
"""Added, modified, deleted: git's letters."""


class FileVersion(Record):
    """Identify the bytes of a file as far as the metadata allow.

    `blob_id` is the git object id (of the pointer text where the file is in LFS), `sha256` the digest of the
    content itself and known without reading for LFS and Xet files only. An absent `sha256` means unknown, not
    "kept in git". `size` counts bytes of content.
    """

    blob_id: str | None = None
    size: Count | None = None
    sha256: str | None = None

    @property
    def identity(self) -> str | None:
        """Name the content: `sha256:…` where known, else `gitblob:…`, else None."""
        if self.sha256:
            return f"sha256:{self.sha256}"
        return f"gitblob:{self.blob_id}" if self.blob_id else None


class FileEntry(FileVersion):
    """Hold a version of a file with its path in a tree."""

    path: str
    xet_hash: str | None = None


class FileChange(Record):
    """Describe what a commit did to one path, compared with its first parent."""

    path: str
    status: FileStatus
    old: FileVersion | None = None
    new: FileVersion | None = None


class FileNode(Record):
    """Keep one file content in the graph.

    `alias` is the git blob id of the same content, once both ids are known.
    """

    key: str
    size: Count | None = None
    alias: str | None = None

"""Files: one version of a file's bytes, and a file in a tree."""

from __future__ import annotations

from lineage_schemas.bounded import Count
from lineage_schemas.record import Record


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

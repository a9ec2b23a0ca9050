"""One repository on this machine: what a local Hub needs of it, whatever its layout."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from pathlib import Path

from lineage.errors import FileNotInRevisionError
from lineage.hub.revisions import NamedCommit
from lineage_schemas.file import FileEntry
from lineage_schemas.revision import History, HistoryRef

ByteChunks = Generator[bytes, None, None]


class LocalRepository(ABC):
    """Read one model's repository; errors are the kinds of the Hub interface."""

    model: str

    @abstractmethod
    def resolve(self, revision: str | None) -> NamedCommit:
        """Find the commit that a revision means by the rules of `lineage.hub.revisions`."""

    @abstractmethod
    def refs(self) -> tuple[HistoryRef, ...]:
        """List branches and tags."""

    @abstractmethod
    def files(self, commit: str) -> Mapping[str, FileEntry]:
        """List the files of a commit by path, in order of path."""

    @abstractmethod
    def history(self, *, pull_requests: bool) -> History:
        """Read every commit."""

    @abstractmethod
    def local_path(self, commit: str, path: str) -> Path | None:
        """Find the file that holds exactly these bytes, None where they are only inside git."""

    @abstractmethod
    def chunks(self, commit: str, path: str) -> ByteChunks:
        """Read the bytes of a file for which there is no path."""

    def problems(self, commit: str) -> dict[str, str]:
        """Tell which files of the commit were passed over, and why."""
        return {}

    def entry(self, commit: str, path: str) -> FileEntry:
        """Find one file of a commit. Raises FileNotInRevisionError."""
        entry = self.files(commit).get(path)
        if entry is None:
            problem = self.problems(commit).get(path)
            reason = f": {problem}" if problem else ""
            raise FileNotInRevisionError(f"{self.model}@{commit}: there is no file {path}{reason}", model=self.model)
        return entry

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """End child processes."""

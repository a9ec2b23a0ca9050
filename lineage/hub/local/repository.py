"""One repository on this machine: what a local Hub needs of it in every layout."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from lineage.errors import FileNotInRevisionError, with_hint
from lineage.hub.revisions import NamedCommit
from lineage_schemas.file import FileEntry
from lineage_schemas.history_ref import HistoryRef

if TYPE_CHECKING:
    from lineage_schemas.history import History

ByteChunks = Generator[bytes, None, None]


class Lack(NamedTuple):
    """Say why the bytes of a listed file are not here, and what fetches them."""

    reason: str
    hint: str | None = None

    def __str__(self) -> str:
        return with_hint(self.reason, self.hint)


class Listing(NamedTuple):
    """List the files of a commit, as far as they are known here.

    `partial` says why files may be missing from the list, None where it is complete; `known_absent` are paths that such
    a list knows not to exist. `lacks` names listed files without bytes, `problems` files that could not be read and
    whose identity is therefore unknown: these are not in `files`. `changed_on_disk` says how the files of a work tree
    differ from the commit that is checked out.
    """

    files: Mapping[str, FileEntry]
    partial: str | None = None
    known_absent: frozenset[str] = frozenset()
    lacks: Mapping[str, Lack] = MappingProxyType({})
    problems: Mapping[str, str] = MappingProxyType({})
    changed_on_disk: Mapping[str, str] = MappingProxyType({})


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
    def listing(self, commit: str) -> Listing:
        """List the files of a commit, in order of path. Raises RevisionNotFoundError, HubUnreachableError."""

    @abstractmethod
    def history(self, *, pull_requests: bool) -> History:
        """Read every commit."""

    @abstractmethod
    def local_path(self, commit: str, path: str) -> Path | None:
        """Find the file that holds exactly these bytes, None where git keeps them. Raises FileNotInRevisionError."""

    @abstractmethod
    def chunks(self, commit: str, path: str) -> ByteChunks:
        """Read the bytes of a file that git keeps."""

    def entry(self, commit: str, path: str) -> FileEntry:
        """Find one file of a commit whose bytes are not known to be absent. Raises FileNotInRevisionError."""
        listing = self.listing(commit)
        entry, lack = listing.files.get(path), listing.lacks.get(path)
        if lack is not None:
            raise FileNotInRevisionError(f"{path}: {lack.reason}", model=self.model, hint=lack.hint)
        if entry is None:
            problem = listing.problems.get(path)
            what = f"{path}: {problem}" if problem else f"{self.model}@{commit}: there is no file {path}"
            raise FileNotInRevisionError(what, model=self.model)
        return entry

    def close(self) -> None:  # noqa: B027 - most implementations have nothing to close
        """End child processes."""

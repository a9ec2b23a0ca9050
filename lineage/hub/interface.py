"""The interface of every Hub: the Hugging Face Hub, a directory of models, one folder, the client's cache."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from lineage.errors import TextTooLongError
from lineage.file_chunks import FilePass, ReadWhole
from lineage_schemas.cost import Cost
from lineage_schemas.history_ref import HistoryRef
from lineage_schemas.ids import model_key
from lineage_schemas.snapshot import ResolvedRevision, Snapshot

if TYPE_CHECKING:
    from lineage_schemas.history import History

MAX_TEXT_BYTES = 10_000_000
"""Texts (cards, changelogs, configs, indexes, recipes, commit messages) are read up to this size: whole, or not."""


def too_long(size: int | None) -> str:
    """Return why a text is not read; `size` is None if the text is only known to be too long."""
    length = "it has more" if size is None else f"{size:,} bytes are more"
    return f"{length} than the {MAX_TEXT_BYTES:,} bytes that are read of a text"


Range = tuple[int, int]
"""Start and length of a part of a file, in bytes."""


def check_ranges(ranges: Sequence[Range]) -> None:
    """Raise ValueError for a range that no file has."""
    if any(start < 0 or length < 0 for start, length in ranges):
        raise ValueError("the start and the length of a range must be 0 or more")


class PresentRefs(NamedTuple):
    """Hold the commits of a model's branches and tags now; `model` is the name under which the Hub answered."""

    model: str
    refs: tuple[HistoryRef, ...]


class SecurityScan(NamedTuple):
    """Hold the result of a Hub's scans of a model: whether they are done, and files with the level of the issue."""

    done: bool | None
    files: tuple[tuple[str, str], ...]


class Hub(ABC):
    """Read repositories of models.

    Every read takes a commit, never a branch: `resolve` first. Every foreign error is wrapped into a kind of
    `lineage.errors.HubError`. `name` is the Hub's part of model keys; `is_local` says that bytes cost nothing
    here, so that weights are read in full. `offline` hubs answer from what is stored on this machine and raise
    HubUnreachableError for the rest. `is_single_folder` marks a Hub that is one folder, named by its path: its model
    belongs to no Hub of several models.
    """

    name: str
    is_local: bool
    offline: bool = False
    is_single_folder: bool = False

    def key(self, model: str) -> str:
        """Make the graph key of a model of this Hub."""
        return model_key(self.name, model)

    @abstractmethod
    def resolve(self, model: str, revision: str | None = None) -> ResolvedRevision:
        """Resolve a name to the canonical id and a commit.

        `lineage.hub.revisions` has the rules for `revision`, the same for all Hubs; None means the default branch.
        Raises ModelNotFoundError, GatedError, RevisionNotFoundError, HubUnreachableError.
        """

    def refs(self, model: str) -> PresentRefs | None:
        """Return the commits of branches and tags only; None if that costs as much as reading everything.

        Raises as `resolve` does.
        """
        return None

    @abstractmethod
    def snapshot(self, resolved: ResolvedRevision) -> Snapshot:
        """List the files of a commit with identities and sizes, its card, config and what the Hub observes."""

    def paths(self, resolved: ResolvedRevision) -> tuple[str, ...]:
        """List the paths of a commit's files, without more requests than a Hub needs for that alone."""
        return tuple(entry.path for entry in self.snapshot(resolved).files)

    @abstractmethod
    def history(self, model: str, *, pull_requests: bool = False, known: History | None = None) -> History:
        """Read every commit of all branches and tags, on request of pull requests too.

        `known` is what was read before: a Hub that needs a request for each commit asks only for the new ones.
        """

    @abstractmethod
    def read(self, model: str, commit: str, path: str, start: int = 0, length: int | None = None) -> bytes:
        """Read bytes of one file at a commit; fewer than `length` only at the file's end.

        Of a file in LFS its content is read. Raises FileNotInRevisionError if the file or the object is missing.
        """

    def read_ranges(self, model: str, commit: str, path: str, ranges: Sequence[Range]) -> list[bytes]:
        """Read several parts of one file, in the order asked; they may overlap and need not be sorted.

        A part is shorter than asked only where the file ends. Remote Hubs read several parts at a time and need less
        requests than one `read` a part. Raises what `read` raises, and ValueError for a negative number; then no part
        is returned.
        """
        check_ranges(ranges)
        return [self.read(model, commit, path, start, length) for start, length in ranges]

    def read_text(self, model: str, commit: str, path: str, size: int | None = None) -> bytes:
        """Read a whole text; `size` is its size in the commit, if that is known.

        Raises TextTooLongError beyond MAX_TEXT_BYTES, and what `read` raises. A part of a text is never returned: what
        the rest declares would count as not declared.
        """
        if size is None or size <= MAX_TEXT_BYTES:
            data = self.read(model, commit, path, 0, MAX_TEXT_BYTES + 1)
            if len(data) <= MAX_TEXT_BYTES:
                return data
        raise TextTooLongError(f"{model}@{commit}: {path}", too_long(size), model=model)

    def read_text_here(self, model: str, commit: str, path: str, size: int | None = None) -> bytes:
        """Read a whole text without a request: older texts that no answer needs are not worth one.

        A remote Hub raises HubUnreachableError for a text that is not on this machine. Raises as `read_text` does.
        """
        return self.read_text(model, commit, path, size)

    @abstractmethod
    def stream(self, model: str, commit: str, path: str) -> Iterator[bytes]:
        """Read one file whole, in chunks, in constant memory."""

    @abstractmethod
    def list_models(
        self, *, author: str | None = None, base: str | None = None, limit: int | None = None
    ) -> Iterator[str]:
        """List ids of models, of one author, or of those that declare `base` as their parent."""

    def security_scan(self, model: str, commit: str) -> SecurityScan | None:
        """Return what the Hub's scanners found in a model's files; None if this Hub does not scan, or does not say.

        One request on a remote Hub. Raises as `resolve` does.
        """
        return None

    def is_verified(self, publisher: str) -> bool | None:
        """Return whether the Hub verified a publisher; None if it does not say. One request on a remote Hub."""
        return None

    def local_path(self, model: str, commit: str, path: str) -> Path | None:
        """Return the path of a local file with exactly these bytes, or None: reading it is the fastest way."""
        return None

    def hash_with(self, read: ReadWhole) -> None:  # noqa: B027 - a Hub that hashes nothing need not know
        """Let `read` hash the files that this Hub hashes to list them, so that one pass over a file serves both."""

    def known_pass(self, place: Path) -> FilePass | None:
        """Return what this Hub has computed from the bytes of a file of `local_path`, or None.

        It is not what a pointer claims, so that the caller need not compute it again. Without `hash_with` it is the
        SHA-256 alone.
        """
        return None

    def cost(self) -> Cost:
        """Count the requests and bytes of file content that this Hub has cost since it was opened."""
        return Cost()

    @abstractmethod
    def close(self) -> None:
        """Close connections and end child processes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

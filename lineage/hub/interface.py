"""What every Hub can do, whatever stands behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from lineage.errors import TextTooLongError
from lineage_schemas.ids import model_key
from lineage_schemas.revision import History, HistoryRef
from lineage_schemas.snapshot import ResolvedRevision, Snapshot
from lineage_schemas.weights import Cost

MAX_TEXT_BYTES = 10_000_000
"""Texts (cards, changelogs, configs, indexes, recipes, commit messages) are read up to this size: whole, or not."""


def too_long(size: int | None) -> str:
    """Say why a text is not read; `size` is None where it is only known to be too long."""
    length = "it has more" if size is None else f"{size:,} bytes are more"
    return f"{length} than the {MAX_TEXT_BYTES:,} bytes that are read of a text"


class PresentRefs(NamedTuple):
    """Hold where a model's branches and tags stand now; `model` is the name that the Hub answered under."""

    model: str
    refs: tuple[HistoryRef, ...]


class Hub(ABC):
    """Read repositories of models.

    Every read takes a commit, never a branch: `resolve` first. Every foreign error is wrapped into a kind of
    `lineage.errors.HubError`. `name` is the Hub's part of model keys; `is_local` says that bytes cost nothing
    here, so that weights are read in full. `offline` hubs answer from what is at hand and raise
    HubUnreachableError for the rest.
    """

    name: str
    is_local: bool
    offline: bool = False

    def key(self, model: str) -> str:
        """Make the graph key of a model of this Hub."""
        return model_key(self.name, model)

    @abstractmethod
    def resolve(self, model: str, revision: str | None = None) -> ResolvedRevision:
        """Find the canonical id and the commit behind a name.

        What `revision` may be is written in `lineage.hub.revisions`, one set of rules for all Hubs; None means the
        default branch. Raises ModelNotFoundError, GatedError, RevisionNotFoundError, HubUnreachableError.
        """

    def refs(self, model: str) -> PresentRefs | None:
        """Ask only where branches and tags stand; None where that is no cheaper than to read everything.

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

        `known` is what was read before: a Hub that pays by commit only asks for what is new.
        """

    @abstractmethod
    def read(self, model: str, commit: str, path: str, start: int = 0, length: int | None = None) -> bytes:
        """Read bytes of one file at a commit; fewer than `length` only at the file's end.

        LFS files are read as their content. Raises FileNotInRevisionError where file or object is not there.
        """

    def read_text(self, model: str, commit: str, path: str, size: int | None = None) -> bytes:
        """Read a text whole; `size` is what its commit says of it, where that is known.

        Raises TextTooLongError beyond MAX_TEXT_BYTES, and what `read` raises. A part of a text is never given: what
        the rest says would be taken for not said.
        """
        if size is None or size <= MAX_TEXT_BYTES:
            data = self.read(model, commit, path, 0, MAX_TEXT_BYTES + 1)
            if len(data) <= MAX_TEXT_BYTES:
                return data
        raise TextTooLongError(f"{model}@{commit}: {path}", too_long(size), model=model)

    @abstractmethod
    def stream(self, model: str, commit: str, path: str) -> Iterator[bytes]:
        """Read one file whole, in chunks, in constant memory."""

    @abstractmethod
    def list_models(
        self, *, author: str | None = None, base: str | None = None, limit: int | None = None
    ) -> Iterator[str]:
        """List ids of models, of one author, or of those that declare `base` as their parent."""

    def local_path(self, model: str, commit: str, path: str) -> Path | None:
        """Find the file on this machine with exactly these bytes, or None: the fast way to read a weight file whole."""
        return None

    def known_sha256(self, place: Path) -> str | None:
        """Give the SHA-256 of a file of `local_path` that this Hub has computed from its bytes, or None.

        Not what a pointer claims: a caller that reads the file again may leave this hash out of its work.
        """
        return None

    def cost(self) -> Cost:
        """Count the requests and bytes of file content that this Hub has cost since it was opened."""
        return Cost()

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and child processes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

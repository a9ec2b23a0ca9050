"""A Hub over a folder that gives ranges and streams only, and counts what they cost, as a remote one does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lineage.errors import FileNotInRevisionError, ModelNotFoundError
from lineage.hub.interface import Hub
from lineage_schemas.cost import Cost
from lineage_schemas.file import FileEntry
from lineage_schemas.history import History
from lineage_schemas.snapshot import ResolvedRevision, Snapshot


class RangeHub(Hub):
    """Serve one folder as any model at any commit; `in_place` lets files be read where they lie."""

    name = "range.test"
    is_local = False

    def __init__(self, folder: Path, *, in_place: bool = False) -> None:
        self.folder = folder
        self.in_place = in_place
        self.is_local = in_place
        self.asked: list[tuple[str, int, int | None]] = []
        self.bytes_read = 0

    def files(self) -> dict[str, FileEntry]:
        """List the folder's files with their sizes."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        entries = [FileEntry(path=str(p.relative_to(self.folder)), size=p.stat().st_size) for p in found]
        return {entry.path: entry for entry in entries}

    def resolve(self, model: str, revision: str | None = None) -> ResolvedRevision:
        """Take any name and any commit."""
        return ResolvedRevision(model=model, commit=revision or "0" * 40, asked=model)

    def snapshot(self, resolved: ResolvedRevision) -> Snapshot:
        """List the folder."""
        return Snapshot(model=resolved.model, commit=resolved.commit, files=tuple(self.files().values()))

    def history(self, model: str, *, pull_requests: bool = False, known: History | None = None) -> History:
        """Refuse: a folder has none."""
        raise ModelNotFoundError(f"{model} has no history here")

    def read(self, model: str, commit: str, path: str, start: int = 0, length: int | None = None) -> bytes:
        """Give a range and count it."""
        self.asked.append((path, start, length))
        try:
            raw = (self.folder / path).read_bytes()
        except OSError as error:
            raise FileNotInRevisionError(f"{path} is not there", model=model) from error
        part = raw[start:] if length is None else raw[start : start + length]
        self.bytes_read += len(part)
        return part

    def stream(self, model: str, commit: str, path: str) -> Iterator[bytes]:
        """Give a file in chunks of an odd size and count it."""
        raw = self.read(model, commit, path)
        for start in range(0, len(raw), 1013):
            yield raw[start : start + 1013]

    def list_models(
        self, *, author: str | None = None, base: str | None = None, limit: int | None = None
    ) -> Iterator[str]:
        """List nothing."""
        return iter(())

    def local_path(self, model: str, commit: str, path: str) -> Path | None:
        """Find the file where it lies, if that is allowed."""
        return self.folder / path if self.in_place and (self.folder / path).is_file() else None

    def cost(self) -> Cost:
        """Tell what was asked for so far."""
        return Cost(requests=len(self.asked), bytes_read=self.bytes_read, local=self.is_local)

    def close(self) -> None:
        """Have nothing to close."""

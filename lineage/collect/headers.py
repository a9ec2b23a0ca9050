"""Headers of weight files along a line of commits, which show what other files belong to them; each content once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from lineage.errors import InputError
from lineage.fingerprint.header import Read
from lineage.fingerprint.header_reader import HeaderReader, OpenFile
from lineage.fingerprint.measure import open_at
from lineage_schemas.file import FileEntry, FileVersion
from lineage_schemas.level import Level

if TYPE_CHECKING:
    from lineage.hub.interface import Hub

MAX_READS = 1_000
"""Requests to a remote Hub for one line of commits, unless --level full was given."""

MAX_HELD_BYTES = 100_000_000
"""The size up to which a file that git keeps is read as a whole: git has no ranged reads."""


class HeadersAlong:
    """Make the header reader of each commit's tree.

    On a local Hub all headers are read. On a remote Hub only .onnx files are read, within MAX_READS, and on branches
    other than the default one only at level full.
    """

    def __init__(self, hub: Hub, model: str, level: Level | None, *, is_default: bool) -> None:
        self._hub, self._model = hub, model
        self._everything = hub.is_local or level == "full"
        self._left = MAX_READS if is_default else 0
        self._known: dict[Hashable, Any] = {}

    def at(self, commit: str, tree: Mapping[str, FileVersion]) -> HeaderReader:
        """Make the reader of the files of one commit."""
        files = {path: FileEntry(path=path, **dict(version)) for path, version in tree.items()}

        def key(path: str) -> Hashable:
            return files[path].identity or (commit, path)

        return HeaderReader(
            self._opener(commit, files),
            is_local=self._hub.is_local,
            max_requests=None if self._everything else MAX_READS,
            only_onnx=not self._hub.is_local,
            key=key,
            known=self._known,
        )

    def decide_with(self) -> str | None:
        """Return the command that reads the rest; None if everything available was read."""
        return None if self._everything else f"lineage check {self._model} --level full"

    def _opener(self, commit: str, files: Mapping[str, FileEntry]) -> OpenFile:
        open_file = open_at(self._hub, self._model, commit, files)

        def opened(path: str) -> tuple[Read, int | None]:
            read, size = open_file(path)
            if not self._hub.is_local:
                return self._counted(path, read), size
            if self._hub.local_path(self._model, commit, path) is not None or size is None or size > MAX_HELD_BYTES:
                return read, size
            held = self._hub.read(self._model, commit, path)
            return (lambda start, length: held[start : start + length]), len(held)

        return opened

    def _counted(self, path: str, read: Read) -> Read:
        def counted(start: int, length: int) -> bytes:
            if self._left <= 0 and not self._everything:
                raise InputError(
                    f"{path} was not read: at most {MAX_READS:,} requests for headers are made for a remote model"
                )
            self._left -= 1
            return read(start, length)

        return counted

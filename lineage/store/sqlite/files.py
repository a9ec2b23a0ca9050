"""Notice that the files of an open store are deleted or replaced.

A process that has a file open can read and write it after it was deleted: everything that it writes then is lost,
without an error. So a store remembers which files it opened, and compares them with those at its path.
"""

from __future__ import annotations

from pathlib import Path

from lineage.errors import StoreError

_BESIDE = ("-wal", "-shm")
"""The log and its index: as long as a connection is open they stay, and a writer that lost them writes nowhere."""


class OpenFiles:
    """Remember the files of a store, from its first connection until the last one is closed."""

    def __init__(self, path: Path, url: str) -> None:
        self._path, self._url = path, url
        self._known: dict[Path, tuple[int, int]] = {}

    def opened(self, *, to_write: bool = False) -> None:
        """Remember the files that a new connection opened. Raises StoreError if they are others than before."""
        beside = [self._path.with_name(self._path.name + suffix) for suffix in _BESIDE] if to_write else []
        for path in (self._path, *beside):
            if (found := _identity(path)) is not None:
                self._known.setdefault(path, found)
        self.must_be_there()

    def must_be_there(self) -> None:
        """Raise StoreError if a file that was opened is not at its path any more."""
        for path, known in list(self._known.items()):  # another thread may add one
            if (found := _identity(path)) != known:
                what = "deleted" if found is None else "replaced by another file"
                raise StoreError(
                    f"the store {self._url} was changed from outside while it was in use: {path.name} was {what}",
                    hint="what this command wrote may be lost: check which file is right, then run the command again",
                )

    def closed(self) -> None:
        """Forget the files: their last connection was closed."""
        self._known.clear()


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what distinguishes a file from another one of the same name; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino

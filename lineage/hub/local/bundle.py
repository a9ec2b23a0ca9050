"""Git bundles: a whole repository in one file, unpacked once into a bare copy."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lineage.errors import HubAnswerError, HubError
from lineage.hub.local.file_hashes import FileHashes, stamp
from lineage.progress import Progress

if TYPE_CHECKING:
    from lineage.hub.local.git_folder import GitFolder

_SIGNATURE = re.compile(rb"# v[23] git bundle\n")
_MAX_LINE_BYTES = 8_192
_MAX_LINES = 1_000_000


class BundleCopies:
    """Keep bare copies of bundles in the cache, or in a temporary folder if the cache cannot be written."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder = folder
        self._progress = progress
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._finding = Lock()

    def open(self, bundle: Path, model: str, hashes: FileHashes, lfs: Path) -> GitFolder:
        """Open a bundle, its LFS objects in `lfs`. Raises HubError if it is not a bundle, or git cannot read it."""
        from lineage.hub.local.git_folder import GitFolder

        refuse_other_files(bundle, model)
        copy = self._copy(bundle, model)
        return GitFolder(copy, model, hashes, lfs=(lfs,))

    def close(self) -> None:
        """Delete the copies that are not in the cache."""
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def _copy(self, bundle: Path, model: str) -> Path:
        """Unpack a bundle, unless the same file was unpacked before; copies of its older states are deleted."""
        place, state = hashlib.sha256(bytes(bundle.resolve())), hashlib.sha256(repr(stamp(bundle)).encode())
        prefix = place.hexdigest()[:16]
        name = f"{prefix}-{state.hexdigest()[:16]}.git"
        with self._finding:
            folder = self._writable()
        for old in folder.glob(f"{prefix}-*.git"):
            if old.name != name:
                shutil.rmtree(old, ignore_errors=True)
        copy = folder / name
        if not (copy / "HEAD").is_file():
            from lineage.hub.git.program import fetch_repository

            fetch_repository(str(bundle.resolve()), copy, model=model, pull_requests=True, progress=self._progress)
        return copy

    def _writable(self) -> Path:
        """Find a folder for copies: the cache, else a temporary one."""
        if self._temporary is None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self._folder):
                    return self._folder
            except OSError as error:
                self._progress.note(
                    f"{self._folder} cannot be written ({error.strerror}): bundles are unpacked again in each run"
                )
            try:
                self._temporary = tempfile.TemporaryDirectory(prefix="lineage-bundles-")
            except OSError as error:
                hint = "free some space in the temporary folder, or set TMPDIR to another one"
                raise HubError(f"no space to unpack a bundle: {error}", hint=hint) from error
        return Path(self._temporary.name)


def refuse_other_files(bundle: Path, model: str) -> None:
    """Raise HubAnswerError if a path is not a file that begins as bundles do.

    Git reads the header byte by byte and line by line, however long a line is.
    """
    try:
        problem = _problem(bundle)
    except OSError as error:
        problem = f"it cannot be read: {error.strerror or error}"
    if problem is not None:
        raise HubAnswerError(
            f"{model}: {bundle} is not a git bundle: {problem}",
            model=model,
            hint="make it again with `git bundle create`",
        )


def _problem(bundle: Path) -> str | None:
    """Return why a file is not a bundle. Raises OSError."""
    # Example: b"# v2 git bundle\n1c9f… refs/heads/main\n\nPACK…"; version 3 has lines such as b"@filter=blob:none\n".
    if not bundle.is_file():
        return "it is not a regular file"
    with bundle.open("rb") as file:
        if not _SIGNATURE.fullmatch(file.readline(_MAX_LINE_BYTES)):
            return "its first line does not say so"
        for _ in range(_MAX_LINES):
            line = file.readline(_MAX_LINE_BYTES)
            if not line.endswith(b"\n"):
                return "its header does not end" if len(line) < _MAX_LINE_BYTES else "a line of its header is too long"
            if line == b"\n":
                return None
    return f"its header has more than {_MAX_LINES:,} lines"

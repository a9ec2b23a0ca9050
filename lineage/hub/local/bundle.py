"""Git bundles: a whole repository in one file, unpacked once into a bare copy."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from lineage.errors import HubError
from lineage.hub.git.program import fetch_repository
from lineage.hub.local.file_hashes import FileHashes, stamp
from lineage.hub.local.git_folder import GitFolder
from lineage.progress import Progress


class BundleCopies:
    """Keep bare copies of bundles in the cache, or in a temporary folder if the cache cannot be written."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder = folder
        self._progress = progress
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def open(self, bundle: Path, model: str, hashes: FileHashes, lfs: Path) -> GitFolder:
        """Open a bundle, its LFS objects in `lfs`. Raises HubError if git cannot read it."""
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
        folder = self._writable()
        for old in folder.glob(f"{prefix}-*.git"):
            if old.name != name:
                shutil.rmtree(old, ignore_errors=True)
        copy = folder / name
        if not (copy / "HEAD").is_file():
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

"""Where the project file is: the nearest one, from the current folder up to the root of the repository."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lineage.errors import InputError

OWN_FILE = "lineage.toml"

SHARED_FILE = "pyproject.toml"
"""The file of other tools too: it counts only if it has the table `[tool.lineage]`."""

MAX_BYTES = 1_000_000
"""A longer file is refused: the longest ones that people write are a hundredth of it."""

NO_CONFIG = "correct the file, or use --no-config to run without it"


@dataclass(frozen=True)
class FoundFile:
    """Hold a file that may be the project file, its text, and how messages and answers name it.

    A link may not lead out of `tree`: the repository, or without one the file's folder. None if any link is followed.
    """

    path: Path
    shown: str
    text: str
    tree: Path | None = None

    @property
    def is_shared(self) -> bool:
        """Whether the settings are in the table `[tool.lineage]`, beside those of other tools."""
        return self.path.name == SHARED_FILE


def named_file(named: Path) -> FoundFile:
    """Read the file of `--config`; a link is followed wherever it leads. Raises InputError if it cannot be read."""
    if not _is_there(named, str(named)):
        raise InputError(f"--config {named}: there is no such file", hint="check the path, or omit --config")
    return FoundFile(named, str(named), _text(_read(named, str(named)), str(named)))


def nearest_files(start: Path) -> Iterator[FoundFile]:
    """Read the files that may have the settings of the folder `start`, an absolute path, the nearest folder first.

    In a git repository its root is the last folder that is searched. Outside of one the search ends at the user's home
    folder, and below a folder of another user: a file there must not decide what counts here.
    Raises InputError for a file that is there and cannot be read, or that a link brings in from elsewhere.
    """
    root = _root(start)
    for folder in _folders(start, root):
        own, shared, tree = folder / OWN_FILE, folder / SHARED_FILE, root or folder
        if _is_there(own, shown := _shown(own)):
            refuse_link_out_of(tree, own, shown)
            yield FoundFile(own, shown, _text(_read(own, shown), shown), tree)
        shown = _shown(shared)
        if shared.is_file() and b"lineage" in (data := _read(shared, shown)):
            yield FoundFile(shared, shown, _text(data, shown), tree)


def refuse_link_out_of(tree: Path | None, path: Path, shown: str) -> None:
    """Raise InputError if a file is a link that leads out of `tree`."""
    target = Path(os.path.realpath(path))
    if tree is not None and path.is_symlink() and not target.is_relative_to(os.path.realpath(tree)):
        hint = "copy the file here, or name it: --config FILE"
        raise InputError(f"{shown} is a link to {target}, which is outside of {tree}", hint=hint)


def _root(start: Path) -> Path | None:
    """Find the root of the git repository that a folder is in."""
    return next((folder for folder in (start, *start.parents) if os.path.lexists(folder / ".git")), None)


def _folders(start: Path, root: Path | None) -> Iterator[Path]:
    """Yield a folder and those above it that are searched."""
    above = [start, *start.parents]
    if root is not None:
        yield from above[: above.index(root) + 1]
        return
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - unlike Path.home, it does not fail without a home folder
    for folder in above:
        if folder != start and not _is_own(folder):
            return
        yield folder
        if folder == home:
            return


def _is_own(folder: Path) -> bool:
    """Return whether a folder belongs to this user and can be searched."""
    try:
        return folder.stat().st_uid == os.geteuid() and bool((folder / ".").stat())
    except OSError:
        return False


def _is_there(path: Path, shown: str) -> bool:
    """Return whether a file or link exists. Raises InputError if that cannot be known."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InputError(f"{shown} cannot be read: {error.strerror}", hint=NO_CONFIG) from error
    return True


def _shown(path: Path) -> str:
    """Write a path as it is from the current folder, or from the root where that is shorter."""
    try:
        return min(os.path.relpath(path), str(path), key=len)
    except OSError:  # the current folder was deleted
        return str(path)


def _read(path: Path, shown: str) -> bytes:
    """Read a file of limited size; one that is not a regular file is not opened, because it may block."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise InputError(f"{shown} is {kind}, and the project file cannot be read from it", hint=NO_CONFIG)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{shown} cannot be read: {error.strerror}", hint=NO_CONFIG) from error
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{shown} is longer than {MAX_BYTES // 10**6} MB ({max(status.st_size, len(data)):,} bytes)", hint=NO_CONFIG
        )
    return data


def _text(data: bytes, shown: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{shown}:{number}: byte {error.start} is not UTF-8", hint="save the file as UTF-8, or use --no-config"
        ) from error

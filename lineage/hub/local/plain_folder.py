"""A plain folder as a repository: one revision, named by a hash of what is in it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from lineage.errors import FileNotInRevisionError, HubError, RevisionNotFoundError
from lineage.hub.lfs import belongs_in_lfs, pointer_blob_id
from lineage.hub.local.file_hashes import FileHashes, Stamp, is_inside, stamp
from lineage.hub.local.repository import ByteChunks, LocalRepository
from lineage.hub.revisions import NamedCommit, is_default, meaning_of
from lineage_schemas.file import FileChange, FileEntry, FileVersion
from lineage_schemas.revision import Commit, History, HistoryRef

FOLDER_PREFIX = "folder:"

MAX_FILES = 100_000

_TREE_DOMAIN = b"lineage folder tree v1\0"

_NOT_THE_MODEL = frozenset({".git", ".cache"})
"""What git and the Hub's client keep beside a model's files."""


class _Scan(NamedTuple):
    """The folder as it stood at one moment."""

    commit: str
    entries: dict[str, FileEntry]
    places: dict[str, tuple[Path, Stamp]]
    problems: dict[str, str]


class PlainFolder(LocalRepository):
    """Read a folder that has no history.

    Files are named as the Hub would keep them: by the sha256 of their content where it would use LFS, else by git blob
    id. The commit is `folder:` and the SHA-256 over the sorted paths and these names, so that equal folders have
    equal commits anywhere. A folder that changes has another commit; what is asked of the old one is refused.
    """

    def __init__(self, folder: Path, model: str, hashes: FileHashes) -> None:
        self.model = model
        self._folder = folder
        self._hashes = hashes
        self._scanned: _Scan | None = None

    def resolve(self, revision: str | None) -> NamedCommit:
        """Read the folder anew; its one revision may be named whole or by the beginning of its id."""
        commit = self._scan().commit
        if revision is None or is_default(revision) or meaning_of(revision, (), [commit]).only:
            return NamedCommit(commit)
        raise RevisionNotFoundError(
            f"{self.model} is a plain folder, which has no revision {revision}",
            model=self.model,
            hint=f"leave out the revision, or give {commit[:14]}",
        )

    def refs(self) -> tuple[HistoryRef, ...]:
        """A folder has no names for its one revision."""
        return ()

    def files(self, commit: str) -> Mapping[str, FileEntry]:
        """List the files as they were scanned for this commit."""
        return self._at(commit).entries

    def problems(self, commit: str) -> dict[str, str]:
        """Tell which files could not be read, or lead out of the folder."""
        return self._at(commit).problems

    def history(self, *, pull_requests: bool) -> History:
        """Make a history of one undated commit that adds every file."""
        scan = self._scan()
        changes = (
            FileChange(path=e.path, status="A", new=FileVersion(blob_id=e.blob_id, size=e.size, sha256=e.sha256))
            for e in scan.entries.values()
        )
        commit = Commit(id=scan.commit, changes=tuple(changes))
        return History(model=self.model, source="folder", default_branch=None, refs=(), commits=(commit,))

    def local_path(self, commit: str, path: str) -> Path | None:
        """Find a file, as long as it is the one that was scanned. Raises FileNotInRevisionError where it changed."""
        self.entry(commit, path)
        place, then = self._at(commit).places[path]
        try:
            unchanged = stamp(place) == then
        except OSError:
            unchanged = False
        if not unchanged:
            raise FileNotInRevisionError(
                f"{self.model}: {path} has changed since the folder was read", model=self.model, hint="run it again"
            )
        return place

    def chunks(self, commit: str, path: str) -> ByteChunks:
        """Every file of a folder has a path."""
        raise AssertionError("unreachable: local_path answers for every file of a folder")

    def _at(self, commit: str) -> _Scan:
        if self._scanned is None or self._scanned.commit != commit:
            self._scan()
        if self._scanned is None or self._scanned.commit != commit:
            raise RevisionNotFoundError(f"{self.model}: the folder no longer holds {commit}", model=self.model)
        return self._scanned

    def _scan(self) -> _Scan:
        """Walk the folder and hash what is new in it."""
        entries: dict[str, FileEntry] = {}
        places: dict[str, tuple[Path, Stamp]] = {}
        problems: dict[str, str] = {}
        for path, place, problem in self._walk():
            try:
                if problem is None:
                    then = stamp(place)
                    entries[path] = self._entry(path, place, then.size)
                    places[path] = (place, then)
            except OSError as error:
                problem = f"it cannot be read: {error.strerror or error}"
            if problem is not None:
                problems[path] = problem
        ordered = dict(sorted(entries.items()))
        self._scanned = _Scan(tree_commit(ordered, problems), ordered, places, problems)
        return self._scanned

    def _entry(self, path: str, place: Path, size: int) -> FileEntry:
        if belongs_in_lfs(path, size):
            sha256 = self._hashes.sha256(place)
            return FileEntry(path=path, blob_id=pointer_blob_id(sha256, size), size=size, sha256=sha256)
        return FileEntry(path=path, blob_id=self._hashes.blob_id(place), size=size)

    def _walk(self) -> Iterator[tuple[str, Path, str | None]]:
        """Go over the files: the path shown, the file to read, and why it is not read."""
        allowed = link_root(self._folder)

        def refuse(error: OSError) -> None:
            if error.filename == str(self._folder):
                raise HubError(f"{self._folder} cannot be read: {error.strerror}", model=self.model) from error

        _refuse_a_disk(self._folder, self.model)
        for top, folders, names in os.walk(self._folder, onerror=refuse):
            at_root = Path(top) == self._folder
            linked = [name for name in folders if Path(top, name).is_symlink()]
            folders[:] = sorted(f for f in folders if f not in linked and not (at_root and f in _NOT_THE_MODEL))
            for name in sorted([*names, *linked]):
                place = Path(top, name)
                if not (at_root and name in _NOT_THE_MODEL):
                    yield _shown(place.relative_to(self._folder)), place, _why_not(place, allowed)


def _refuse_a_disk(folder: Path, model: str) -> None:
    """Refuse what holds more files and folders than any model, before the first of them is read."""
    count = 0
    for top, folders, names in os.walk(folder):
        if Path(top) == folder:
            folders[:] = [name for name in folders if name not in _NOT_THE_MODEL]
        count += len(folders) + len(names)
        if count > MAX_FILES:
            raise HubError(
                f"{folder} holds more than {MAX_FILES:,} files and folders: it is no single model, and none was read",
                model=model,
                hint="name the folder of one model; a folder of org/name folders is given with --hub",
            )


def tree_commit(entries: Mapping[str, FileEntry], problems: Mapping[str, str]) -> str:
    """Name a folder's content: SHA-256 over a domain tag and, in order of path, length-prefixed path and identity.

    A file that cannot be read stands with its path alone.
    """
    digest = hashlib.sha256(_TREE_DOMAIN)
    for path in sorted([*entries, *problems]):
        identity = (entries[path].identity or "") if path in entries else ""
        for text in (path.encode(), identity.encode()):
            digest.update(b"%d:%b" % (len(text), text))
    return FOLDER_PREFIX + digest.hexdigest()


def link_root(folder: Path) -> Path:
    """Find the folder that links may not lead out of: the model's own.

    A snapshot in the Hub client's cache consists of links into the model's `blobs`, two folders up.
    """
    if folder.parent.name == "snapshots" and folder.parents[1].name.startswith("models--"):
        return folder.parents[1]
    return folder


def _why_not(place: Path, allowed: Path) -> str | None:
    """Tell why a file is not read, or None. Devices, pipes and sockets would block or never end."""
    if place.is_symlink() and not is_inside(place, allowed):
        return "it is a symbolic link that leads out of the folder, or nowhere"
    try:
        mode = place.stat().st_mode
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if stat.S_ISDIR(mode):
        return "it is a symbolic link to a folder"
    return None if stat.S_ISREG(mode) else "it is no regular file"


def _shown(path: Path) -> str:
    """Write a path with slashes, in text that UTF-8 can hold: other bytes are backslash escapes, as in git trees."""
    return os.fsencode(path.as_posix()).decode(errors="backslashreplace")

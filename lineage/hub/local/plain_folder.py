"""A plain folder as a repository: one revision, named by a hash of what is in it."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lineage.errors import FileNotInRevisionError, HubError, RevisionNotFoundError
from lineage.hub.lfs import MAX_POINTER_BYTES, Placeholder, belongs_in_lfs, parse_placeholder, pointer_blob_id
from lineage.hub.local.file_hashes import FileHashes, Stamp, is_inside, stamp
from lineage.hub.local.repository import ByteChunks, Lack, Listing, LocalRepository
from lineage.hub.revisions import NamedCommit, is_default, meaning_of
from lineage_schemas.file import FileEntry, FileVersion
from lineage_schemas.history_ref import HistoryRef

if TYPE_CHECKING:
    from lineage_schemas.history import History

FOLDER_PREFIX = "folder:"

MAX_FILES = 100_000

_TREE_DOMAIN = b"lineage folder tree v1\0"

_NOT_THE_MODEL = frozenset({".git", ".cache"})
"""What git and the Hub's client keep beside a model's files."""

_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""Names of blobs in the Hub client's cache: git ids, and the SHA-256 of files in LFS."""


class Scan(NamedTuple):
    """Hold what was found in a folder at one moment; `places` are the files whose bytes are here."""

    commit: str
    listing: Listing
    places: dict[str, tuple[Path, Stamp]]


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
        self._scanned: Scan | None = None

    def resolve(self, revision: str | None) -> NamedCommit:
        """Read the folder again; its one revision may be named whole or by the beginning of its id."""
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

    def listing(self, commit: str) -> Listing:
        """List the files as they were scanned for this commit."""
        return self._at(commit).listing

    def history(self, *, pull_requests: bool) -> History:
        """Make a history of one undated commit that adds every file."""
        from lineage_schemas.file_change import FileChange
        from lineage_schemas.history import Commit, History

        scan = self._scan()
        changes = (
            FileChange(path=e.path, status="A", new=FileVersion(blob_id=e.blob_id, size=e.size, sha256=e.sha256))
            for e in scan.listing.files.values()
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

    def _at(self, commit: str) -> Scan:
        if self._scanned is None or self._scanned.commit != commit:
            self._scan()
        if self._scanned is None or self._scanned.commit != commit:
            raise RevisionNotFoundError(f"{self.model}: the folder no longer holds {commit}", model=self.model)
        return self._scanned

    def _scan(self) -> Scan:
        """Walk the folder and hash what is new in it."""
        entries: dict[str, FileEntry] = {}
        places: dict[str, tuple[Path, Stamp]] = {}
        lacks: dict[str, Lack] = {}
        problems: dict[str, str] = {}
        walked = list(self._walk())
        self._hashes.hash_ahead([place for _, place, problem in walked if problem is None])  # by size all are in LFS
        for path, place, problem in walked:
            try:
                then = stamp(place) if problem is None else None
                found = self._entry(path, place, then.size) if then else _dangling(path, place, self._folder)
            except OSError as error:
                then, found, problem = None, None, f"it cannot be read: {error.strerror or error}"
            if found is None:
                problems[path] = problem or "it cannot be read"
                continue
            entries[path], lack = found
            if lack is not None:
                lacks[path] = lack
            elif then is not None:
                places[path] = (place, then)
        listing = Listing(dict(sorted(entries.items())), lacks=lacks, problems=problems)
        self._scanned = Scan(tree_commit(listing), listing, places)
        return self._scanned

    def _entry(self, path: str, place: Path, size: int) -> tuple[FileEntry, Lack | None]:
        """Name a file by its content; a placeholder by the hash and size that it names."""
        placeholder = parse_placeholder(place.read_bytes()) if size <= MAX_POINTER_BYTES else None
        if placeholder is not None and (placeholder.sha256 or belongs_in_lfs(path, size)):
            return _absent(path, placeholder)
        if belongs_in_lfs(path, size):
            sha256 = self._hashes.sha256(place)
            return FileEntry(path=path, blob_id=pointer_blob_id(sha256, size), size=size, sha256=sha256), None
        return FileEntry(path=path, blob_id=self._hashes.blob_id(place), size=size), None

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
    """Reject a folder with more files and folders than any model, before the first of them is read."""
    count = 0
    for top, folders, names in os.walk(folder):
        if Path(top) == folder:
            folders[:] = [name for name in folders if name not in _NOT_THE_MODEL]
        count += len(folders) + len(names)
        if count > MAX_FILES:
            raise HubError(
                f"{folder} holds more than {MAX_FILES:,} files and folders: it is not one model, and nothing was read",
                model=model,
                hint="name the folder of one model; a folder of org/name folders is given with --hub",
            )


def tree_commit(listing: Listing) -> str:
    """Name a folder's content: SHA-256 over a domain tag and, in order of path, length-prefixed path and identity.

    Of a file that cannot be read the path alone goes in. A placeholder is not the file that it names: its identity has
    a prefix, so that a folder with the real file has another name.
    """
    digest = hashlib.sha256(_TREE_DOMAIN)
    for path in sorted([*listing.files, *listing.problems]):
        identity = (listing.files[path].identity or "") if path in listing.files else ""
        if path in listing.lacks:
            identity = f"placeholder {identity}"
        for text in (path.encode(), identity.encode()):
            digest.update(b"%d:%b" % (len(text), text))
    return FOLDER_PREFIX + digest.hexdigest()


def _absent(path: str, placeholder: Placeholder) -> tuple[FileEntry, Lack]:
    """Name the file that a placeholder replaces, and say that its bytes are not here."""
    sha256, size = placeholder.sha256, placeholder.size
    blob_id = pointer_blob_id(sha256, size) if sha256 is not None and size is not None else None
    lack = Lack(f"it is {placeholder.kind}, and the bytes of the file are not here", placeholder.hint)
    return FileEntry(path=path, blob_id=blob_id, size=size, sha256=sha256), lack


def _dangling(path: str, place: Path, folder: Path) -> tuple[FileEntry, Lack] | None:
    """Name a file by the blob that a link of the Hub client's cache leads to, where that blob is not there."""
    blobs = link_root(folder) / "blobs"
    if link_root(folder) == folder or not place.is_symlink() or place.exists():
        return None
    target = Path(os.path.normpath(place.parent / place.readlink()))
    blob = target.name if target.parent == blobs else ""
    if not _BLOB.fullmatch(blob):
        return None
    is_sha256 = len(blob) == 64
    entry = FileEntry(path=path, sha256=blob if is_sha256 else None, blob_id=None if is_sha256 else blob)
    reason = "it is a link into the cache of the Hub's client, and the bytes that it leads to are not there"
    return entry, Lack(reason, f"hf download {model_of_cache(folder)} {path} --revision {folder.name}")


def model_of_cache(folder: Path) -> str:
    """Give the id of the model that a snapshot folder in the Hub client's cache is of."""
    return link_root(folder).name.removeprefix("models--").replace("--", "/")


def link_root(folder: Path) -> Path:
    """Find the folder that links may not lead out of: the model's own.

    A snapshot in the Hub client's cache consists of links into the model's `blobs`, two folders up.
    """
    if folder.parent.name == "snapshots" and folder.parents[1].name.startswith("models--"):
        return folder.parents[1]
    return folder


def _why_not(place: Path, allowed: Path) -> str | None:
    """Return why a file is not read, or None. Devices, pipes and sockets would block or never end."""
    if place.is_symlink() and not is_inside(place, allowed):
        return "it is a symbolic link that leads out of the folder, or nowhere"
    try:
        mode = place.stat().st_mode
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if stat.S_ISDIR(mode):
        return "it is a symbolic link to a folder"
    return None if stat.S_ISREG(mode) else "it is not a regular file"


def _shown(path: Path) -> str:
    """Write a path with slashes, in text that UTF-8 can hold: other bytes are backslash escapes, as in git trees."""
    return os.fsencode(path.as_posix()).decode(errors="backslashreplace")

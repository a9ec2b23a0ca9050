"""A git repository on this machine, bare or with a work tree, as a model's repository."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from lineage.errors import ContentMismatchError, FileNotInRevisionError, HubAnswerError, RevisionNotFoundError
from lineage.hub.git.history import open_objects, read_history
from lineage.hub.git.objects import FSCK, GitObjects
from lineage.hub.git.refs import GitRefs, read_refs
from lineage.hub.lfs import object_path
from lineage.hub.local.file_hashes import FileHashes, is_inside, why_hollow
from lineage.hub.local.repository import ByteChunks, Lack, Listing, LocalRepository
from lineage.hub.revisions import NamedCommit, is_default, may_be_id, meaning_of
from lineage_schemas.file import FileEntry
from lineage_schemas.history import History, HistorySource
from lineage_schemas.history_ref import HistoryRef

_KEPT_TREES = 16

_SMALL_BYTES = 1_000_000
"""A file of at most this size is read whole through the process that is open already."""


class GitFolder(LocalRepository):
    """Read a git repository with its LFS objects where they are at hand.

    `lfs` are folders of LFS objects (`ab/cd/SHA256` below them, or flat). A file of the work tree is used for an LFS
    object only if it hashes to what the pointer says. Of objects that git LFS stored under their own hash only the size
    is compared, as git LFS does: a caller that reads one whole computes its digest. What git itself keeps is hashed.
    """

    def __init__(
        self,
        git_dir: Path,
        model: str,
        hashes: FileHashes,
        *,
        work_tree: Path | None = None,
        lfs: Sequence[Path] = (),
        source: HistorySource = "git-full",
    ) -> None:
        self.model = model
        self._git_dir = git_dir
        self._hashes = hashes
        self._work_tree = work_tree
        self._lfs = lfs
        self._source = source
        self._trees: OrderedDict[str, Listing] = OrderedDict()
        self._sound: set[str] = set()

    @cached_property
    def _objects(self) -> GitObjects:
        return open_objects(self._git_dir, self.model)

    def _names(self) -> GitRefs:
        return read_refs(self._git_dir, self._objects)

    def resolve(self, revision: str | None) -> NamedCommit:
        """Find a commit, also one that no ref leads to. The default revision of a work tree is its HEAD.

        Raises HubAnswerError for a ref whose commit is missing or cannot be read.
        """
        names = self._names()
        if revision is None or is_default(revision):
            if "HEAD" in names.unreadable:
                raise self._unreadable(names.default_branch or "HEAD", names.unreadable["HEAD"])
            if names.head is None:
                raise RevisionNotFoundError(f"{self.model} has no commit yet", model=self.model)
            at_default = any(r.name == names.default_branch and r.target == names.head for r in names.refs)
            return NamedCommit(names.head, names.default_branch if at_default else None)
        found = self._objects.commits_or_unreadable(revision.lower()) if may_be_id(revision) else []
        refs = [*names.refs, *(HistoryRef(name=name, kind="branch", target="") for name in names.unreadable)]
        meant = meaning_of(revision, refs, found).require(self.model)
        if meant.ref is not None and meant.ref in names.unreadable:
            raise self._unreadable(meant.ref, names.unreadable[meant.ref])
        return meant

    def _unreadable(self, name: str, why: str) -> HubAnswerError:
        return HubAnswerError(f"{self.model}: {name} cannot be read: {why}", model=self.model, hint=FSCK)

    def refs(self) -> tuple[HistoryRef, ...]:
        """List branches and tags, tags peeled."""
        return tuple(ref for ref in self._names().refs if ref.kind != "pull_request")

    def listing(self, commit: str) -> Listing:
        """List the files of a commit; the last few lists are kept.

        Raises HubAnswerError and ContentMismatchError where the commit or a tree cannot be read.
        """
        if commit not in self._trees:
            info = self._objects.infos([commit])[0]
            if (info is None or info.kind != "commit") and self._objects.problem(commit) is None:
                raise RevisionNotFoundError(f"{self.model} has no commit {commit}", model=self.model)
            self._trees[commit] = self._list(commit)
            if len(self._trees) > _KEPT_TREES:
                self._trees.popitem(last=False)
        self._trees.move_to_end(commit)
        return self._trees[commit]

    def _list(self, commit: str) -> Listing:
        """List the files of a commit; of one whose git object is another's, only the id is known."""
        files = {entry.path: entry for entry in self._objects.tree(commit)}
        errors = {path: self._mismatch(entry) for path, entry in files.items()}
        lacks = {
            path: Lack(error.message.removeprefix(f"{path}: "), error.hint) for path, error in errors.items() if error
        }
        return Listing(files, lacks=lacks)

    def _mismatch(self, entry: FileEntry) -> ContentMismatchError | None:
        other = self._objects.other_id(entry.blob_id) if entry.blob_id else None
        return self._objects.mismatch(entry.path, other, entry.blob_id or "") if other else None

    def entry(self, commit: str, path: str) -> FileEntry:
        """Find one file of a commit. Raises FileNotInRevisionError, ContentMismatchError."""
        found = self.listing(commit).files.get(path)
        error = self._mismatch(found) if found else None
        if error is not None:
            raise error
        return super().entry(commit, path)

    def history(self, *, pull_requests: bool) -> History:
        """Read every commit from git."""
        return read_history(
            self._git_dir, self.model, source=self._source, pull_requests=pull_requests, objects=self._objects
        )

    def local_path(self, commit: str, path: str) -> Path | None:
        """Find an LFS object, or the smudged file that equals it; None for what git itself keeps.

        Raises FileNotInRevisionError where the object is nowhere.
        """
        entry = self.entry(commit, path)
        if entry.sha256 is None or entry.size is None:
            return None
        found = self._stored(entry.sha256, entry.size) or self._smudged(path, entry.sha256, entry.size)
        if found is None:
            raise FileNotInRevisionError(
                f"{path}: its LFS object ({entry.sha256[:12]}…, {entry.size:,} bytes) is not here",
                model=self.model,
                hint=f"fetch it with git lfs fetch, or put it at {object_path(Path('lfs/objects'), entry.sha256)}",
            )
        return found

    def chunks(self, commit: str, path: str) -> ByteChunks:
        """Read a file that git keeps, its content compared with its id. Raises ContentMismatchError."""
        entry = self.entry(commit, path)
        blob = entry.blob_id
        if entry.size is None or blob is None:
            raise FileNotInRevisionError(
                f"{self.model}@{commit}: {path}: its git object {blob} is not here", model=self.model
            )
        small = self._objects.contents([blob], "blob")[0] if entry.size <= _SMALL_BYTES else None
        error = self._mismatch(entry)
        if error is not None:
            raise error
        if small is not None:
            return _one(small)
        if blob not in self._sound:
            self._refuse_another(path, blob, b"blob %d\0" % entry.size)
        return self._objects.stream(blob)

    def _refuse_another(self, path: str, blob: str, start: bytes) -> None:
        """Reject content that does not have its object's id: git does not compare them."""
        digest = hashlib.sha1(start, usedforsecurity=False)
        for chunk in self._objects.stream(blob):
            digest.update(chunk)
        if digest.hexdigest() != blob:
            raise self._objects.mismatch(path, digest.hexdigest(), blob)
        self._sound.add(blob)

    def close(self) -> None:
        """End the git processes, if there are any."""
        if "_objects" in self.__dict__:
            self._objects.close()

    def _stored(self, sha256: str, size: int) -> Path | None:
        for folder in self._lfs:
            for place in (object_path(folder, sha256), folder / sha256):
                if is_inside(place, folder) and place.is_file() and place.stat().st_size == size:
                    return None if why_hollow(place) else place
        return None

    def _smudged(self, path: str, sha256: str, size: int) -> Path | None:
        if self._work_tree is None:
            return None
        place = self._work_tree / path
        return place if is_inside(place, self._work_tree) and self._hashes.matches(place, sha256, size) else None


def _one(data: bytes) -> ByteChunks:
    yield data

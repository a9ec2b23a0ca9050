"""A git repository on this machine, bare or with a work tree, as a model's repository."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from lineage.errors import ContentMismatchError, FileNotInRevisionError, RevisionNotFoundError
from lineage.hub.git.history import GitRefs, open_objects, read_history, read_refs
from lineage.hub.git.objects import GitObjects
from lineage.hub.lfs import object_path
from lineage.hub.local.file_hashes import FileHashes, is_inside
from lineage.hub.local.repository import ByteChunks, Listing, LocalRepository
from lineage.hub.revisions import NamedCommit, is_default, may_be_id, meaning_of
from lineage_schemas.file import FileEntry
from lineage_schemas.model import HistorySource
from lineage_schemas.revision import History, HistoryRef

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
        self._trees: OrderedDict[str, dict[str, FileEntry]] = OrderedDict()
        self._sound: set[str] = set()

    @cached_property
    def _objects(self) -> GitObjects:
        return open_objects(self._git_dir, self.model)

    def _names(self) -> GitRefs:
        return read_refs(self._git_dir, self._objects)

    def resolve(self, revision: str | None) -> NamedCommit:
        """Find a commit, also one that no ref leads to. The default revision of a work tree is its HEAD."""
        names = self._names()
        if revision is None or is_default(revision):
            if names.head is None:
                raise RevisionNotFoundError(f"{self.model} has no commit yet", model=self.model)
            at_default = any(r.name == names.default_branch and r.target == names.head for r in names.refs)
            return NamedCommit(names.head, names.default_branch if at_default else None)
        found = self._objects.by_prefix(revision.lower()) if may_be_id(revision) else []
        return meaning_of(revision, names.refs, found).require(self.model)

    def refs(self) -> tuple[HistoryRef, ...]:
        """List branches and tags, tags peeled."""
        return tuple(ref for ref in self._names().refs if ref.kind != "pull_request")

    def listing(self, commit: str) -> Listing:
        """List the files of a commit; the last few lists are kept."""
        if commit not in self._trees:
            if self._objects.commit_id(commit) != commit:
                raise RevisionNotFoundError(f"{self.model} has no commit {commit}", model=self.model)
            self._trees[commit] = {entry.path: entry for entry in self._objects.tree(commit)}
            if len(self._trees) > _KEPT_TREES:
                self._trees.popitem(last=False)
        self._trees.move_to_end(commit)
        return Listing(self._trees[commit])

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
        small = self._objects.contents([blob])[0] if entry.size <= _SMALL_BYTES else None
        if blob not in self._sound:
            start = b"blob %d\0" % entry.size
            self._refuse_another(path, blob, start, self._objects.stream(blob) if small is None else _one(small))
        return self._objects.stream(blob) if small is None else _one(small)

    def _refuse_another(self, path: str, blob: str, start: bytes, content: ByteChunks) -> None:
        """Reject content that does not have its object's id: git does not compare them for a loose object."""
        digest = hashlib.sha1(start, usedforsecurity=False)
        for chunk in content:
            digest.update(chunk)
        if digest.hexdigest() != blob:
            raise ContentMismatchError(
                f"{path}: its git object is broken: its content has the id {digest.hexdigest()}, its name is {blob}",
                model=self.model,
                hint="look at the repository with `git fsck`, or clone it again",
            )
        self._sound.add(blob)

    def close(self) -> None:
        """End the git processes, if there are any."""
        if "_objects" in self.__dict__:
            self._objects.close()

    def _stored(self, sha256: str, size: int) -> Path | None:
        for folder in self._lfs:
            for place in (object_path(folder, sha256), folder / sha256):
                if is_inside(place, folder) and place.is_file() and place.stat().st_size == size:
                    return place
        return None

    def _smudged(self, path: str, sha256: str, size: int) -> Path | None:
        if self._work_tree is None:
            return None
        place = self._work_tree / path
        return place if is_inside(place, self._work_tree) and self._hashes.matches(place, sha256, size) else None


def _one(data: bytes) -> ByteChunks:
    yield data

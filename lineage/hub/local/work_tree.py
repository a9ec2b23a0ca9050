"""The files of a git work tree as they are on disk, compared with its HEAD commit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from lineage.errors import RevisionNotFoundError
from lineage.hub.lfs import belongs_in_lfs, git_blob_id
from lineage.hub.local.file_hashes import FileHashes
from lineage.hub.local.git_folder import GitFolder
from lineage.hub.local.plain_folder import PlainFolder, Scan
from lineage_schemas.file import FileEntry


class WorkTree(PlainFolder):
    """Read the files of a clone from the disk, and say how they differ from the commit that is checked out.

    A folder that is equal to HEAD has HEAD's commit as its revision, any other one has the revision of a plain folder.
    Files that git does not track are listed; only those of a kind that the Hub keeps in LFS, as weights are, make it
    another revision.
    """

    def __init__(self, folder: Path, model: str, hashes: FileHashes, head: GitFolder) -> None:
        super().__init__(folder, model, hashes)
        self._head = head

    def close(self) -> None:
        """End the git processes."""
        self._head.close()

    def _scan(self) -> Scan:
        """Hash what is on disk and compare it with HEAD."""
        scan = super()._scan()
        try:
            commit = self._head.resolve(None).commit
        except RevisionNotFoundError:  # no commit yet
            return scan
        tracked = self._head.listing(commit).files
        changed = dict(self._differences(scan, tracked, f"HEAD {commit[:7]}"))
        extra = {path: "is on disk and not in HEAD" for path in scan.listing.files if path not in tracked}
        is_other = changed or any(belongs_in_lfs(path, scan.listing.files[path].size or 0) for path in extra)
        self._scanned = scan._replace(
            commit=scan.commit if is_other else commit,
            listing=scan.listing._replace(changed_on_disk={**changed, **extra}),
        )
        return self._scanned

    def _differences(self, scan: Scan, tracked: Mapping[str, FileEntry], head: str) -> Iterator[tuple[str, str]]:
        """Say of each tracked file whether its bytes on disk are those of HEAD; what cannot be read is not compared."""
        for path, committed in tracked.items():
            found = scan.listing.files.get(path)
            if found is None and path not in scan.listing.problems:
                yield path, f"is in {head} and not on disk"
            elif found is not None and not self._is_committed(scan, found, committed):
                yield path, f"on disk differs from {head}"

    def _is_committed(self, scan: Scan, found: FileEntry, committed: FileEntry) -> bool:
        """Compare a file with the committed one by the hash that is known of the latter; a link by its target too."""
        if found.path not in scan.places:
            return found.identity == committed.identity
        place = scan.places[found.path][0]
        if place.is_symlink() and git_blob_id(os.fsencode(place.readlink())) == committed.blob_id:
            return True
        if committed.sha256 is not None:
            return self._hashes.sha256(place) == committed.sha256
        return self._hashes.blob_id(place) == committed.blob_id

"""The Hub client's local cache as a Hub (`--hub cache`): what people have downloaded already."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from lineage.errors import FileNotInRevisionError, HubUnreachableError, InputError
from lineage.hub.lfs import pointer_blob_id
from lineage.hub.local.file_hashes import is_inside
from lineage.hub.local.hub import LocalHub
from lineage.hub.local.repository import ByteChunks, LocalRepository
from lineage.hub.revisions import NamedCommit, is_commit_id, is_default, meaning_of
from lineage.hub.target import repository_id_problem
from lineage.progress import SILENT, Progress
from lineage.settings import Settings
from lineage_schemas.file import FileEntry
from lineage_schemas.ref import RefKind
from lineage_schemas.revision import Commit, History, HistoryRef

MODEL_PREFIX = "models--"

INCOMPLETE = "the cache holds only revisions and files that were downloaded: no commits between them, no dates, no tags"

_SHA256 = re.compile(r"[0-9a-f]{64}")

_MAX_LIST_BYTES = 100_000_000


class CacheHub(LocalHub):
    """Read `models--org--name/{blobs,refs,snapshots}` as the Hub client leaves them.

    Named after the endpoint, so that models have the same keys as on the Hub itself. What is not in the cache is
    unknown and not missing: it is refused as unreachable. Snapshots are partial as a rule; where the client kept the
    list of a revision's files, the list is complete and only bytes are lacking.
    """

    offline = True

    def __init__(self, settings: Settings, *, progress: Progress = SILENT) -> None:
        super().__init__(urlsplit(settings.endpoint).netloc.rpartition("@")[2].lower(), progress=progress)
        self.folder = settings.hub_cache
        if not self.folder.is_dir():
            hint = "download a model with `hf download`, or name the cache with HF_HUB_CACHE"
            raise InputError(f"there is no cache at {self.folder}", hint=hint)

    def canonical(self, model: str) -> str:
        """Accept what was downloaded under exactly this name: the cache knows no redirects."""
        problem = repository_id_problem(model)
        if problem is None and (self._place(model) / "snapshots").is_dir():
            return model
        reason = problem or f"it is not in {self.folder}"
        raise HubUnreachableError(f"{model} cannot be read from the cache: {reason}", model=model)

    def open_repository(self, model: str) -> LocalRepository:
        """Open a model's part of the cache."""
        return CachedModel(self._place(self.canonical(model)), model, self.progress)

    def models(self) -> Iterator[str]:
        """List the models of which something was downloaded, in order."""
        try:
            names = [entry.name for entry in self.folder.iterdir() if entry.name.startswith(MODEL_PREFIX)]
        except OSError as error:
            raise HubUnreachableError(f"the cache {self.folder} cannot be read: {error.strerror}") from error
        for model in sorted(_id_of_folder(name) for name in names):
            if repository_id_problem(model) is None and CachedModel(self._place(model), model, self.progress).commits():
                yield model
            else:
                self.progress.note(f"{self.folder}: {model} has no readable revision and is passed over")

    def spellings(self, model: str) -> set[str]:
        """List the ids that differ from a name in case only, by the names of the cache's folders."""
        wanted = (MODEL_PREFIX + model.replace("/", "--")).lower()
        try:
            names = [entry.name for entry in self.folder.iterdir() if entry.name.lower() == wanted]
        except OSError:
            return set()
        return {_id_of_folder(name) for name in names if (self.folder / name / "snapshots").is_dir()}

    def _place(self, model: str) -> Path:
        return self.folder / (MODEL_PREFIX + model.replace("/", "--"))


def _id_of_folder(name: str) -> str:
    """Read the id out of the name of a model's folder: the client writes the slash as `--`, which no id holds."""
    return name.removeprefix(MODEL_PREFIX).replace("--", "/")


class CachedModel(LocalRepository):
    """Read one model of the cache."""

    def __init__(self, folder: Path, model: str, progress: Progress = SILENT) -> None:
        self.model = model
        self._folder = folder
        self._progress = progress

    def commits(self) -> list[str]:
        """List the revisions of which something was downloaded."""
        try:
            return sorted(e.name for e in (self._folder / "snapshots").iterdir() if is_commit_id(e.name) and e.is_dir())
        except OSError:
            return []

    def names(self) -> dict[str, str]:
        """Read the refs that were asked for by name, those with a snapshot; broken ones are told of."""
        names: dict[str, str] = {}
        root = self._folder / "refs"
        for place in sorted(root.rglob("*")) if root.is_dir() else []:
            name = place.relative_to(root).as_posix()
            try:
                commit = place.read_text("ascii").strip() if place.is_file() and is_inside(place, root) else None
            except (OSError, ValueError):
                commit = ""
            if commit is not None and is_commit_id(commit):
                names[name] = commit
            elif commit is not None:
                self._progress.note(f"{self.model}: the cache's ref {name} is broken and is passed over")
        return names

    def resolve(self, revision: str | None) -> NamedCommit:
        """Find a commit that was downloaded; the default revision is `main`, or the only commit there is.

        The cache keeps the names of branches and tags alike, so that `refs/tags/v1` and `refs/heads/v1` are one.
        """
        refs, commits = self._all_refs(), self.commits()
        text = "refs/heads/main" if revision is None or is_default(revision) else revision
        meaning = meaning_of(re.sub(r"^refs/tags/", "refs/heads/", text), refs, commits)
        if meaning.only and meaning.only.commit in commits:
            return meaning.only
        if is_default(revision) and len(commits) == 1:
            return NamedCommit(commits[0])
        several = meaning.ambiguity() or (is_default(revision) and len(commits) > 1)
        what = "cannot tell which is meant of several:" if several else "holds no"
        raise HubUnreachableError(
            f"the cache {what} revision {revision or 'main'} of {self.model}",
            model=self.model,
            hint=f"it has {', '.join(c[:10] for c in commits[:5]) or 'none'}",
        )

    def refs(self) -> tuple[HistoryRef, ...]:
        """List the names whose commit was downloaded too."""
        commits = set(self.commits())
        return tuple(ref for ref in self._all_refs() if ref.target in commits)

    def _all_refs(self) -> tuple[HistoryRef, ...]:
        return tuple(
            HistoryRef(name=_full_name(name), kind=_kind(name), target=commit) for name, commit in self.names().items()
        )

    def files(self, commit: str) -> Mapping[str, FileEntry]:
        """List the files that the client's list of this commit tells of, and those that were downloaded."""
        if commit not in self.commits():
            raise HubUnreachableError(f"the cache holds no revision {commit} of {self.model}", model=self.model)
        entries = self._listed(commit)
        snapshot = self._folder / "snapshots" / commit
        for place in snapshot.rglob("*"):
            path = (
                place.relative_to(snapshot)
                .as_posix()
                .encode(errors="surrogateescape")
                .decode(errors="backslashreplace")
            )
            if path not in entries and place.is_file() and is_inside(place, self._folder):
                entries[path] = _entry(path, place)
        return dict(sorted(entries.items()))

    def history(self, *, pull_requests: bool) -> History:
        """List the commits that were downloaded; what each changed is not known here."""
        refs = self.refs()
        return History(
            model=self.model,
            source="cache",
            default_branch=next((ref.name for ref in refs if ref.name == "refs/heads/main"), None),
            refs=tuple(ref for ref in refs if pull_requests or ref.kind != "pull_request"),
            commits=tuple(Commit(id=commit) for commit in self.commits()),
            incomplete=INCOMPLETE,
        )

    def local_path(self, commit: str, path: str) -> Path | None:
        """Find a downloaded file."""
        entry = self.entry(commit, path)
        place = self._folder / "snapshots" / commit / path
        if is_inside(place, self._folder) and place.is_file() and place.stat().st_size == entry.size:
            return place
        raise FileNotInRevisionError(
            f"{self.model}@{commit}: {path} was not downloaded",
            model=self.model,
            hint=f"hf download {self.model} {path}",
        )

    def chunks(self, commit: str, path: str) -> ByteChunks:
        """Every file that can be read here has a path."""
        raise AssertionError("unreachable: local_path answers for every file that was downloaded")

    def _listed(self, commit: str) -> dict[str, FileEntry]:
        """Read the list of a commit's files that the client may have kept; a broken one is told of."""
        place = self._folder / "trees" / f"{commit}.json"
        try:
            if not place.is_file() or place.stat().st_size > _MAX_LIST_BYTES:
                return {}
            kept = json.loads(place.read_bytes())
            if kept["format_version"] != 1:
                return {}
            return {path: _listed_entry(path, info) for path, info in kept["files"].items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            self._progress.note(
                f"{self.model}: the cache's list of files of {commit[:10]} is broken and is passed over"
            )
            return {}


def _listed_entry(path: str, info: dict[str, str | int | None]) -> FileEntry:
    """Read one line of the client's list; the record refuses what has a wrong type with a ValueError."""
    sha256 = info.get("lfs_sha256")
    size = info.get("lfs_size") if sha256 else info["size"]
    return FileEntry.model_validate(
        {"path": path, "blob_id": info["blob_id"], "size": size, "sha256": sha256, "xet_hash": info.get("xet_hash")}
    )


def _entry(path: str, place: Path) -> FileEntry:
    """Name a downloaded file: the client calls a blob by its ETag, the sha256 of LFS files and the git id of others.

    Where the file system has no links, files lie in the snapshot itself and their identity is not known.
    """
    size = place.stat().st_size
    blob = place.resolve().name if place.is_symlink() else ""
    if _SHA256.fullmatch(blob):
        return FileEntry(path=path, blob_id=pointer_blob_id(blob, size), size=size, sha256=blob)
    return FileEntry(path=path, blob_id=blob if is_commit_id(blob) else None, size=size)


def _full_name(name: str) -> str:
    """Write a ref's full name; the cache does not tell tags from branches, and a branch announces nothing."""
    return name if name.startswith("refs/") else f"refs/heads/{name}"


def _kind(name: str) -> RefKind:
    return "pull_request" if name.startswith("refs/pr/") else "branch"

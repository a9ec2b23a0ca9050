"""The Hub client's local cache as a Hub (`--hub cache`): what was downloaded to this machine."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from lineage.errors import ContentMismatchError, FileNotInRevisionError, HubUnreachableError, InputError
from lineage.hub.bounds import known_size
from lineage.hub.interface import MAX_TEXT_BYTES, PresentRefs
from lineage.hub.lfs import pointer_blob_id
from lineage.hub.local.file_hashes import FileHashes, is_inside, why_hollow
from lineage.hub.local.hub import LocalHub
from lineage.hub.local.repository import ByteChunks, Lack, Listing, LocalRepository
from lineage.hub.revisions import NamedCommit, is_commit_id, is_default, meaning_of
from lineage.hub.target import repository_id_problem
from lineage.progress import SILENT, Progress
from lineage.settings.environment import Settings
from lineage_schemas.file import FileEntry
from lineage_schemas.history import Commit, History
from lineage_schemas.history_ref import HistoryRef, RefKind

MODEL_PREFIX = "models--"

INCOMPLETE = "the cache holds only revisions and files that were downloaded: no commits between them, no dates, no tags"

PARTIAL = "the cache holds only the files that were downloaded"

_SHA256 = re.compile(r"[0-9a-f]{64}")

_MAX_LIST_BYTES = 100_000_000

_MAX_REF_BYTES = 1_000


class CacheHub(LocalHub):
    """Read `models--org--name/{blobs,refs,snapshots}` as the Hub client leaves them.

    Named after the endpoint, so that models have the same keys as on the Hub itself. What is not in the cache is
    unknown and not missing: it is refused as unreachable. The list of a revision's files is partial unless the client
    kept the Hub's list of them; then only bytes may be missing.
    """

    offline = True

    def __init__(self, settings: Settings, *, progress: Progress = SILENT) -> None:
        super().__init__(urlsplit(settings.endpoint).netloc.rpartition("@")[2].lower(), progress=progress)
        self.folder = settings.hub_cache
        if not self.folder.is_dir():
            hint = "download a model with `hf download`, or name the cache with HF_HUB_CACHE"
            raise InputError(f"there is no cache at {self.folder}", hint=hint)

    def refs(self, model: str) -> PresentRefs | None:
        """Return None: the cache has the refs of what was downloaded, not those of the Hub now."""
        return None

    def canonical(self, model: str) -> str:
        """Accept a model that was downloaded under exactly this name: the cache has no redirects."""
        problem = repository_id_problem(model)
        if problem is None and (self._place(model) / "snapshots").is_dir():
            return model
        reason = problem or f"it is not in {self.folder}"
        raise HubUnreachableError(f"{model} cannot be read from the cache: {reason}", model=model)

    def open_repository(self, model: str) -> LocalRepository:
        """Open a model's part of the cache."""
        return CachedModel(self._place(self.canonical(model)), model, self.hashes, self.progress)

    def models(self) -> Iterator[str]:
        """List the models of which something was downloaded, in order."""
        try:
            names = [entry.name for entry in self.folder.iterdir() if entry.name.startswith(MODEL_PREFIX)]
        except OSError as error:
            raise HubUnreachableError(f"the cache {self.folder} cannot be read: {error.strerror}") from error
        for model in sorted(_id_of_folder(name) for name in names):
            if repository_id_problem(model) is None and commits_in(self._place(model)):
                yield model
            else:
                self.progress.note(f"{self.folder}: {model} has no readable revision and is skipped")

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

    def __init__(self, folder: Path, model: str, hashes: FileHashes, progress: Progress = SILENT) -> None:
        self.model = model
        self._folder = folder
        self._hashes = hashes
        self._progress = progress

    def resolve(self, revision: str | None) -> NamedCommit:
        """Find a commit that was downloaded; the default revision is `main`, or without that ref the only commit.

        The cache keeps the names of branches and tags alike, so that `refs/tags/v1` and `refs/heads/v1` are one. A ref
        whose commit was not downloaded is never answered with another commit.
        """
        commits = commits_in(self._folder)
        text = "refs/heads/main" if revision is None or is_default(revision) else revision
        meaning = meaning_of(re.sub(r"^refs/tags/", "refs/heads/", text), self._all_refs(), commits)
        found = meaning.only
        if found is not None and found.commit in commits:
            return found
        if found is None and is_default(revision) and len(commits) == 1:
            return NamedCommit(commits[0])
        asked = revision or "main"
        if found is not None:
            raise self._not_downloaded(f"{asked} is {found.commit}, which was not downloaded", asked)
        several = meaning.ambiguity() or (is_default(revision) and len(commits) > 1)
        what = "the cache holds several that it may be" if several else "it is not in the cache"
        raise self._not_downloaded(f"revision {asked}: {what}", asked)

    def refs(self) -> tuple[HistoryRef, ...]:
        """List the names whose commit was downloaded too."""
        commits = set(commits_in(self._folder))
        return tuple(ref for ref in self._all_refs() if ref.target in commits)

    def _all_refs(self) -> tuple[HistoryRef, ...]:
        names = self._names().items()
        return tuple(HistoryRef(name=_full_name(name), kind=_kind(name), target=commit) for name, commit in names)

    def listing(self, commit: str) -> Listing:
        """List the files in the client's list of this commit and those in its snapshot folder.

        A link whose blob was removed still names the file's SHA-256 or git id. Without the client's list a file that is
        not in the snapshot may exist, unless the client asked for it and wrote down that it does not.
        """
        if commit not in commits_in(self._folder):
            raise HubUnreachableError(f"the cache holds no revision {commit} of {self.model}", model=self.model)
        listed = self._listed(commit)
        entries, lacks, problems = dict(listed or {}), {}, {}
        for path, place in _walk(self._folder / "snapshots" / commit):
            found, problem = self._found(path, place)
            if found is None:
                problems[path] = problem or ""
            elif problem is not None or _contradicts(found, entries.get(path)):
                lacks[path] = self._lack(commit, path, problem or "the downloaded file is not the one that is listed")
            if found is not None:
                entries.setdefault(path, found)
        for path in listed or {}:
            if path not in problems and not os.path.lexists(self._folder / "snapshots" / commit / path):
                lacks[path] = self._lack(commit, path, "it was not downloaded")
        return Listing(
            dict(sorted((path, entry) for path, entry in entries.items() if path not in problems)),
            partial=None if listed is not None else f"{PARTIAL} (`hf download {self.model}` fetches the others)",
            known_absent=frozenset(path for path, _ in _walk(self._folder / ".no_exist" / commit)),
            lacks=lacks,
            problems=problems,
        )

    def history(self, *, pull_requests: bool) -> History:
        """List the commits that were downloaded; what each changed is not known here."""
        refs = self.refs()
        return History(
            model=self.model,
            source="cache",
            default_branch=next((ref.name for ref in refs if ref.name == "refs/heads/main"), None),
            refs=tuple(ref for ref in refs if pull_requests or ref.kind != "pull_request"),
            commits=tuple(Commit(id=commit) for commit in commits_in(self._folder)),
            incomplete=INCOMPLETE,
        )

    def local_path(self, commit: str, path: str) -> Path | None:
        """Find a downloaded file; a small one is compared with its id first. Raises ContentMismatchError."""
        entry = self.entry(commit, path)
        place = self._folder / "snapshots" / commit / path
        if not place.is_file():
            raise FileNotInRevisionError(f"{self.model}@{commit}: there is no file {path}", model=self.model)
        try:
            if entry.size is None or entry.size <= MAX_TEXT_BYTES:
                self._check(entry, place)
        except OSError as error:
            raise FileNotInRevisionError(
                f"{path}: the cached file cannot be read: {error.strerror or error}", model=self.model
            ) from error
        return place

    def chunks(self, commit: str, path: str) -> ByteChunks:
        """Every file that can be read here has a path."""
        raise AssertionError("unreachable: local_path answers for every file that was downloaded")

    def _check(self, entry: FileEntry, place: Path) -> None:
        """Compare a file's content with the id that its name gives. Raises ContentMismatchError, OSError."""
        if entry.sha256 is not None:
            kind, named, real = "SHA-256", entry.sha256, self._hashes.sha256(place)
        elif entry.blob_id is not None:
            kind, named, real = "git blob id", entry.blob_id, self._hashes.blob_id(place)
        else:
            return
        if named != real:
            raise ContentMismatchError(
                f"{entry.path}: the cached file does not match its name: its {kind} is {real}, not {named}",
                model=self.model,
                hint=f"delete {place.resolve()} and download it again",
            )

    def _found(self, path: str, place: Path) -> tuple[FileEntry | None, str | None]:
        """Name the file at a place of a snapshot, and why its bytes are not here; no entry where nothing names it."""
        if is_inside(place, self._folder):
            if not place.is_file():
                return None, "it is a symbolic link to a folder" if place.is_dir() else "it is not a regular file"
            return _entry(path, place, place.stat().st_size), why_hollow(place)
        target = Path(os.path.normpath(place.parent / place.readlink())) if place.is_symlink() else place
        if place.exists() or target.parent != Path(os.path.normpath(self._folder / "blobs")):
            return None, "it is a symbolic link that leads out of the model's folder, or nowhere"
        return _entry(path, target, None), "its bytes are not in the cache any more, or were never downloaded"

    def _lack(self, commit: str, path: str, reason: str) -> Lack:
        return Lack(reason, f"hf download {self.model} {path} --revision {commit}")

    def _not_downloaded(self, what: str, revision: str) -> HubUnreachableError:
        here = ", ".join(commit[:10] for commit in commits_in(self._folder)[:5]) or "nothing"
        wanted = "" if revision in ("main", "HEAD") else f" --revision {revision}"
        return HubUnreachableError(
            f"{self.model}: {what}",
            model=self.model,
            hint=f"`hf download {self.model}{wanted}` fetches it; the cache holds {here}",
        )

    def _names(self) -> dict[str, str]:
        """Read the refs that were downloaded by name; broken ones are reported and skipped."""
        names: dict[str, str] = {}
        root = self._folder / "refs"
        for place in sorted(root.rglob("*")) if root.is_dir() else []:
            if place.is_dir():
                continue
            name = os.fsencode(place.relative_to(root).as_posix()).decode(errors="backslashreplace")
            try:
                commit = _first_bytes(place).strip() if is_inside(place, root) else ""
            except (OSError, ValueError):
                commit = ""
            if is_commit_id(commit):
                names[name] = commit
            else:
                self._progress.note(f"{self.model}: the cache's ref {name} is broken and is skipped")
        return names

    def _listed(self, commit: str) -> dict[str, FileEntry] | None:
        """Read the list of a commit's files that the client may have kept; a broken one is reported and skipped."""
        place = self._folder / "trees" / f"{commit}.json"
        try:
            if not place.is_file() or place.stat().st_size > _MAX_LIST_BYTES:
                return None
            kept = json.loads(place.read_bytes())
            if kept["format_version"] != 1:
                return None
            return {path: _listed_entry(path, info) for path, info in kept["files"].items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            self._progress.note(f"{self.model}: the cache's list of files of {commit[:10]} is broken and is skipped")
            return None


def _first_bytes(place: Path) -> str:
    """Read as much of a ref as a ref has. Raises OSError, ValueError."""
    if not place.is_file():
        raise ValueError("it is not a regular file")
    with place.open("rb") as file:
        return file.read(_MAX_REF_BYTES).decode("ascii")


def commits_in(folder: Path) -> list[str]:
    """List the revisions of a cached model of which something was downloaded."""
    try:
        return sorted(e.name for e in (folder / "snapshots").iterdir() if is_commit_id(e.name) and e.is_dir())
    except OSError:
        return []


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """List the files and links below a folder, none if the folder does not exist."""
    for place in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if place.is_symlink() or not place.is_dir():
            yield os.fsencode(place.relative_to(folder).as_posix()).decode(errors="backslashreplace"), place


def _listed_entry(path: str, info: dict[str, str | int | None]) -> FileEntry:
    """Read one line of the client's list; a wrong type or an impossible size is refused with a ValueError."""
    sha256 = info.get("lfs_sha256")
    size = info.get("lfs_size") if sha256 else info["size"]
    if isinstance(size, int) and known_size(size) is None:
        raise ValueError(f"{path} has a size that no file has")
    return FileEntry.model_validate(
        {"path": path, "blob_id": info["blob_id"], "size": size, "sha256": sha256, "xet_hash": info.get("xet_hash")}
    )


def _entry(path: str, place: Path, size: int | None) -> FileEntry:
    """Name a downloaded file: the client calls a blob by its ETag, the sha256 of LFS files and the git id of others.

    Where the file system has no links, files are in the snapshot itself and their identity is not known.
    """
    blob = place.resolve().name if place.is_symlink() or place.parent.name == "blobs" else ""
    if _SHA256.fullmatch(blob):
        blob_id = None if size is None else pointer_blob_id(blob, size)
        return FileEntry(path=path, blob_id=blob_id, size=size, sha256=blob)
    return FileEntry(path=path, blob_id=blob if is_commit_id(blob) else None, size=size)


def _contradicts(found: FileEntry, listed: FileEntry | None) -> bool:
    """Say whether a downloaded file is another one than the list names."""
    if listed is None:
        return False
    pairs = ((found.sha256, listed.sha256), (found.blob_id, listed.blob_id), (found.size, listed.size))
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def _full_name(name: str) -> str:
    """Write a ref's full name; the cache does not know which names are tags, and a branch announces nothing."""
    return name if name.startswith("refs/") else f"refs/heads/{name}"


def _kind(name: str) -> RefKind:
    return "pull_request" if name.startswith("refs/pr/") else "branch"

"""What the Hub's API lists, as records: refs, files of a commit, and the model's own page.

This module does not import the Hub's client: the connection brings it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lineage.errors import GatedError, HubAnswerError, ModelNotFoundError, RevisionNotFoundError
from lineage.hub.bounds import known_size
from lineage.hub.git.texts import without_surrogates
from lineage.hub.revisions import is_commit_id, ref_kind
from lineage_schemas.file import FileEntry
from lineage_schemas.history_ref import HistoryRef, RefKind

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo
    from huggingface_hub.hf_api import GitRefInfo, RepoFile, RepoSibling

    from lineage.hub.huggingface.connection import Connection

_SHA256 = re.compile(r"[0-9a-f]{64}")

_REFS_PATH = re.compile(r"/api/models/([^?#]+)/refs(?:[?#]|$)")


def model_info(connection: Connection, model: str, revision: str | None, *, sizes: bool = False) -> ModelInfo:
    """Request a model's page at a revision: canonical id, commit, and observed facts."""

    def ask() -> ModelInfo:
        info = connection.api.model_info(model, revision=revision, files_metadata=sizes)
        if not isinstance(info.id, str) or not (info.id.isascii() and info.id.isprintable()):
            raise HubAnswerError(f"{model}: the Hub's answer does not name the model", model=model)
        if not is_commit_id(info.sha):
            raise HubAnswerError(f"{model}: the Hub's answer does not name the commit", model=model)
        return info

    return connection.call(ask, model, RevisionNotFoundError if revision else ModelNotFoundError)


def list_refs(connection: Connection, model: str, *, pull_requests: bool) -> tuple[HistoryRef, ...]:
    """List branches and tags, on request pull requests too, in order of their full names. One request."""

    def ask() -> tuple[HistoryRef, ...]:
        refs = connection.api.list_repo_refs(model, include_pull_requests=pull_requests)
        kinds: tuple[tuple[RefKind, Iterable[GitRefInfo] | None], ...] = (
            ("branch", refs.branches),
            ("tag", refs.tags),
            ("pull_request", refs.pull_requests),
        )
        found = [_ref(model, ref, kind) for kind, some in kinds for ref in some or ()]
        if len({ref.name for ref in found}) < len(found):
            raise HubAnswerError(f"{model}: the Hub lists two refs of one name", model=model)
        return tuple(sorted(found, key=lambda ref: ref.name))

    return connection.call(ask, model)


def _ref(model: str, ref: GitRefInfo, kind: RefKind) -> HistoryRef:
    """Read a ref of the list. Raises HubAnswerError if its name is not of its kind, or its target not an id."""
    if ref_kind(ref.ref) != kind or not is_commit_id(ref.target_commit):
        raise HubAnswerError(f"{model}: the Hub lists a {kind.replace('_', ' ')} that is not one", model=model)
    return HistoryRef(name=without_surrogates(ref.ref), kind=kind, target=ref.target_commit)


def refs_and_name(
    connection: Connection, model: str, *, pull_requests: bool = False
) -> tuple[str, tuple[HistoryRef, ...]]:
    """List refs, with the model's present name: the list does not contain it, but a redirect to the list does."""
    connection.redirected.clear()
    refs = list_refs(connection, model, pull_requests=pull_requests)
    moved = [_REFS_PATH.search(path) for path in connection.redirected]
    names = [unquote(found[1]) for found in moved if found]
    return (names[-1] if names else model), refs


def default_branch(refs: Iterable[HistoryRef], head: str) -> str | None:
    """Find the default branch: it points at the head, and is `main` if that does.

    The API names the head's commit and not its branch. None if several branches other than `main` point at it.
    """
    names = [ref.name for ref in refs if ref.kind == "branch" and ref.target == head]
    if "refs/heads/main" in names:
        return "refs/heads/main"
    return names[0] if len(names) == 1 else None


def list_files(connection: Connection, model: str, commit: str) -> tuple[FileEntry, ...]:
    """List the files of a commit in order of path, one request for each thousand.

    If the tree of a gated repository is refused, the model's page at the commit lists the same without Xet hashes.
    Raises RevisionNotFoundError; GatedError if that page does not list them either.
    """
    try:
        entries = _once(connection.pages(lambda: _tree(connection, model, commit), model), model)
    except GatedError:
        siblings = model_info(connection, model, commit, sizes=True).siblings
        if siblings is None:
            raise
        entries = connection.call(lambda: _once((_sibling_entry(item, model) for item in siblings), model), model)
    return tuple(sorted(entries, key=lambda entry: entry.path))


def _once(entries: Iterable[FileEntry], model: str) -> list[FileEntry]:
    """Collect valid entries. Raises HubAnswerError if one is repeated: pages that link in a circle would never end.

    It is also raised for an id that is not one. Files are compared by their ids: one hash in two spellings, or two
    texts that are not ids, would be a change of the file.
    """
    found: dict[str, FileEntry] = {}
    for entry in entries:
        if not _has_ids(entry):
            raise HubAnswerError(
                f"{model}: the Hub lists {entry.path} with an id or a hash that is not one", model=model
            )
        if entry.path in found:
            raise HubAnswerError(f"{model}: the Hub lists {entry.path} twice in one tree", model=model)
        found[entry.path] = entry
    return list(found.values())


def _has_ids(entry: FileEntry) -> bool:
    """Return whether the ids of a file, as far as the Hub gives them, have the form of git's ids and of hashes."""
    is_sound = entry.blob_id is None or is_commit_id(entry.blob_id)
    return is_sound and (entry.sha256 is None or _SHA256.fullmatch(entry.sha256) is not None)


def _checked(size: int | None, path: str, model: str) -> int | None:
    """Return the size that the Hub gives a file. Raises HubAnswerError for a size that no file has."""
    if isinstance(size, int) and known_size(size) is None:
        what = "a negative size" if size < 0 else "a size that no file has"
        raise HubAnswerError(f"{model}: the Hub lists {path} with {what}", model=model)
    return size


def _tree(connection: Connection, model: str, commit: str) -> Iterator[FileEntry]:
    from huggingface_hub.hf_api import RepoFile

    for item in connection.api.list_repo_tree(model, recursive=True, revision=commit):
        if isinstance(item, RepoFile):
            yield _tree_entry(item, model)


def _tree_entry(item: RepoFile, model: str) -> FileEntry:
    """Read a file of a tree. Without `lfs` the sha256 is unknown: some mirrors leave it out for files in LFS."""
    return FileEntry(
        path=without_surrogates(item.path),
        blob_id=item.blob_id,
        size=_checked(item.lfs.size if item.lfs else item.size, item.path, model),
        sha256=item.lfs.sha256 if item.lfs else None,
        xet_hash=without_surrogates(item.xet_hash) if item.xet_hash else None,
    )


def _sibling_entry(item: RepoSibling, model: str) -> FileEntry:
    """Read a file of a model's page, whose sizes and ids may be left out."""
    return FileEntry(
        path=without_surrogates(item.rfilename),
        blob_id=item.blob_id,
        size=_checked(item.lfs.size if item.lfs else item.size, item.rfilename, model),
        sha256=item.lfs.sha256 if item.lfs else None,
    )

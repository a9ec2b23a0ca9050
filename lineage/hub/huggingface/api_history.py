"""History without git: the API's lists of commits, and the tree of each, compared one after another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lineage.errors import (
    GatedError,
    HubAnswerError,
    HubError,
    HubUnreachableError,
    ModelNotFoundError,
    RevisionNotFoundError,
)
from lineage.hub.git.history import author_key, in_order
from lineage.hub.git.texts import without_surrogates
from lineage.hub.huggingface.listing import default_branch, list_files
from lineage.hub.revisions import is_commit_id, pull_request_number
from lineage.progress import Progress
from lineage_schemas.file import FileVersion
from lineage_schemas.file_change import FileChange
from lineage_schemas.history import Commit, History
from lineage_schemas.history_ref import HistoryRef

if TYPE_CHECKING:
    from lineage.hub.huggingface.connection import Connection

Files = dict[str, FileVersion]

_MERGE_TITLE = re.compile(
    r"Merge (branch|remote-tracking|commit|tag|pull request|[0-9a-f]{7,40} into"
    r"|.*\b(repo|repository|upstream|origin)\b)"
)
"""Titles that git and code hosts give to merges; `Merge LoRA into base` is not one of them."""


def read_history(
    connection: Connection,
    model: str,
    head: str,
    refs: tuple[HistoryRef, ...],
    known: History | None,
    progress: Progress,
) -> History:
    """Read all commits of `refs`: about one request for each commit that is not `known`, and one for each list page.

    The API names no parents. Each commit is taken as the child of the next older one in its list, which is right for
    every history without merges; if titles look like merges, `incomplete` reports it. Commits whose tree is refused or
    gone have unknown changes. A ref that does not point at a commit, such as a tag on a file, is left out and listed in
    `incomplete`: git would follow a tag of a tag, and the API does not distinguish the two. Raises HubError if the head
    itself is missing.
    """
    branch = default_branch(refs, head)
    old = {commit.id: commit for commit in known.commits} if known else {}
    notes: list[str] = []
    commits: dict[str, Commit] = {}
    lost: set[str] = set()
    try:
        for ref in sorted(refs, key=lambda ref: _line_order(ref, branch)):
            if not _list_line(connection, model, ref, commits, old, head):
                lost.add(ref.name)
                notes.append(f"{ref.name} leads to no commit that the API shows")
    except GatedError as error:
        notes.append(f"the list of commits: {error.message}")
    ordered = list(in_order(commits.values()))
    if any(_MERGE_TITLE.match(commit.title) for commit in ordered):
        notes.append("some titles look like merges, and the API does not list parents: all commits count as one line")
    trees = _Trees(connection, model, commits, notes)
    with progress.task(f"history of {model}", total=len(ordered), unit="commits") as task:
        compared = []
        for commit in ordered:
            commits[commit.id] = trees.compared(commit)
            compared.append(commits[commit.id])
            task.advance()
    return History(
        model=model,
        source="api",
        default_branch=branch,
        refs=tuple(ref for ref in refs if ref.name not in lost),
        commits=tuple(compared),
        incomplete="; ".join(dict.fromkeys(notes)) or None,
    )


def _line_order(ref: HistoryRef, default: str | None) -> tuple[int, int, str]:
    """Order refs: the default branch, branches, tags, pull requests; a commit belongs to the first that reaches it."""
    kind = ("branch", "tag", "convert", "pull_request").index(ref.kind)
    return (-1 if ref.name == default else kind, pull_request_number(ref.name) or 0, ref.name)


def _list_line(
    connection: Connection,
    model: str,
    ref: HistoryRef,
    commits: dict[str, Commit],
    old: Mapping[str, Commit],
    head: str,
) -> bool:
    """Add the commits from a ref down to the first one that is there already or was known before.

    False if the Hub finds no commit there; for the head this is an error. The refs were listed just before, so that
    even a 404 without an error code means the ref and not the model.
    """
    if ref.target in commits or ref.target in old:
        _add_known(ref.target, commits, old)
        return True
    newer: Commit | None = None
    try:
        for commit in connection.pages(lambda: _commits(connection, model, ref), model):
            if newer is not None:
                commits[newer.id] = newer.model_copy(update={"parents": (commit.id,)})
            newer = commit
            if commit.id in commits or commit.id in old:
                _add_known(commit.id, commits, old)
                return True
    except (RevisionNotFoundError, ModelNotFoundError):
        if newer is not None or ref.target == head:
            raise
        return False
    if newer is not None:
        commits[newer.id] = newer
    return newer is not None


def _add_known(start: str | None, commits: dict[str, Commit], old: Mapping[str, Commit]) -> None:
    """Add a known commit with all its ancestors."""
    waiting = [start] if start else []
    while waiting:
        commit = old.get(waiting.pop())
        if commit is not None and commit.id not in commits:
            commits[commit.id] = commit
            waiting.extend(commit.parents)


def _commits(connection: Connection, model: str, ref: HistoryRef) -> Iterator[Commit]:
    """Page through the commits that a ref reaches, newest first, with the client's own pagination.

    HfApi.list_repo_commits reads every page before it gives the first commit; here reading stops where commits are
    known.
    """
    from huggingface_hub.utils import paginate, validate_repo_id  # type: ignore[attr-defined]  # exported lazily

    validate_repo_id(model)
    url = f"{connection.endpoint}/api/models/{model}/commits/{ref.target}"
    for item in paginate(url, params={}, headers=connection.headers()):
        if not is_commit_id(item["id"]):
            raise HubAnswerError(f"{model}: the Hub lists a commit without the id of one", model=model)
        yield _commit(item, pull_request_number(ref.name))


def _commit(item: Mapping[str, Any], number: int | None) -> Commit:
    """Read one commit of the list; one whose title names a pull request belongs to it."""
    named = re.search(r"\(#([0-9]{1,9})\)$", item["title"])
    author = next((author.get("user") for author in item.get("authors") or ()), None)
    return Commit(
        id=item["id"],
        date=_date(item["date"]),
        author_key=author_key(without_surrogates(author).encode()) if author else None,
        title=without_surrogates(item["title"]),
        message=without_surrogates(item.get("message") or ""),
        pull_request=int(named[1]) if named else number,
    )


def _date(text: str) -> datetime | None:
    """Read a date; None if it cannot be represented (a year of five digits), as for histories read by git."""
    from huggingface_hub.utils import parse_datetime  # type: ignore[attr-defined]  # exported lazily

    try:
        return parse_datetime(text)
    except ValueError:
        return None


class _Trees:
    """Work out the changes of commits that come parents first; a tree is kept as long as a child may need it."""

    def __init__(self, connection: Connection, model: str, commits: Mapping[str, Commit], notes: list[str]) -> None:
        self._connection = connection
        self._model = model
        self._notes = notes
        self._trees: dict[str, Files | None] = {}
        self._children: dict[str, int] = {}
        for commit in commits.values():
            for parent in commit.parents[:1]:
                self._children[parent] = self._children.get(parent, 0) + 1

    def compared(self, commit: Commit) -> Commit:
        """Add the changes against the first parent: from what is known if that is enough, else from the Hub."""
        parent = commit.parents[0] if commit.parents else None
        before: Files | None = self._trees.get(parent) if parent else {}
        if commit.changes is None:
            after = self._asked(commit.id)
            if before is not None and after is not None:
                commit = commit.model_copy(update={"changes": tuple(_differences(before, after))})
        else:
            after = _replayed(before, commit.changes) if before is not None else None
        self._trees[commit.id] = after
        if parent:
            self._children[parent] -= 1
            if not self._children[parent]:
                self._trees.pop(parent, None)
        return commit

    def _asked(self, commit: str) -> Files | None:
        """Request a tree; if that fails, note it and leave the changes unknown."""
        try:
            entries = list_files(self._connection, self._model, commit)
        except HubUnreachableError:
            raise
        except HubError as error:
            self._notes.append(f"the files of some commits: {error.message}")
            return None
        return {
            entry.path: FileVersion(blob_id=entry.blob_id, size=entry.size, sha256=entry.sha256) for entry in entries
        }


def _differences(before: Files, after: Files) -> Iterator[FileChange]:
    """Compare two trees, in order of path."""
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is None:
            yield FileChange(path=path, status="A", new=new)
        elif new is None:
            yield FileChange(path=path, status="D", old=old)
        elif not _same(old, new):
            yield FileChange(path=path, status="M", old=old, new=new)


def _same(old: FileVersion, new: FileVersion) -> bool:
    """Compare by blob id where both sides have one: a sha256 that only one side has is not a difference."""
    if old.blob_id and new.blob_id:
        return old.blob_id == new.blob_id
    return old == new


def _replayed(before: Files, changes: Iterable[FileChange]) -> Files:
    """Apply the changes of a known commit to its parent's tree."""
    after = dict(before)
    for change in changes:
        if change.new is None:
            after.pop(change.path, None)
        else:
            after[change.path] = change.new
    return after

"""The history of a bare repository or work tree, read from git objects alone."""

from __future__ import annotations

import hashlib
import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from lineage.errors import few
from lineage.hub.git.changes import NO_TREE, read_changes
from lineage.hub.git.files import find_files, read_format, refuse_objects
from lineage.hub.git.objects import GitObjects
from lineage.hub.git.refs import read_refs
from lineage.hub.git.texts import decode_text
from lineage.hub.interface import MAX_TEXT_BYTES, too_long
from lineage.hub.revisions import pull_request_number
from lineage_schemas.history import Commit, History, HistorySource
from lineage_schemas.history_ref import HistoryRef

_AUTHOR_KEY = b"lineage author key, version 1"

_ID = re.compile(rb"[0-9a-f]{40}")

MAX_HEADER_BYTES = 1_000_000
"""Size of a commit's header; a merge of hundreds of signed tags has less."""

MAX_MESSAGES_BYTES = 200_000_000
"""Size of all messages of a history together: ten times that of the longest real ones."""


class RawCommit(NamedTuple):
    """The content of a commit object; title and message are empty if `unread_message` has the reason."""

    id: str
    tree: str
    parents: tuple[str, ...]
    date: datetime | None
    author_key: str | None
    title: str
    message: str
    signed: bool
    unread_message: str | None = None


Ordered = TypeVar("Ordered", RawCommit, Commit)


def open_objects(git_dir: Path, model: str) -> GitObjects:
    """Open the objects of a bare repository, or of a work tree's `.git`, a linked one too.

    Raises HubAnswerError if there is no repository, if its format is not supported, or if something that git would open
    is not a file.
    """
    files = find_files(git_dir, model)
    read_format(files)
    refuse_objects(files)
    return GitObjects(files.objects, model)


def read_history(
    git_dir: Path,
    model: str,
    *,
    source: HistorySource,
    pull_requests: bool = False,
    objects: GitObjects | None = None,
    incomplete: str | None = None,
) -> History:
    """Read every commit reachable from branches, tags and HEAD, on request from pull requests too.

    Changes are against the first parent. A missing object makes something unknown and never fails: a missing blob
    leaves sizes and hashes None, a missing tree a commit's changes, a missing parent (a shallow clone) what lies
    before; `incomplete` reports the last two, messages that are too long, and refs and commits that cannot be read.
    """
    opened = objects or open_objects(git_dir, model)
    try:
        refs = read_refs(git_dir, opened)
        kept = tuple(ref for ref in refs.refs if pull_requests or ref.kind != "pull_request")
        commits, missing, damaged = read_commits(opened, [*(ref.target for ref in kept), *filter(None, [refs.head])])
        ordered = list(in_order(commits.values()))
        changes, unread = read_changes(
            opened, [(commit.id, commit.tree, _before(commit, commits)) for commit in ordered]
        )
        numbers = _pull_request_numbers(commits, kept)
        unreadable = [f"{name} ({why})" for name, why in refs.unreadable.items()]
        notes = [
            incomplete,
            f"refs cannot be read: {few(unreadable)}" if unreadable else None,
            f"commits cannot be read: {few(damaged)}" if damaged else None,
            _missing(git_dir, model, missing) if missing else None,
            f"the changes of {unread} commits are not known: trees are missing or too large" if unread else None,
            _unread_messages(commits.values()),
        ]
        return History(
            model=model,
            source=source,
            default_branch=refs.default_branch,
            refs=kept,
            commits=tuple(
                Commit(
                    id=commit.id,
                    parents=commit.parents,
                    date=commit.date,
                    author_key=commit.author_key,
                    title=commit.title,
                    message=commit.message,
                    signed=commit.signed,
                    pull_request=numbers.get(commit.id),
                    unread_message=commit.unread_message,
                    changes=changes.get(commit.id),
                )
                for commit in ordered
            ),
            incomplete="; ".join(filter(None, notes)) or None,
        )
    finally:
        if objects is None:
            opened.close()


def read_commits(objects: GitObjects, heads: Iterable[str]) -> tuple[dict[str, RawCommit], int, list[str]]:
    """Follow all parents from `heads`.

    Returns the commits that are here, the number of missing ones, and those that cannot be read, each with its reason.
    """
    commits: dict[str, RawCommit] = {}
    damaged: list[str] = []
    missing = 0
    left = MAX_MESSAGES_BYTES
    frontier = list(dict.fromkeys(heads))
    seen = set(frontier)
    while frontier:
        following: list[str] = []
        for commit_id, content in objects.each_content(frontier, "commit"):
            commit = parse_commit(commit_id, content, limit=left) if content is not None else None
            if commit is None:
                problem = objects.problem(commit_id) or ("is not valid" if content is not None else None)
                missing += problem is None
                damaged += [f"{commit_id[:12]} {problem}"] if problem else []
                continue
            left -= len(commit.message)
            commits[commit_id] = commit
            following += [parent for parent in commit.parents if parent not in seen]
            seen.update(commit.parents)
        frontier = list(dict.fromkeys(following))
    return commits, missing, damaged


def parse_commit(commit_id: str, content: bytes, *, limit: int = MAX_TEXT_BYTES) -> RawCommit | None:
    """Read a commit object, its text in the encoding that its header names; None if it is not a commit.

    A text of more than `limit` bytes, or MAX_TEXT_BYTES, is not read.
    """
    # Example: "tree 4b82…\nparent 1c9f…\nauthor Ada <ada@x> 1700000000 +0100\ncommitter …\n\nAdd weights\n\nEpoch 3".
    # The first empty line ends the header. A merge has several `parent` lines, hence lists of values.
    end = content.find(b"\n\n")
    head, body = (content, b"") if end < 0 else (content[:end], content[end + 2 :])
    if len(head) > MAX_HEADER_BYTES:
        return None
    unread = too_long(len(body)) if len(body) > MAX_TEXT_BYTES else None
    if unread is None and len(body) > limit:
        unread = f"the messages of the history have more than {MAX_MESSAGES_BYTES:,} bytes"
    fields: dict[bytes, list[bytes]] = defaultdict(list)
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        fields[key].append(value)  # the lines of a signature begin with a space: they are collected under the key ""
    ids = [*fields[b"tree"], *fields[b"parent"]]
    if len(fields[b"tree"]) != 1 or not fields[b"committer"] or not all(_ID.fullmatch(found) for found in ids):
        return None
    text = decode_text(b"" if unread else body, (fields[b"encoding"] or [b"utf-8"])[0])
    title, _, message = text.lstrip("\n").partition("\n")
    return RawCommit(
        id=commit_id,
        tree=fields[b"tree"][0].decode(),
        parents=tuple(parent.decode() for parent in fields[b"parent"]),
        date=_date(fields[b"committer"][0]),
        author_key=author_key(fields[b"author"][0]) if fields[b"author"] else None,
        title=title.strip(),
        message=message.strip(),
        signed=bool(fields[b"gpgsig"] or fields[b"gpgsig-sha256"]),
        unread_message=unread,
    )


def _missing(git_dir: Path, model: str, count: int) -> str:
    """Report missing parents, which a shallow clone does not have on purpose."""
    shallow = (find_files(git_dir, model).common / "shallow").exists()
    return f"{'the clone is shallow' if shallow else 'the repository is damaged'}: {count} parent commits are missing"


def _unread_messages(commits: Iterable[RawCommit]) -> str | None:
    """Report which messages are unknown because they are too long."""
    unread = sorted(commit.id[:12] for commit in commits if commit.unread_message)
    return f"the messages of {few(unread)} are not known: they are too long" if unread else None


def author_key(identity: bytes) -> str:
    """Make a pseudonym of a git identity (`Name <mail> date zone`): equal authors have equal keys.

    A keyed hash of the lower-cased address and name, the same on every machine so that stores can be joined. It keeps
    names out of stores and answers; it does not protect an author whose name and address can be guessed and hashed.
    """
    name, _, rest = identity.partition(b"<")
    mail = rest.partition(b">")[0]
    plain = mail.strip().lower() + b"\0" + name.strip().lower()
    return hashlib.blake2b(plain, key=_AUTHOR_KEY, digest_size=16).hexdigest()


def in_order(commits: Iterable[Ordered]) -> Iterator[Ordered]:
    """Yield commits with parents before children, ties by date and then id."""
    by_id = {commit.id: commit for commit in commits}
    waiting = {commit.id: len({p for p in commit.parents if p in by_id}) for commit in by_id.values()}
    children: dict[str, list[str]] = defaultdict(list)
    for commit in by_id.values():
        for parent in set(commit.parents):
            children[parent].append(commit.id)

    def place(commit: Ordered) -> tuple[float, str]:
        return (commit.date.timestamp() if commit.date else 0.0, commit.id)

    ready = [place(by_id[commit]) for commit, count in waiting.items() if not count]
    heapq.heapify(ready)
    while ready:
        _, commit_id = heapq.heappop(ready)
        yield by_id[commit_id]
        for child in children[commit_id]:
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, place(by_id[child]))


def _before(commit: RawCommit, commits: Mapping[str, RawCommit]) -> str | None:
    """Find the tree that a commit's changes are against: NO_TREE for a root, None where the parent is not here."""
    if not commit.parents:
        return NO_TREE
    parent = commits.get(commit.parents[0])
    return parent.tree if parent else None


def _pull_request_numbers(commits: Mapping[str, RawCommit], refs: Sequence[HistoryRef]) -> dict[str, int]:
    """Map commits to pull requests: those that only its ref reaches, and those whose title ends with `(#N)`."""
    numbers = {
        commit.id: int(match[1])
        for commit in commits.values()
        if (match := re.search(r"\(#([0-9]{1,9})\)$", commit.title))
    }
    requests = sorted((n, ref.target) for ref in refs if (n := pull_request_number(ref.name)) is not None)
    own = _reachable(commits, (ref.target for ref in refs if ref.kind != "pull_request"), set())
    for number, target in requests:
        fresh = _reachable(commits, [target], own)
        numbers |= {commit: number for commit in fresh if commit not in numbers}
        own |= fresh
    return numbers


def _reachable(commits: Mapping[str, RawCommit], starts: Iterable[str], known: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        commit = waiting.pop()
        if commit in commits and commit not in known and commit not in found:
            found.add(commit)
            waiting += commits[commit].parents
    return found


def _date(identity: bytes) -> datetime | None:
    """Read the seconds of `Name <mail> SECONDS ZONE`; None if they are not a date up to the year 9999.

    The zone is ignored: old tools wrote zones such as `+051800`, and the seconds are counted in UTC anyway.
    """
    # Example: `Ada <ada@example.org> 1700000000 +0100` gives 2023-11-14T22:13:20Z. The last `>` counts, because a name
    # may contain one; negative seconds are dates before 1970, and 15 digits are refused by datetime, not by int.
    match = re.match(rb" *(-?\d{1,15})(?: |$)", identity.rpartition(b">")[2])
    try:
        return datetime.fromtimestamp(int(match[1]), UTC) if match else None
    except (OverflowError, ValueError, OSError):
        return None

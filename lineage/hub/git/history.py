"""The history of a bare repository or work tree, read from git objects alone."""

from __future__ import annotations

import hashlib
import heapq
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from lineage.errors import HubAnswerError
from lineage.hub.git.changes import NO_TREE, read_changes
from lineage.hub.git.objects import GitObjects
from lineage.hub.git.program import git_environment, run_git
from lineage.hub.interface import MAX_TEXT_BYTES, too_long
from lineage_schemas.model import HistorySource
from lineage_schemas.ref import RefKind
from lineage_schemas.revision import Commit, History, HistoryRef

_AUTHOR_KEY = b"lineage author key, version 1"

_KINDS: tuple[tuple[str, RefKind], ...] = (
    (r"refs/heads/.+", "branch"),
    (r"refs/tags/.+", "tag"),
    (r"refs/convert/.+", "convert"),
    (r"refs/pr/(\d+)", "pull_request"),
    (r"refs/pull/(\d+)/head", "pull_request"),
)


class GitRefs(NamedTuple):
    """The names of a repository: refs with their commits, tags peeled, and what HEAD means.

    `head` is HEAD's commit, None where its branch has no commit yet.
    """

    refs: tuple[HistoryRef, ...]
    default_branch: str | None
    head: str | None


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
    """Open the objects of a bare repository, or of a work tree's `.git`, a linked one too."""
    done = run_git(["rev-parse", "--git-common-dir", "--show-object-format"], model=model, git_dir=git_dir)
    folder, _, form = done.stdout.decode(errors="surrogateescape").rstrip("\n").rpartition("\n")
    if not folder:
        raise HubAnswerError(f"{model}: git did not report where the repository's objects are", model=model)
    if form != "sha1":
        raise HubAnswerError(f"{model}: the repository uses {form} object ids; only sha1 is supported", model=model)
    return GitObjects(Path.cwd() / folder / "objects", model)


def read_refs(git_dir: Path, objects: GitObjects) -> GitRefs:
    """Read branches, tags and pull request refs; those whose commit is missing are left out.

    The default branch is the one that HEAD names. Where HEAD is detached or names a branch that does not exist, it is
    the branch at HEAD's commit, `main`, `master`, or the only branch there is, in this order, and else unknown.
    """
    form = "--format=%(objectname) %(HEAD) %(refname)"
    lines = run_git(["for-each-ref", form], model=objects.model, git_dir=git_dir).stdout.decode(
        errors="backslashreplace"
    )
    rows = [(line[:40], line[41:42] == "*", line[43:]) for line in lines.splitlines()]
    found = objects.infos([f"{target}^{{commit}}" for target, _, _ in rows])
    refs = [
        HistoryRef(name=name, kind=kind, target=info.id)
        for (_, _, name), info in zip(rows, found, strict=True)
        if info is not None and (kind := ref_kind(name)) is not None
    ]
    named = next((name for _, is_head, name in rows if is_head), None)
    branches = {ref.name: ref.target for ref in refs if ref.kind == "branch"}
    head = branches.get(named) if named else _detached_head(git_dir, objects)
    default = named or _likely_default(branches, head)
    return GitRefs(tuple(sorted(refs, key=lambda ref: ref.name)), default, head or branches.get(default or ""))


def ref_kind(name: str) -> RefKind | None:
    """Return the kind of a ref by its full name; None for remote-tracking refs, notes and stashes."""
    return next((kind for pattern, kind in _KINDS if re.fullmatch(pattern, name)), None)


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
    before; `incomplete` reports the last two, and messages that are too long.
    """
    opened = objects or open_objects(git_dir, model)
    try:
        refs = read_refs(git_dir, opened)
        kept = tuple(ref for ref in refs.refs if pull_requests or ref.kind != "pull_request")
        commits, missing = read_commits(opened, [*(ref.target for ref in kept), *filter(None, [refs.head])])
        ordered = list(in_order(commits.values()))
        changes, unread = read_changes(
            opened, [(commit.id, commit.tree, _before(commit, commits)) for commit in ordered]
        )
        numbers = _pull_request_numbers(commits, kept)
        notes = [
            incomplete,
            f"the clone is shallow: {missing} parent commits are missing" if missing else None,
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


def read_commits(objects: GitObjects, heads: Iterable[str]) -> tuple[dict[str, RawCommit], int]:
    """Follow all parents from `heads`; return the commits that are here and the number of missing ones."""
    commits: dict[str, RawCommit] = {}
    missing = 0
    frontier = list(dict.fromkeys(heads))
    seen = set(frontier)
    while frontier:
        following: list[str] = []
        for commit_id, content in zip(frontier, objects.contents(frontier), strict=True):
            commit = parse_commit(commit_id, content) if content is not None else None
            if commit is None:
                missing += 1
                continue
            commits[commit_id] = commit
            following += [parent for parent in commit.parents if parent not in seen]
            seen.update(commit.parents)
        frontier = list(dict.fromkeys(following))
    return commits, missing


def parse_commit(commit_id: str, content: bytes) -> RawCommit | None:
    """Read a commit object; the text is UTF-8 unless its header names another encoding. None if it is not a commit."""
    # Example: "tree 4b82…\nparent 1c9f…\nauthor Ada <ada@x> 1700000000 +0100\ncommitter …\n\nAdd weights\n\nEpoch 3".
    # The first empty line ends the header. A merge has several `parent` lines, hence lists of values.
    head, _, body = content.partition(b"\n\n")
    unread = too_long(len(body)) if len(body) > MAX_TEXT_BYTES else None
    fields: dict[bytes, list[bytes]] = defaultdict(list)
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        fields[key].append(value)  # the lines of a signature begin with a space: they are collected under the key ""
    if not fields[b"tree"] or not fields[b"committer"]:
        return None
    text = _decoded(b"" if unread else body, (fields[b"encoding"] or [b"utf-8"])[0])
    title, _, message = text.lstrip("\n").partition("\n")
    return RawCommit(
        id=commit_id,
        tree=fields[b"tree"][0].decode(errors="replace"),
        parents=tuple(parent.decode(errors="replace") for parent in fields[b"parent"]),
        date=_date(fields[b"committer"][0]),
        author_key=author_key(fields[b"author"][0]) if fields[b"author"] else None,
        title=title.strip(),
        message=message.strip(),
        signed=bool(fields[b"gpgsig"] or fields[b"gpgsig-sha256"]),
        unread_message=unread,
    )


def _unread_messages(commits: Iterable[RawCommit]) -> str | None:
    """Report which messages are unknown because they are too long."""
    unread = sorted(commit.id[:12] for commit in commits if commit.unread_message)
    return f"the messages of {', '.join(unread)} are not known: {too_long(None)}" if unread else None


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
        if (match := re.search(r"\(#(\d{1,9})\)$", commit.title))
    }
    requests = sorted((int(re.sub(r"\D", "", ref.name)), ref.target) for ref in refs if ref.kind == "pull_request")
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


def _detached_head(git_dir: Path, objects: GitObjects) -> str | None:
    """Find HEAD's commit if HEAD is detached or names a branch that does not exist."""
    command = ["git", "--git-dir", str(git_dir), "rev-parse", "--verify", "--quiet", "HEAD"]
    done = subprocess.run(command, env=git_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return objects.commit_id(done.stdout.decode().strip()) if done.returncode == 0 else None


def _likely_default(branches: Mapping[str, str], head: str | None) -> str | None:
    order = sorted(branches, key=lambda name: (name != "refs/heads/main", name != "refs/heads/master", name))
    at_head = [name for name in order if head is not None and branches[name] == head]
    if at_head:
        return at_head[0]
    if order and (len(order) == 1 or order[0] in {"refs/heads/main", "refs/heads/master"}):
        return order[0]
    return None


def _decoded(text: bytes, encoding: bytes) -> str:
    try:
        return text.decode(encoding.decode("ascii"), errors="replace")
    except (LookupError, UnicodeError):
        return text.decode(errors="replace")


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

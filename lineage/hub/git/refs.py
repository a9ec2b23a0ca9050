"""The refs of a repository: branches, tags and pull requests with their commits, and what HEAD means.

A person who may push gives a ref any name, and that name decides nothing else: git's output is cut at line feeds,
which no name has, HEAD is what HEAD says, and a name that is not UTF-8 keeps its bytes as escapes.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lineage.errors import HubAnswerError
from lineage.hub.git.files import find_files, only_refs
from lineage.hub.git.objects import FSCK, GitObjects
from lineage.hub.git.program import run_git
from lineage.hub.revisions import ref_kind
from lineage_schemas.history_ref import HistoryRef

_ROW = re.compile(rb"([0-9a-f]{40}) (refs/[^\n]+)")
_HEAD = re.compile(rb"ref:[ \t]*(refs/[^\0-\x20\x7f]+)\s*|([0-9a-f]{40})\s*")
"""HEAD is what it says: git itself would go on to look for a branch that is called HEAD."""

_BROKEN = re.compile(rb"^warning: ignoring (?:broken ref|dangling symref) ([^\n]+)$", re.MULTILINE)
_TAGGED = re.compile(rb"object ([0-9a-f]{40})\ntype (commit|tag|tree|blob)\n")

_MAX_TAG_DEPTH = 20
"""Tags of tags that are followed; people use two."""


class GitRefs(NamedTuple):
    """Hold the names of a repository: refs with their commits, tags peeled, and what HEAD means.

    `head` is HEAD's commit, None where its branch has no commit yet, or one that cannot be read. `unreadable` has the
    names, HEAD among them, whose commit is missing or cannot be read, each with the reason.
    """

    refs: tuple[HistoryRef, ...]
    default_branch: str | None
    head: str | None
    unreadable: Mapping[str, str]


class _Peeled(NamedTuple):
    """Hold the commit behind an object, or the reason why it cannot be read; neither for a tag of something else."""

    commit: str | None = None
    problem: str | None = None


def read_refs(git_dir: Path, objects: GitObjects) -> GitRefs:
    """Read branches, tags and pull request refs.

    The default branch is the one that HEAD names. Where HEAD is detached or names a branch that does not exist, it is
    the branch at HEAD's commit, `main`, `master`, or the only branch there is, in this order, and else unknown.
    """
    listed, broken, named, detached = _names(git_dir, objects.model)
    rows = {name: target for name, target in listed.items() if ref_kind(name) or name == named}
    peeled = _peel(objects, [*rows.values(), *([detached] if detached else [])])
    commits = {name: found for name, target in rows.items() if (found := peeled[target].commit)}
    problems = {name: peeled[target].problem for name, target in rows.items()}
    problems |= dict.fromkeys(broken - rows.keys(), "it does not name a commit")
    unreadable = {name: why for name, why in sorted(problems.items()) if why and (ref_kind(name) or name == named)}
    refs = tuple(
        HistoryRef(name=name, kind=kind, target=commit)
        for name, commit in sorted(commits.items())
        if (kind := ref_kind(name)) is not None
    )
    branches = {ref.name: ref.target for ref in refs if ref.kind == "branch"}
    if named in unreadable:
        return GitRefs(refs, named, None, {"HEAD": unreadable[named]} | unreadable)
    if detached and (why := peeled[detached].problem):
        return GitRefs(refs, None, None, {"HEAD": why} | unreadable)
    head = commits.get(named) if named else peeled[detached].commit if detached else None
    default = named if named in branches else _likely_default(branches, head)
    return GitRefs(refs, default, head or branches.get(default or ""), unreadable)


def _names(git_dir: Path, model: str) -> tuple[dict[str, str], set[str], str | None, str | None]:
    """Read the refs with their objects, broken refs, and the ref that HEAD names or the object it is at."""
    with only_refs(find_files(git_dir, model)) as (environment, head):

        def git(*arguments: str, allowed: Sequence[int] = (0,)) -> subprocess.CompletedProcess[bytes]:
            return run_git(arguments, model=model, environment=environment, allowed=allowed)

        listed = git("for-each-ref", "--format=%(objectname) %(refname)")
        if head is None:  # 1 means that HEAD is not symbolic
            symbolic = git("symbolic-ref", "--quiet", "HEAD", allowed=(0, 1))
            head = symbolic.stdout if symbolic.returncode else b"ref: " + symbolic.stdout
            head = head or git("rev-parse", "--verify", "HEAD").stdout
    found = _HEAD.fullmatch(head)
    if found is None:
        raise HubAnswerError(f"{model}: the repository's HEAD cannot be read", model=model, hint=FSCK)
    named, detached = (_text(part) if part else None for part in found.groups())
    broken = {_text(name) for name in _BROKEN.findall(listed.stderr)}
    return dict(_rows(listed.stdout, model)), broken, named, detached


def _rows(output: bytes, model: str) -> Iterator[tuple[str, str]]:
    """Yield name and object of each ref that `for-each-ref` printed. Raises HubAnswerError for any other line."""
    # Example: b"1c9f… refs/heads/main\n". A name has neither a line feed nor a backslash, but may have U+2028.
    for line in output.removesuffix(b"\n").split(b"\n") if output else ():
        row = _ROW.fullmatch(line)
        if row is None:
            raise HubAnswerError(f"{model}: git printed a ref that cannot be read", model=model)
        yield _text(row[2]), row[1].decode()


def _text(name: bytes) -> str:
    return name.decode(errors="backslashreplace")


def _peel(objects: GitObjects, targets: Sequence[str]) -> dict[str, _Peeled]:
    """Follow tags to commits, by contents that were compared with their ids."""
    at = {target: target for target in targets}
    found: dict[str, _Peeled] = {}
    for _ in range(_MAX_TAG_DEPTH):
        open_ids = list(dict.fromkeys(name for target, name in at.items() if target not in found))
        kinds = dict(zip(open_ids, objects.infos(open_ids), strict=True))
        tags = [name for name, info in kinds.items() if info and info.kind == "tag"]
        texts = dict(objects.each_content(tags, "tag"))
        for target in [target for target in at if target not in found]:
            name = at[target]
            info, text = kinds[name], texts.get(name)
            tagged = _TAGGED.match(text) if text is not None else None
            if info is None or (info.kind == "tag" and tagged is None):
                problem = objects.problem(name) or ("is missing" if text is None else "is not a valid tag")
                found[target] = _Peeled(problem=f"its object {name} {problem}")
            elif tagged is None:
                found[target] = _Peeled(commit=name if info.kind == "commit" else None)
            else:
                at[target] = tagged[1].decode()
    deep = _Peeled(problem=f"it is a tag of a tag of more than {_MAX_TAG_DEPTH} tags")
    return {target: found.get(target, deep) for target in at}


def _likely_default(branches: Mapping[str, str], head: str | None) -> str | None:
    order = sorted(branches, key=lambda name: (name != "refs/heads/main", name != "refs/heads/master", name))
    at_head = [name for name in order if head is not None and branches[name] == head]
    if at_head:
        return at_head[0]
    if order and (len(order) == 1 or order[0] in {"refs/heads/main", "refs/heads/master"}):
        return order[0]
    return None

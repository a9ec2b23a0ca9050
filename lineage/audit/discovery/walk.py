"""Walk a product's source tree: which files belong to it, and what is left out, and why."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path

from lineage.audit.discovery.ignores import Budget, Repository, Rules, rules_of
from lineage.audit.discovery.patterns import compiled
from lineage.audit.discovery.tree import MODEL_MARKS, Tree, Unread
from lineage.errors import InputError
from lineage_schemas.left_out import LeftOut, LeftOutReason

MAX_FILES = 100_000
"""Files of a tree; the walk ends there."""

MAX_DEPTH = 100
"""Folders inside folders; deeper ones are not read."""

MAX_LEFT_OUT = 100
"""Files and folders of one reason that are named as left out; all are counted."""

MAX_IGNORED = 50_000
"""Entries of ignored folders among which weights are looked for, those of the upper folders first."""

_OF_TOOLS = frozenset(
    {
        *(".git", ".hg", ".svn", ".jj"),
        *("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints"),
    }
)
"""Names of folders of version control, and of caches that repeat the sources."""

LEFT_OUT = _OF_TOOLS | frozenset(
    {
        *("node_modules", "bower_components", "site-packages", ".venv", ".tox", ".nox"),
        *("__pypackages__", ".eggs", ".terraform", ".next", ".yarn", ".pnpm-store"),
    }
)
"""Names of folders that hold no source of the product: version control, environments, installed packages, caches."""

_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")


def walk(root: Path, exclude: Sequence[str] = (), *, unlisted: Sequence[str] = ()) -> Tree:
    """List the files of a tree. `exclude` are patterns as in a .gitignore, and `unlisted` those of our own files.

    Left out are what `.gitignore` files exclude and git does not track, LEFT_OUT, and environments of Python and conda:
    of these, the files in the folder itself and those that git tracks are read. A symbolic link is never followed: what
    it names is read where it is, and reported as unread if that is outside the tree.
    Raises InputError if the root is not a folder that can be read.
    """
    try:
        real = root.resolve(strict=True)
        os.scandir(real).close()
    except (OSError, RuntimeError) as error:
        raise InputError(f"{root}: the folder cannot be read: {getattr(error, 'strerror', None) or error}",
                         hint="name the folder of the product's source") from error  # fmt: skip
    return _Walk(real, exclude, unlisted).run()


class _Walk:
    """Walk one tree, with a stack and no recursion."""

    _budget: Budget

    def __init__(self, root: Path, exclude: Sequence[str], unlisted: Sequence[str]) -> None:
        self.root = root
        self.files: list[str] = []
        self.links: list[str] = []
        self.unread: list[Unread] = []
        self.left_out: list[LeftOut] = []
        self.counts: Counter[LeftOutReason] = Counter()
        self._ignored: list[str] = []
        self._repositories: list[tuple[str, Repository]] = []
        self._visited: set[str] = set()
        self._targets: dict[str, str] = {}
        self._excluded, self._unlisted = compiled(exclude), compiled(unlisted)

    def run(self) -> Tree:
        """Visit the folders in order until all are read or there are too many files."""
        rules = rules_of(self.root)
        self._budget = rules.budget
        if rules.repository is not None:
            self._repositories.append(("", rules.repository))
        stack = [("", rules)]
        while stack and len(self.files) < MAX_FILES:
            folder, rules = stack.pop()
            found = self._folder(folder, rules)
            stack.extend(reversed(found))
        if len(self.files) >= MAX_FILES:
            del self.files[MAX_FILES:]
            reason = f"the tree has {MAX_FILES:,} files or more; the others were not read"
            self.unread.append(Unread(".", reason, "too_many"))
        self._follow()
        for folder, repository in self._repositories:
            if repository.problem is not None:
                reason = f"{repository.problem}, so that ignored files may be tracked ones"
                self.unread.append(Unread(f"{folder}.git/index", reason))
        if self._budget.is_spent:
            reason = "the .gitignore files have too many patterns; what some of them exclude was searched too"
            self.unread.append(Unread(".gitignore", reason, "too_many"))
        ignored = _weights_of(self.root, self._ignored)
        return Tree(self.root, sorted(self.files), sorted(self.links), self.unread, self.left_out, ignored, self.counts)

    def _folder(self, folder: str, rules: Rules) -> list[tuple[str, Rules]]:
        """Note the files of a folder, and return its folders."""
        try:
            with os.scandir(self.root / folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self.unread.append(Unread(folder or ".", f"the folder cannot be read: {error.strerror or error}"))
            return []
        names = {entry.name for entry in entries}
        is_environment = bool(folder) and any(mark in names for mark in _ENVIRONMENT_MARKS)
        if is_environment:
            self._leave_out(folder, "installed", is_folder=True)
        else:
            self._visited.add(folder)
        if folder and ".git" in names:
            repository = Repository(self.root / folder, below=f"{folder}/")
            self._repositories.append((f"{folder}/", repository))
            rules = rules._replace(repository=repository)
        if ".gitignore" in names and not is_environment:  # Python writes one into environments that excludes all
            rules = rules.with_file(self.root, folder)
        folders = []
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_environment and is_folder and not rules.track(path, is_folder=True):
                continue
            inner = self._entry(entry, path, rules, is_folder=is_folder)
            if inner is not None:
                folders.append((path, inner._replace(tracked_only=inner.tracked_only or is_environment)))
        return folders

    def _entry(self, entry: os.DirEntry[str], path: str, rules: Rules, *, is_folder: bool) -> Rules | None:
        """Note a file or link; return the rules of a folder to read."""
        if self._is_left_out(entry, path, rules, is_folder=is_folder):
            return None
        if not path.isprintable() and not _is_encodable(path):
            self.unread.append(Unread(path.encode("utf-8", "backslashreplace").decode(), "the name is not valid UTF-8"))
        elif entry.is_symlink():
            self._link(path)
        elif is_folder:
            if path.count("/") < MAX_DEPTH:
                return rules._replace(tracked_only=rules.ignore(path, is_folder=True))
            self.unread.append(Unread(path, f"the folder is more than {MAX_DEPTH} folders deep", "too_deep"))
        elif entry.is_file(follow_symlinks=False):
            self.files.append(path)
        else:
            self.unread.append(Unread(path, "it is a pipe, a socket or a device, and not a file"))
        return None

    def _is_left_out(self, entry: os.DirEntry[str], path: str, rules: Rules, *, is_folder: bool) -> bool:
        """Return whether a file or folder does not belong to the tree, and note it with the reason."""
        if entry.name in LEFT_OUT and (is_folder or entry.is_symlink()):
            if entry.name not in _OF_TOOLS:
                self._leave_out(path, "installed", is_folder=is_folder)
            return True
        matched = path + "/" if is_folder else path
        if self._unlisted.match_file(matched):
            return True
        if self._excluded.match_file(matched):
            self._leave_out(path, "excluded", is_folder=is_folder)
            return True
        if rules.ignore(path, is_folder=is_folder) and not rules.track(path, is_folder=is_folder):
            self._leave_out(path, "ignored", is_folder=is_folder)
            if len(self._ignored) < MAX_IGNORED:
                self._ignored.append(path)
            return True
        return False

    def _leave_out(self, path: str, reason: LeftOutReason, *, is_folder: bool) -> None:
        self.counts[reason] += 1
        if self.counts[reason] <= MAX_LEFT_OUT:
            shown = path if _is_encodable(path) else path.encode("utf-8", "backslashreplace").decode()
            self.left_out.append(LeftOut(path=f"{shown}/" if is_folder else shown, reason=reason))

    def _link(self, path: str) -> None:
        try:
            target = (self.root / path).resolve(strict=True)
        except (OSError, RuntimeError):
            reason = "the symbolic link leads to nothing that exists, or to itself"
            self.unread.append(Unread(path, reason, "link"))
            return
        if not target.is_relative_to(self.root):
            self.unread.append(Unread(path, "the symbolic link leads out of the tree", "link"))
            return
        if target.is_file():
            self.links.append(path)
        inside = target.relative_to(self.root).as_posix()
        self._targets[path] = "" if inside == "." else inside

    def _follow(self) -> None:
        """Report the links whose targets are in the tree and were not visited: an ignored folder, for example."""
        read = self._visited.union(self.files)
        for path, target in self._targets.items():
            if target not in read:
                reason = f"the symbolic link leads to {target}, which is left out of the tree"
                self.unread.append(Unread(path, reason, "link"))


def _weights_of(root: Path, ignored: Sequence[str]) -> list[str]:
    """List the weight files in what .gitignore files exclude, and the files that make their folders models."""
    from lineage.fingerprint.weight_files import is_weight_file

    found, seen, waiting = [], 0, deque(ignored)
    while waiting and seen < MAX_IGNORED:
        path = waiting.popleft()
        seen += 1
        name = path.rpartition("/")[2]
        full = root / path
        try:
            if full.is_symlink() or name in LEFT_OUT:
                continue
            if full.is_dir():
                names = sorted(each.name for each in full.iterdir())
                if not any(mark in names for mark in _ENVIRONMENT_MARKS):
                    waiting += [f"{path}/{each}" for each in names]
            elif is_weight_file(path) or name in MODEL_MARKS:
                found.append(path)
        except OSError:
            continue
    return found


def _is_encodable(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True

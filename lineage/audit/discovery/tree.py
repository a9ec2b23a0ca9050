"""Walk a product's source tree: which files belong to it, and which of them were not read, and why."""

from __future__ import annotations

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from lineage.audit.discovery.texts import Text
from lineage.errors import InputError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from lineage_schemas.reference import Reference

MAX_TEXT = 1_000_000
"""Bytes of a text; a longer one is not read."""

MAX_FILES = 100_000
"""Files of a tree; the walk ends there."""

MAX_DEPTH = 100
"""Folders inside folders; deeper ones are not read."""

LEFT_OUT = frozenset(
    {
        *(".git", ".hg", ".svn", ".jj", "node_modules", "bower_components", "site-packages", ".venv", ".tox", ".nox"),
        *("__pycache__", "__pypackages__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints"),
        *(".eggs", ".terraform", ".next", ".yarn", ".pnpm-store"),
    }
)
"""Names of folders that hold no source of the product: version control, environments, installed packages, caches."""

_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")
_SNIFFED = 8192
_MARKS = (BOM_UTF16_LE, BOM_UTF16_BE)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"

T = TypeVar("T")


class Unread(NamedTuple):
    """Name a file or folder of the tree that was not read, and why."""

    file: str
    reason: str


class FoundWeights(NamedTuple):
    """Name a weight file of the tree, or with `is_folder` a folder that holds a model. `path` is from the root."""

    path: str
    is_folder: bool


Parse = Callable[[Text, "Tree"], Iterable["Reference"]]
"""Read one text of a tree."""


class Tree:
    """Hold the files of a source tree, and read the texts among them.

    `files` are paths from the root with slashes, sorted; `links` are symbolic links to files that are in the tree
    themselves. `unread` grows while texts are read. `parser_of` returns what reads a text inside another, by the name
    that a file with such a text would have; `discover` sets it, since the parsers themselves need a tree.
    """

    def __init__(
        self, root: Path, files: Sequence[str], links: Sequence[str] = (), unread: Sequence[Unread] = ()
    ) -> None:
        self.root = root
        self.files = tuple(files)
        self.links = tuple(links)
        self.parser_of: Callable[[str], Parse | None] = lambda name: None
        self.embedded = 0  # files inside of which the text is that is being read, and that are not the tree's own
        self._unread = {each.file: each for each in unread}
        self._paths = frozenset(self.files) | frozenset(self.links)
        self._folders = frozenset(_folders(self._paths))
        self._excerpted = ""
        self._texts: dict[str, Text | None] = {}
        self._shared: dict[Callable[[Tree], Any], Any] = {}

    @property
    def unread(self) -> tuple[Unread, ...]:
        """Return what was not read so far, sorted by file."""
        return tuple(sorted(self._unread.values()))

    def exists(self, path: str) -> bool:
        """Tell whether a path from the root is a file or folder of the tree; `./` in front is allowed."""
        plain = path.removeprefix("./").rstrip("/")
        return plain in self._paths or plain in self._folders

    def report(self, file: str, reason: str) -> None:
        """Note that a file was not read, or not as a whole; the first reason is kept."""
        if file != self._excerpted:
            self._unread.setdefault(file, Unread(file, reason))

    @contextmanager
    def excerpts(self, file: str) -> Iterator[None]:
        """While excerpts of code in a document are read, do not report that they are not whole programs."""
        before, self._excerpted = self._excerpted, file
        try:
            yield
        finally:
            self._excerpted = before

    def text(self, file: str, *, expected: bool = True) -> Text | None:
        """Read a file as text, once; None if it is not one, is too long or cannot be read, which `unread` then says.

        `expected=False` is for a file that may as well be binary, such as one without a suffix: then it is only
        reported if it cannot be read.
        """
        if file not in self._texts:
            self._texts[file] = self._read(file, expected)
        return self._texts[file]

    def texts(self) -> Iterator[Text]:
        """Return the texts that were read so far, in the order of reading."""
        yield from (text for text in self._texts.values() if text is not None)

    def shared(self, make: Callable[[Tree], T]) -> T:
        """Return what `make` makes of the tree, made once: an index that several parsers use."""
        if make not in self._shared:
            self._shared[make] = make(self)
        made: T = self._shared[make]
        return made

    def _read(self, file: str, expected: bool) -> Text | None:
        try:
            content = self._content(file, expected)
        except OSError as error:
            self.report(file, f"the file cannot be read: {error.strerror or error}")
            return None
        if content is None:
            return None
        try:
            body = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            body = None
        if body is None or "\0" in body:
            body = _with_mark(content) or _one_byte(content)
        if body is None or "\0" in body:
            if expected:
                self.report(file, "the file is binary, not a text")
            return None
        return Text(file, body.replace("\r\n", "\n").replace("\r", "\n"))

    def _content(self, file: str, expected: bool) -> bytes | None:
        """Return the bytes of a regular file that is not too long. Raises OSError."""
        descriptor = os.open(self.root / file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            size = os.fstat(descriptor).st_size
            head = stream.read(_SNIFFED)
            expected = expected or head.startswith(b"#!")  # a script, whatever its name
            if size > MAX_TEXT:
                if expected:
                    self.report(file, f"the file has {size:,} bytes; texts are read up to {MAX_TEXT:,}")
                return None
            if b"\0" in head and head[:2] not in _MARKS and head[:4] != BOM_UTF32_BE:
                if expected:
                    self.report(file, "the file is binary, not a text")
                return None
            stream.seek(0)
            content = stream.read(MAX_TEXT + 1)
            return content if len(content) <= MAX_TEXT else None


def walk(root: Path, exclude: Sequence[str] = ()) -> Tree:
    """List the files of a tree. `exclude` are patterns as in a .gitignore.

    Left out are what `.gitignore` files exclude, LEFT_OUT, and environments of Python and conda. A symbolic link is
    never followed: what it names is read where it is, and reported as unread if that is outside the tree.
    Raises InputError if the root is not a folder that can be read.
    """
    try:
        root = root.resolve(strict=True)
        os.scandir(root).close()
    except (OSError, RuntimeError) as error:
        raise InputError(f"{root}: the folder cannot be read: {getattr(error, 'strerror', None) or error}",
                         hint="name the folder of the product's source") from error  # fmt: skip
    return _Walk(root, exclude).run()


class _Walk:
    """Walk one tree, with a stack and no recursion."""

    def __init__(self, root: Path, exclude: Sequence[str]) -> None:
        self.root = root
        self.files: list[str] = []
        self.links: list[str] = []
        self.unread: list[Unread] = []
        self._visited: set[str] = set()
        self._targets: dict[str, str] = {}
        self._excluded = _spec(exclude)

    def run(self) -> Tree:
        """Visit the folders in order until all are read or there are too many files."""
        stack = [("", _ignores_above(self.root))]
        while stack and len(self.files) < MAX_FILES:
            folder, ignores = stack.pop()
            found = self._folder(folder, ignores)
            stack.extend(reversed(found))
        if len(self.files) >= MAX_FILES:
            del self.files[MAX_FILES:]
            self.unread.append(Unread(".", f"the tree has {MAX_FILES:,} files or more; the others were not read"))
        self._follow()
        return Tree(self.root, sorted(self.files), sorted(self.links), self.unread)

    def _folder(self, folder: str, ignores: _Ignores) -> list[tuple[str, _Ignores]]:
        """Note the files of a folder, and return its folders."""
        try:
            with os.scandir(self.root / folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self.unread.append(Unread(folder or ".", f"the folder cannot be read: {error.strerror or error}"))
            return []
        names = {entry.name for entry in entries}
        if folder and any(mark in names for mark in _ENVIRONMENT_MARKS):
            return []
        self._visited.add(folder)
        if ".gitignore" in names:
            ignores = [*ignores, (folder, _read_ignores(self.root / folder / ".gitignore"))]
        folders = []
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if self._entry(entry, path, ignores):
                folders.append((path, ignores))
        return folders

    def _entry(self, entry: os.DirEntry[str], path: str, ignores: _Ignores) -> bool:
        """Note a file or link; tell whether it is a folder to read."""
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name in LEFT_OUT and (is_folder or entry.is_symlink()):
            return False
        if _is_ignored(path, is_folder, ignores) or self._excluded.match_file(path + "/" if is_folder else path):
            return False
        if not path.isprintable() and not _is_encodable(path):
            self.unread.append(Unread(path.encode("utf-8", "backslashreplace").decode(), "the name is not valid UTF-8"))
            return False
        if entry.is_symlink():
            self._link(path)
        elif is_folder:
            if path.count("/") < MAX_DEPTH:
                return True
            self.unread.append(Unread(path, f"the folder is more than {MAX_DEPTH} folders deep"))
        elif entry.is_file(follow_symlinks=False):
            self.files.append(path)
        else:
            self.unread.append(Unread(path, "it is a pipe, a socket or a device, and not a file"))
        return False

    def _link(self, path: str) -> None:
        try:
            target = (self.root / path).resolve(strict=True)
        except (OSError, RuntimeError):
            self.unread.append(Unread(path, "the symbolic link leads to nothing that exists, or to itself"))
            return
        if not target.is_relative_to(self.root):
            self.unread.append(Unread(path, "the symbolic link leads out of the tree"))
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
                self.unread.append(Unread(path, f"the symbolic link leads to {target}, which is left out of the tree"))


_Ignores = list[tuple[str, "GitIgnoreSpec"]]


def _is_ignored(path: str, is_folder: bool, ignores: _Ignores) -> bool:
    """Tell what the deepest .gitignore says that says anything about a path."""
    for folder, spec in reversed(ignores):
        inner = path[len(folder) + 1 :] if folder and not folder.startswith("/") else folder[1:] + path
        verdict = spec.check_file(inner + "/" if is_folder else inner).include
        if verdict is not None:
            return verdict
    return False


def _ignores_above(root: Path) -> _Ignores:
    """Return what the .gitignore files of the folders above say, if the tree is a part of a git work tree.

    The folder of such a file is kept as "/" and the path that leads from it to the root.
    """
    if (root / ".git").exists():
        return []
    found: _Ignores = []
    for parent in root.parents:
        if (parent / ".gitignore").is_file():
            found.insert(0, (f"/{root.relative_to(parent).as_posix()}/", _read_ignores(parent / ".gitignore")))
        if (parent / ".git").exists():
            return found
    return []


def _read_ignores(file: Path) -> GitIgnoreSpec:
    """Read a .gitignore; one that cannot be read, or is too long, excludes nothing."""
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_TEXT:
            return _spec(())
        return _spec(file.read_text("utf-8", errors="replace").splitlines())
    except OSError:
        return _spec(())


def _spec(patterns: Sequence[str]) -> GitIgnoreSpec:
    """Compile patterns, without those that are not valid."""
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except GitIgnorePatternError:
        return GitIgnoreSpec.from_lines(line for line in patterns if _is_valid(line))


def _is_valid(pattern: str) -> bool:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        GitIgnoreSpec.from_lines([pattern])
    except GitIgnorePatternError:
        return False
    return True


def _is_encodable(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _folders(paths: frozenset[str]) -> Iterator[str]:
    """Return the folders that paths are in."""
    seen = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in seen:
            seen.add(folder)
            yield folder
            folder = folder.rpartition("/")[0]


def _one_byte(content: bytes) -> str | None:
    """Decode a text of one byte a character, in which everything that matters is ASCII; None for binary junk."""
    if content.translate(None, _CONTROLS) != content:
        return None
    return content.decode("latin-1")


def _with_mark(content: bytes) -> str | None:
    """Decode UTF-16 and UTF-32 with their marks in front, as some Windows programs write them."""
    if content[:2] not in _MARKS and content[:4] != BOM_UTF32_BE:
        return None
    try:
        return content.decode("utf-32" if content[:4] in (BOM_UTF32_BE, BOM_UTF32_LE) else "utf-16")
    except UnicodeDecodeError:
        return None

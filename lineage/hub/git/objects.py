"""Reading the objects of a repository: commits, trees and blobs, missing ones included.

Objects are read through an empty repository of our own that borrows the other's object folder. So git never reads the
configuration of the repository: nothing in it can run a command, and a partial clone cannot make git
fetch what it lacks. A missing object is an answer (None), not an error.

Git does not compare the content of an object with its id when it reads one. Here every content is hashed: an object
whose content has another id counts as damaged, and nothing of it is used.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lineage.errors import ContentMismatchError, FileNotInRevisionError, HubAnswerError, HubError
from lineage.hub.bounds import size_of
from lineage.hub.git import program
from lineage.hub.git.processes import open_pipe, patient_reader
from lineage.hub.lfs import MAX_POINTER_BYTES, parse_pointer
from lineage_schemas.file import FileEntry, FileVersion

_FOLDER_MODES = frozenset({b"40000", b"040000"})
_SUBMODULE_MODE = b"160000"
_TREE_ITEM = re.compile(rb"(\d{5,6}) ([^\0]+)\0(.{20})", re.DOTALL)

FSCK = "look at the repository with `git fsck`, or clone it again"

CHUNK_BYTES = 1 << 20

_BATCH = 500
"""Ids that are asked for at once: their text must fit into a pipe, or two processes wait for each other."""

MAX_CONTENT_BYTES = 64_000_000
"""Size of an object that is read whole, and of the objects that are read at once: commits, trees and small files."""

MAX_TREE_ENTRIES = 200_000
MAX_TREE_DEPTH = 200
"""Beyond these a tree was built to exhaust its readers: a few objects can describe more files than any disk holds.
The Hub asks for less than 100,000 files in a repository."""


class ObjectInfo(NamedTuple):
    """What git reports about an object without its content: id, kind and size."""

    id: str
    kind: str
    size: int


class TreeItem(NamedTuple):
    """One entry of a tree object: mode and raw id."""

    mode: bytes
    id: bytes

    @property
    def folder(self) -> bytes | None:
        """The tree behind the name, where it is a folder."""
        return self.id if self.mode in _FOLDER_MODES else None

    @property
    def blob(self) -> str | None:
        """The blob behind the name, where it is a file or a link; a submodule is neither."""
        return None if self.mode in _FOLDER_MODES or self.mode == _SUBMODULE_MODE else self.id.hex()


class GitObjects:
    """Read the objects of one repository through two long-lived `git cat-file` processes.

    `objects` is the object folder. Safe to use from several threads; `close` ends the processes, and the next question
    starts them again.
    """

    def __init__(self, objects: Path, model: str) -> None:
        self.objects = objects
        self.model = model
        self._lock = threading.RLock()
        self._processes: dict[str, tuple[subprocess.Popen[bytes], io.BufferedReader]] = {}
        self._versions: dict[str, FileVersion] = {}
        self._others: dict[str, str] = {}
        self._unreadable: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        """Make the environment in which any git command sees these objects and nothing else."""
        return program.reading_environment() | {"GIT_OBJECT_DIRECTORY": str(self.objects.absolute())}

    def infos(self, names: Sequence[str]) -> list[ObjectInfo | None]:
        """Look up objects by id or by an expression on one (`ID^{commit}`), in the order asked."""
        return [_as_info(header) for header, _ in self._ask("--batch-check", names)]

    def contents(self, ids: Sequence[str], kind: str | None = None) -> list[bytes | None]:
        """Read objects whole, of one kind if `kind` is given, in the order asked.

        None for an object that is missing, of another kind, larger than MAX_CONTENT_BYTES, or damaged; `problem` has
        the reason. For many objects that may be large there is `each_content`.
        """
        return [content for _, content in self._read(self.infos(ids), ids, kind)]

    def each_content(self, ids: Sequence[str], kind: str) -> Iterator[tuple[str, bytes | None]]:
        """Read objects as `contents` does, and hold no more than MAX_CONTENT_BYTES of them at a time."""
        infos = self.infos(ids)
        start = held = 0
        for at, info in enumerate(infos):
            size = info.size if info else 0
            if held + size > MAX_CONTENT_BYTES and at > start:
                yield from self._read(infos[start:at], ids[start:at], kind)
                start, held = at, 0
            held += size
        yield from self._read(infos[start:], ids[start:], kind)

    def _read(
        self, infos: Sequence[ObjectInfo | None], ids: Sequence[str], kind: str | None
    ) -> list[tuple[str, bytes | None]]:
        """Read and hash the objects that may be read, and note why the others were not."""
        found: dict[str, bytes | None] = {}
        wanted = {}
        for info in filter(None, infos):
            if kind not in (None, info.kind):
                self._unreadable[info.id] = f"is a {info.kind}, not a {kind}"
            elif info.size > MAX_CONTENT_BYTES:
                self._unreadable[info.id] = (
                    f"has {info.size:,} bytes, more than the {MAX_CONTENT_BYTES:,} that are read"
                )
            else:
                wanted[info.id] = info
        for info, (_, content) in zip(wanted.values(), self._ask("--batch", list(wanted)), strict=True):
            found[info.id] = self._sound(info, content)
        return [(name, found.get(info.id) if info else None) for name, info in zip(ids, infos, strict=True)]

    def _sound(self, info: ObjectInfo, content: bytes | None) -> bytes | None:
        """Return content that has its object's id, and note the reason for all other."""
        if content is None:
            self._unreadable[info.id] = "is damaged: git cannot read its content"
            return None
        other = hashlib.sha1(b"%b %d\0" % (info.kind.encode(), len(content)), usedforsecurity=False)
        other.update(content)
        if other.hexdigest() == info.id:
            return content
        self._others[info.id] = other.hexdigest()
        return None

    def problem(self, name: str) -> str | None:
        """Return what is wrong with an object that is here and cannot be read: `is damaged: …`.

        None if it is missing, or was not read yet.
        """
        if name in self._others:
            return f"is damaged: its content has the id {self._others[name]}"
        loose = self.objects / name[:2] / name[2:]
        known = self._unreadable.get(name)
        return known or ("is damaged: git cannot read it" if os.path.lexists(loose) else None)

    def refusal(self, kind: str, name: str) -> HubError:
        """Make the error for a commit or tree that could not be read."""
        if name in self._others:
            return self.mismatch(f"{self.model}: the {kind} {name}", self._others[name], name)
        problem = self.problem(name)
        if problem is None:
            message = f"{self.model}: the {kind} {name} is missing from the repository"
            return HubAnswerError(message, model=self.model, hint="fetch it again, or clone the model again")
        return HubAnswerError(f"{self.model}: the {kind} {name} {problem}", model=self.model, hint=FSCK)

    def mismatch(self, what: str, found: str, name: str) -> ContentMismatchError:
        """Make the error for an object whose content has another id than its name."""
        message = f"{what}: its git object is broken: its content has the id {found}, its name is {name}"
        return ContentMismatchError(message, model=self.model, hint=FSCK)

    def other_id(self, name: str) -> str | None:
        """Return the id that the content of an object has, if it was read and has another one than its name."""
        return self._others.get(name)

    def commits_or_unreadable(self, prefix: str) -> list[str]:
        """List the commits whose ids begin with `prefix`, and the objects of which git cannot tell the kind."""
        done = program.run_git(
            ["rev-parse", f"--disambiguate={prefix}"], model=self.model, environment=self.environment()
        )
        names = [name for name in done.stdout.decode(errors="replace").split("\n") if name]
        infos = self.infos(names)
        return [name for name, info in zip(names, infos, strict=True) if info is None or info.kind == "commit"]

    def versions(self, blob_ids: Iterable[str]) -> Mapping[str, FileVersion]:
        """Describe blobs: pointers are followed; of a missing blob, or a damaged pointer, only the id is known."""
        wanted = [blob for blob in dict.fromkeys(blob_ids) if blob not in self._versions]
        found = dict(zip(wanted, self.infos(wanted), strict=True))
        small = [blob for blob, info in found.items() if info and info.size <= MAX_POINTER_BYTES]
        texts = dict(zip(small, self.contents(small), strict=True))
        for blob, info in found.items():
            pointer = parse_pointer(texts.get(blob) or b"")
            if pointer is not None:
                self._versions[blob] = FileVersion(blob_id=blob, size=pointer.size, sha256=pointer.sha256)
            else:
                known = info is not None and blob not in self._others
                self._versions[blob] = FileVersion(blob_id=blob, size=info.size if info and known else None)
        return self._versions

    def tree(self, commit: str) -> tuple[FileEntry, ...]:
        """List the files of a commit by path; submodules are none.

        Raises HubAnswerError where the commit or a tree is missing, cannot be read or is absurdly large: what is left
        would look like deletions. Raises ContentMismatchError where the content of one is another object's.
        """
        blobs: dict[str, str] = {}
        paths: set[str] = set()
        for count, (path, blob) in enumerate(self._walk(self.tree_of(commit), "", {})):
            if count >= MAX_TREE_ENTRIES:
                raise HubAnswerError(f"{self.model}@{commit}: the tree is too large to be a model's", model=self.model)
            if path in paths:  # two names of bytes may be shown alike, and a name may hold a slash
                raise HubAnswerError(
                    f"{self.model}@{commit}: two entries are called {path}", model=self.model, hint=FSCK
                )
            paths.add(path)
            if blob:
                blobs[path] = blob
        versions = self.versions(blobs.values())
        entries = ((path, versions[blob]) for path, blob in sorted(blobs.items()))
        return tuple(FileEntry(path=p, blob_id=v.blob_id, size=v.size, sha256=v.sha256) for p, v in entries)

    def tree_of(self, commit: str) -> str:
        """Return the tree of a commit. Raises as `tree` does."""
        content = self.contents([commit], "commit")[0]
        match = re.match(rb"tree ([0-9a-f]{40})\n", content or b"")
        if match is None:
            raise self.refusal("commit", commit)
        return match[1].decode()

    def stream(self, blob: str) -> Generator[bytes, None, None]:
        """Read a blob of any size in chunks. Raises FileNotInRevisionError where it is not here."""
        if self.infos([blob])[0] is None:
            raise FileNotInRevisionError(f"{self.model}: the git object {blob} is not here", model=self.model)
        with self._start(["cat-file", "blob", blob], subprocess.DEVNULL) as process:
            try:
                answered = patient_reader(process.stdout, program.READ_SILENCE)
                while chunk := answered.read(CHUNK_BYTES):
                    yield chunk
            except BaseException as error:
                process.kill()
                if isinstance(error, TimeoutError):
                    raise program.silent_git(self.model, "cat-file", program.READ_SILENCE) from error
                raise
        if process.returncode != 0:
            raise HubAnswerError(f"{self.model}: git could not read the object {blob} to its end", model=self.model)

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            for mode in list(self._processes):
                self._end(mode)

    def items(self, tree: str) -> dict[bytes, TreeItem]:
        """Read one tree object. Raises HubAnswerError where it is missing or broken, and ContentMismatchError."""
        content = self.contents([tree], "tree")[0]
        if content is None:
            raise self.refusal("tree", tree)
        return parse_tree(content, self.model)

    def _walk(self, tree: str, prefix: str, read: dict[str, dict[bytes, TreeItem]]) -> Iterator[tuple[str, str | None]]:
        """Go over the paths below a tree with their blobs; folders and submodules, which count too, have none."""
        if tree not in read:
            read[tree] = self.items(tree)
        if prefix.count("/") > MAX_TREE_DEPTH:
            raise HubAnswerError(f"{self.model}: folders are nested too deeply to be a model's", model=self.model)
        for name, item in read[tree].items():
            path = prefix + shown_path(name)
            yield path, item.blob
            if item.folder:
                yield from self._walk(item.folder.hex(), path + "/", read)

    def _ask(self, mode: str, names: Sequence[str]) -> list[tuple[bytes, bytes | None]]:
        """Ask one of the processes for objects; gives for each the header line and, from `--batch`, its content."""
        answers: list[tuple[bytes, bytes | None]] = []
        with self._lock:
            while len(answers) < len(names):
                some = names[len(answers) : len(answers) + _BATCH]
                got = list(self._exchange(mode, some))
                answers += got
                if len(got) < len(some):  # git gave up on an object that it cannot read: a broken one
                    self._end(mode)
                    answers.append((b"missing", None))
        return answers

    def _exchange(self, mode: str, names: Sequence[str]) -> Iterator[tuple[bytes, bytes | None]]:
        process, answered = self._process(mode)
        asked = open_pipe(process.stdin)
        try:
            asked.write(b"".join(_line(name) for name in names))
            asked.flush()
            for _ in names:
                header = answered.readline()
                if not header.endswith(b"\n"):
                    return
                info = _as_info(header)
                if mode == "--batch-check" or info is None:
                    yield header, None
                    continue
                content = answered.read(info.size + 1)
                if len(content) <= info.size:
                    return
                yield header, content[:-1]
        except BrokenPipeError:
            return
        except TimeoutError as error:
            self._end(mode)
            raise program.silent_git(self.model, "cat-file", program.READ_SILENCE) from error

    def _process(self, mode: str) -> tuple[subprocess.Popen[bytes], io.BufferedReader]:
        if mode not in self._processes:
            process = self._start(["cat-file", mode], subprocess.PIPE)
            self._processes[mode] = process, patient_reader(process.stdout, program.READ_SILENCE)
        return self._processes[mode]

    def _start(self, arguments: Sequence[str], stdin: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                ["git", *arguments], env=self.environment(), cwd=program.empty_repository(),
                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            hint = "install git 2.31 or newer"
            raise HubError(f"{self.model}: git cannot be run: {error}", model=self.model, hint=hint) from error

    def _end(self, mode: str) -> None:
        process, _ = self._processes.pop(mode, (None, None))
        if process is not None:
            process.kill()
            process.communicate()


def parse_tree(content: bytes, model: str) -> dict[bytes, TreeItem]:
    """Read a tree object by name. Raises HubAnswerError where it is broken."""
    items: dict[bytes, TreeItem] = {}
    at = count = 0
    while at < len(content):
        match = _TREE_ITEM.match(content, at)
        if match is None:
            raise HubAnswerError(f"{model}: a tree of the repository is broken", model=model, hint=FSCK)
        mode, name, item_id = match.groups()
        items[name] = TreeItem(mode, item_id)
        at = match.end()
        count += 1
        if count > MAX_TREE_ENTRIES:
            raise HubAnswerError(f"{model}: a tree of the repository is too large to be a model's", model=model)
    if len(items) < count:
        raise HubAnswerError(f"{model}: a tree of the repository has two entries of one name", model=model, hint=FSCK)
    return items


def shown_path(path: bytes) -> str:
    """Write a path as text: bytes that are not UTF-8 become backslash escapes, so that two paths stay different."""
    return path.decode(errors="backslashreplace")


def _as_info(header: bytes) -> ObjectInfo | None:
    """Read `ID KIND SIZE`; anything else (`… missing`, `… ambiguous`) is not an object."""
    match = re.fullmatch(rb"([0-9a-f]{40,64}) (commit|tree|blob|tag) (\d+)\n", header)
    size = size_of(match[3]) if match else None
    return ObjectInfo(match[1].decode(), match[2].decode(), size) if match and size is not None else None


def _line(name: str) -> bytes:
    """Write the line that asks for an object; a name that a line cannot hold asks for an object that does not exist."""
    try:
        line = name.encode()
    except UnicodeEncodeError:
        line = b""
    return b"0" * 40 + b"\n" if not line or b"\n" in line or b"\0" in line else line + b"\n"

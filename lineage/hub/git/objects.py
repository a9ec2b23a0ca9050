"""Reading the objects of a repository: commits, trees and blobs, missing ones included.

Objects are read through an empty repository of our own that borrows the other's object folder. So git never reads the
configuration of the repository: nothing in it can run a command, and a partial clone cannot make git
fetch what it lacks. A missing object is an answer (None), not an error.
"""

from __future__ import annotations

import atexit
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

from lineage.errors import FileNotInRevisionError, HubAnswerError, HubError
from lineage.hub.git.program import git_environment
from lineage.hub.lfs import MAX_POINTER_BYTES, parse_pointer
from lineage_schemas.file import FileEntry, FileVersion

_FOLDER_MODES = frozenset({b"40000", b"040000"})
_SUBMODULE_MODE = b"160000"
_TREE_ITEM = re.compile(rb"(\d{5,6}) ([^\0]+)\0(.{20})", re.DOTALL)

CHUNK_BYTES = 1 << 20

_BATCH = 500
"""Ids that are asked for at once: their text must fit into a pipe, or two processes wait for each other."""

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
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._versions: dict[str, FileVersion] = {}

    def environment(self) -> dict[str, str]:
        """Make the environment in which any git command sees these objects and nothing else."""
        return git_environment(
            GIT_DIR=str(_empty_repository()), GIT_OBJECT_DIRECTORY=str(self.objects), GIT_NO_LAZY_FETCH="1"
        )

    def infos(self, names: Sequence[str]) -> list[ObjectInfo | None]:
        """Look up objects by id or by an expression on one (`ID^{commit}`), in the order asked."""
        return [_as_info(header) for header, _ in self._ask("--batch-check", names)]

    def contents(self, ids: Sequence[str]) -> list[bytes | None]:
        """Read objects whole. Only for those known to be small."""
        return [content for _, content in self._ask("--batch", ids)]

    def commit_id(self, name: str) -> str | None:
        """Find the commit behind an id, an annotated tag's too."""
        info = self.infos([f"{name}^{{commit}}"])[0]
        return info.id if info and info.kind == "commit" else None

    def by_prefix(self, prefix: str) -> list[str]:
        """List the commits whose ids begin with `prefix`."""
        done = subprocess.run(
            ["git", "rev-parse", f"--disambiguate={prefix}"],
            env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        infos = self.infos(done.stdout.decode().split())
        return [info.id for info in infos if info and info.kind == "commit"]

    def versions(self, blob_ids: Iterable[str]) -> Mapping[str, FileVersion]:
        """Describe blobs: pointers are followed; of a missing blob only the id is known."""
        wanted = [blob for blob in dict.fromkeys(blob_ids) if blob not in self._versions]
        found = dict(zip(wanted, self.infos(wanted), strict=True))
        small = [blob for blob, info in found.items() if info and info.size <= MAX_POINTER_BYTES]
        texts = dict(zip(small, self.contents(small), strict=True))
        for blob, info in found.items():
            pointer = parse_pointer(texts.get(blob) or b"")
            if pointer is not None:
                self._versions[blob] = FileVersion(blob_id=blob, size=pointer.size, sha256=pointer.sha256)
            else:
                self._versions[blob] = FileVersion(blob_id=blob, size=info.size if info else None)
        return self._versions

    def tree(self, commit: str) -> tuple[FileEntry, ...]:
        """List the files of a commit by path; submodules are none.

        Raises HubAnswerError where a tree is missing or absurdly large: what is left would look like deletions.
        """
        blobs: dict[str, str] = {}
        for count, (path, blob) in enumerate(self._walk(f"{commit}^{{tree}}", "", {})):
            if count >= MAX_TREE_ENTRIES:
                raise HubAnswerError(f"{self.model}@{commit}: the tree is too large to be a model's", model=self.model)
            if blob:
                blobs.setdefault(path, blob)
        versions = self.versions(blobs.values())
        entries = ((path, versions[blob]) for path, blob in sorted(blobs.items()))
        return tuple(FileEntry(path=p, blob_id=v.blob_id, size=v.size, sha256=v.sha256) for p, v in entries)

    def stream(self, blob: str) -> Generator[bytes, None, None]:
        """Read a blob of any size in chunks. Raises FileNotInRevisionError where it is not here."""
        if self.infos([blob])[0] is None:
            raise FileNotInRevisionError(f"{self.model}: the git object {blob} is not here", model=self.model)
        command = ["git", "cat-file", "blob", blob]
        with subprocess.Popen(
            command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            try:
                while chunk := _pipe(process.stdout).read(CHUNK_BYTES):
                    yield chunk
            finally:
                _pipe(process.stdout).close()
                ended = process.wait()
        if ended != 0:
            raise HubAnswerError(f"{self.model}: git could not read the object {blob} to its end", model=self.model)

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            for process in self._processes.values():
                process.kill()
                process.communicate()
            self._processes.clear()

    def items(self, tree: str) -> dict[bytes, TreeItem]:
        """Read one tree object. Raises HubAnswerError where it is missing or broken."""
        content = self.contents([tree])[0]
        if content is None:
            raise HubAnswerError(f"{self.model}: the tree {tree} is missing from the repository", model=self.model)
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
        process = self._process(mode)
        asked, answered = _pipe(process.stdin), _pipe(process.stdout)
        try:
            asked.write("".join(f"{name}\n" for name in names).encode())
            asked.flush()
        except BrokenPipeError:
            return
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

    def _process(self, mode: str) -> subprocess.Popen[bytes]:
        if mode not in self._processes:
            try:
                self._processes[mode] = subprocess.Popen(
                    ["git", "cat-file", mode], env=self.environment(),
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            except OSError as error:
                hint = "install git 2.31 or newer"
                raise HubError(f"{self.model}: git cannot be run: {error}", model=self.model, hint=hint) from error
        return self._processes[mode]

    def _end(self, mode: str) -> None:
        process = self._processes.pop(mode, None)
        if process is not None:
            process.kill()
            process.communicate()


def parse_tree(content: bytes, model: str) -> dict[bytes, TreeItem]:
    """Read a tree object by name. Raises HubAnswerError where it is broken."""
    items: dict[bytes, TreeItem] = {}
    at = 0
    while at < len(content):
        match = _TREE_ITEM.match(content, at)
        if match is None:
            raise HubAnswerError(f"{model}: a tree of the repository is broken", model=model)
        items[match[2]] = TreeItem(match[1], match[3])
        at = match.end()
    return items


def shown_path(path: bytes) -> str:
    """Write a path as text: bytes that are not UTF-8 become backslash escapes, so that two paths stay different."""
    return path.decode(errors="backslashreplace")


def _as_info(header: bytes) -> ObjectInfo | None:
    """Read `ID KIND SIZE`; anything else (`… missing`, `… ambiguous`) is not an object."""
    match = re.fullmatch(rb"([0-9a-f]{40,64}) (commit|tree|blob|tag) (\d+)\n", header)
    return ObjectInfo(match[1].decode(), match[2].decode(), int(match[3])) if match else None


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


@cache
def _empty_repository() -> Path:
    """Make the empty repository through which all others are read; it lives as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="lineage-git-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "refs").mkdir()
    (folder / "objects").mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/none\n", "ascii")
    config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tcommitGraph = false\n\tmultiPackIndex = true\n"
    (folder / "config").write_text(config, "ascii")
    return folder

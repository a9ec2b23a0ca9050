"""The files of a repository that git reads: found here, and refused if they are not files.

Git opens whatever has the right name. A named pipe makes it wait for ever, a device never ends, a link leads out of the
repository, a sparse file of a terabyte is read to its end. So all that git would open is looked at first. The
configuration of a repository is read as data, without the files that it includes: only the format of the repository is
taken from it, and git reads the refs through a folder of our own with that format and nothing else.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lineage.errors import HubAnswerError
from lineage.hub.git.program import git_environment, run_git

MAX_NAME_BYTES = 8_192
"""Size of a file that holds one name: HEAD, a branch, the path of another folder."""

MAX_LIST_BYTES = 200_000_000
"""Size of a file that lists refs: two million of them."""

MAX_CONFIG_BYTES = 10_000_000

_MAX_BORROWED = 100
_MAX_REFS = 1_000_000
_OBJECT_FOLDERS = re.compile(rb"[0-9a-f]{2}|pack|info")
_KNOWN_EXTENSIONS = frozenset(
    {"noop", "preciousobjects", "partialclone", "worktreeconfig", "relativeworktrees", "objectformat", "refstorage"}
)
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
)  # fmt: skip


class RepositoryFiles(NamedTuple):
    """Hold where a repository is: the folder of its HEAD, and the folder of its refs, objects and configuration.

    They differ for a linked work tree.
    """

    model: str
    head: Path
    common: Path

    @property
    def objects(self) -> Path:
        """Return the folder of objects."""
        return self.common / "objects"


def find_files(place: Path, model: str) -> RepositoryFiles:
    """Find a bare repository, or the one that a work tree's `.git` is or leads to. Raises HubAnswerError."""
    place = place.absolute()
    head = place
    if not place.is_dir():
        text = _read_name(place, place.parent.resolve(), model)
        if not text.startswith(b"gitdir: "):
            raise _no_repository(model, place)
        head = place.parent / os.fsdecode(text.removeprefix(b"gitdir: ").rstrip(b"\r\n"))
    if not head.is_dir():
        raise _no_repository(model, place)
    head = head.resolve()
    common = head
    if os.path.lexists(head / "commondir"):
        common = (head / os.fsdecode(_read_name(head / "commondir", head, model).rstrip(b"\r\n"))).resolve()
    for folder in (common / "objects", common / "refs"):
        if not folder.is_dir():
            raise _no_repository(model, place)
    return RepositoryFiles(model, head, common)


def _no_repository(model: str, place: Path) -> HubAnswerError:
    return HubAnswerError(
        f"{model}: {place} is not a git repository that can be read",
        model=model,
        hint="look at it with `git fsck`, or clone the model again",
    )


def read_format(files: RepositoryFiles) -> Mapping[str, str]:
    """Read the extensions of a repository's format from its configuration, without what that includes.

    Raises HubAnswerError for a format that is not supported: objects that are named by SHA-256, or an extension that is
    not known.
    """
    config = files.common / "config"
    if not os.path.lexists(config):
        return {}
    _refuse(files.model, config, files.common, MAX_CONFIG_BYTES)
    command = ["config", "--file", str(config), "--no-includes", "--null", "--list"]
    listed = run_git(command, model=files.model).stdout.split(b"\0")
    pairs = (entry.partition(b"\n") for entry in listed if entry)
    values = {key.decode(errors="replace"): value.decode(errors="replace") for key, _, value in pairs}
    found = {key.removeprefix("extensions."): value for key, value in values.items() if key.startswith("extensions.")}
    form = found.get("objectformat", "sha1")
    if form != "sha1":
        raise HubAnswerError(
            f"{files.model}: the repository uses {form} object ids; only sha1 is supported", model=files.model
        )
    version = values.get("core.repositoryformatversion", "0")
    unknown = sorted(found.keys() - _KNOWN_EXTENSIONS)
    if version not in ("0", "1") or (version == "1" and unknown):
        what = f"its version is {version}" if version not in ("0", "1") else f"it has the extension {unknown[0]}"
        raise HubAnswerError(f"{files.model}: the repository's format is not supported: {what}", model=files.model)
    return {key: found[key] for key in ("refstorage",) if key in found and version == "1"}


@contextmanager
def only_refs(files: RepositoryFiles) -> Iterator[tuple[dict[str, str], bytes | None]]:
    """Give the environment in which git sees the refs of a repository and no configuration of it, and the text of HEAD.

    The text is None if the repository keeps its refs, HEAD among them, in tables. Raises HubAnswerError if a file of
    the refs is not a file.
    """
    form = read_format(files)
    head = _head(files)
    refuse_refs(files)
    with tempfile.TemporaryDirectory(prefix="lineage-refs-") as made:
        folder = Path(made)
        (folder / "HEAD").write_bytes(head)
        extensions = "".join(f'\t{key} = "{_quoted(value)}"\n' for key, value in form.items())
        config = f"[core]\n\trepositoryformatversion = {int(bool(form))}\n\tbare = true\n[extensions]\n{extensions}"
        (folder / "config").write_text(config, "utf-8")
        for name in ("refs", "packed-refs", "reftable"):
            if os.path.lexists(files.common / name):
                (folder / name).symlink_to(files.common / name)
        environment = git_environment(GIT_DIR=made, GIT_OBJECT_DIRECTORY=str(files.objects), GIT_NO_LAZY_FETCH="1")
        yield environment, None if form.get("refstorage", "files") != "files" else head


def _head(files: RepositoryFiles) -> bytes:
    """Read HEAD; a link to a ref, as old versions of git made it, is the name of that ref."""
    place = files.head / "HEAD"
    target = _linked_ref(place)
    return b"ref: " + target + b"\n" if target else _read_name(place, files.head, files.model)


def _linked_ref(place: Path) -> bytes | None:
    """Return the ref that a symbolic link names: git does not open such a link. None for all other paths."""
    target = os.fsencode(place.readlink()) if place.is_symlink() else b""
    return target if target.startswith(b"refs/") and b".." not in target else None


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def refuse_refs(files: RepositoryFiles) -> None:
    """Raise HubAnswerError if something among the refs is not a file or folder of the repository."""
    for name in ("packed-refs", "reftable"):
        place = files.common / name
        if os.path.lexists(place) and not (name == "reftable" and place.is_dir()):
            _refuse(files.model, place, files.common, MAX_LIST_BYTES)
    waiting = [name for name in (files.common / "refs", files.common / "reftable") if name.is_dir()]
    for folder in waiting:
        _refuse_link(files.model, folder, files.common)
    count = 0
    while waiting:
        folder = waiting.pop()
        limit = MAX_LIST_BYTES if folder.name == "reftable" else MAX_NAME_BYTES
        for entry in _entries(files.model, folder):
            count += 1
            place = Path(entry.path)
            if count > _MAX_REFS or "\n" in entry.name:
                what = f"more than {_MAX_REFS:,} refs" if count > _MAX_REFS else "a file name with a line feed"
                raise _refused(files.model, folder, f"holds {what}")
            if entry.is_dir(follow_symlinks=False):
                waiting.append(place)
            elif _linked_ref(place) is None:
                _refuse(files.model, place, files.common, limit)


def refuse_objects(files: RepositoryFiles) -> None:
    """Raise HubAnswerError if something in the folder of objects, or in one that it borrows from, is not a file."""
    waiting, seen = [(files.objects, files.common)], set()
    while waiting:
        place, root = waiting.pop()
        _refuse_link(files.model, place, root)
        folder = place.resolve()
        if folder in seen or not folder.is_dir():
            continue
        seen.add(folder)
        if len(seen) > _MAX_BORROWED:
            raise _refused(files.model, files.objects, f"borrows from more than {_MAX_BORROWED} folders")
        for entry in _entries(files.model, folder):
            if _OBJECT_FOLDERS.fullmatch(os.fsencode(entry.name)):
                _refuse_folder(files.model, entry, root)
        waiting += [(other, other.resolve()) for other in _borrowed(files.model, folder, root)]


def _refuse_folder(model: str, entry: os.DirEntry[str], root: Path) -> None:
    """Refuse a folder of objects that is not one, or holds something that is not a file."""
    place = Path(entry.path)
    if entry.is_symlink():
        _refuse_link(model, place, root)
    if not entry.is_dir():
        _refuse(model, place, root, MAX_NAME_BYTES)
        return
    for inner in _entries(model, place):
        if inner.is_dir(follow_symlinks=False):
            if inner.name == "commit-graphs":
                _refuse_folder(model, inner, root)
        elif not inner.is_file(follow_symlinks=False):
            _refuse(model, Path(inner.path), root, None)


def _borrowed(model: str, objects: Path, root: Path) -> list[Path]:
    """List the folders of objects from which this one borrows."""
    place = objects / "info" / "alternates"
    if not os.path.lexists(place):
        return []
    _refuse(model, place, root, MAX_CONFIG_BYTES)
    lines = [line for line in place.read_bytes().split(b"\n") if line and not line.startswith(b"#")]
    if any(line.startswith(b'"') or b"\0" in line for line in lines):
        raise _refused(model, place, "has a quoted path, which is not supported")
    return [objects / os.fsdecode(line) for line in lines[: _MAX_BORROWED + 1]]


def _read_name(place: Path, root: Path, model: str) -> bytes:
    """Read a small file. Raises HubAnswerError if it is not one."""
    _refuse(model, place, root, MAX_NAME_BYTES)
    try:
        data = place.read_bytes()
    except OSError as error:
        raise _refused(model, place, f"cannot be read: {error.strerror}") from error
    if b"\0" in data:
        raise _refused(model, place, "holds a NUL")
    return data


def _refuse(model: str, place: Path, root: Path, limit: int | None) -> None:
    """Raise HubAnswerError if a path is not a regular file inside `root` of at most `limit` bytes."""
    _refuse_link(model, place, root)
    try:
        found = place.stat()
    except (OSError, ValueError) as error:
        raise _refused(model, place, f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    for is_kind, kind in _KINDS:
        if is_kind(found.st_mode):
            link = "a symbolic link to " if place.is_symlink() else ""
            raise _refused(model, place, f"is {link}{kind}, not a file")
    if limit is not None and found.st_size > limit:
        raise _refused(model, place, f"has {found.st_size:,} bytes, more than the {limit:,} that are read of it")


def _refuse_link(model: str, place: Path, root: Path) -> None:
    """Raise HubAnswerError if a path is a link that leads out of `root`, or nowhere."""
    if place.is_symlink():
        try:
            inside = place.resolve(strict=True).is_relative_to(root.resolve())
        except (OSError, RuntimeError):  # loops are RuntimeErrors up to Python 3.12
            inside = False
        if not inside:
            raise _refused(model, place, "is a symbolic link that leads out of the repository, or nowhere")


def _entries(model: str, folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError as error:
        raise _refused(model, folder, f"cannot be read: {error.strerror}") from error


def _refused(model: str, place: Path, problem: str) -> HubAnswerError:
    return HubAnswerError(
        f"{model}: {place.name} in its repository {problem} ({place})",
        model=model,
        hint="remove it if you trust the rest, or clone the model again",
    )

"""Read a lock file: what this version does not understand is refused with the line, and never skipped."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lineage.audit.lock.write import is_hidden
from lineage.errors import InputError
from lineage.hub.revisions import is_commit_id
from lineage.hub.target import repository_id_problem
from lineage.settings.project_problems import nearest, quoted, value_of
from lineage.settings.toml_text import parse_toml
from lineage_schemas.lock import LOCK_VERSION, Lock, LockedModel, LockedParent

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from lineage.settings.toml_lines import Path as KeyPath
    from lineage_schemas.record import Record

MAX_BYTES = 20_000_000
"""A longer lock file is refused: it would have some 200,000 files of models."""

WRITE_AGAIN = "correct it, or delete it and run `lineage lock`"

MERGE = "resolve the conflict: keep the models of both sides, or run `lineage lock` on one of them"

SHOWN_PROBLEMS = 3
"""Problems of one file that a message lists; the number of the others follows."""

_MARKER = re.compile(r"^(?:<{7}|>{7}|\|{7}|={7})(?: .*)?\r?$", re.MULTILINE)

_EXPECTED = {
    "commit": "a commit of 40 hex digits, or `folder:` and 64",
    "files": "`sha256:` and 64 hex digits, `gitblob:` and 40, or `unknown`",
}

Problem = tuple["KeyPath", str]
"""Where something is wrong, and what."""


def load_lock(path: Path) -> Lock | None:
    """Read a lock file; None if it does not exist. Raises InputError as `read_lock` does, and if it is not a text."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path} is not a regular file", hint="name a lock file")
        if found.st_size > MAX_BYTES:
            raise InputError(f"{path} has more than {MAX_BYTES:,} bytes", hint=WRITE_AGAIN)
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: this is not UTF-8 text", hint=WRITE_AGAIN) from error
    return read_lock(text, str(path))


def read_lock(text: str, file: str) -> Lock:
    """Read the text of a lock file; `file` is how messages name it.

    Raises InputError with the line for conflict markers, hidden characters, text that is not TOML, a newer version,
    unknown keys, values that no lock has, and models that are listed twice.
    """
    _refuse_hostile(text, file)
    data = parse_toml(text, file, hint=WRITE_AGAIN)
    _refuse_version(data, text, file)
    try:
        lock = Lock.model_validate(data)
    except ValidationError as error:
        found = [(_path(each), _words(each)) for each in error.errors(include_url=False)]
        raise _refused(text, file, found) from error
    problems = [*_problems(lock)]
    if problems:
        raise _refused(text, file, problems)
    return lock


def _refuse_hostile(text: str, file: str) -> None:
    """Raise InputError for what git leaves after a conflict, and for characters that a reviewer does not see."""
    marker = _MARKER.search(text)
    if marker is not None:
        line = text.count("\n", 0, marker.start()) + 1
        raise InputError(f"{file}:{line}: this is a conflict marker of git: the file was not merged", hint=MERGE)
    hidden = _first_hidden(text)
    if hidden is not None:
        line = text.count("\n", 0, hidden) + 1
        words = f"the line has the character U+{ord(text[hidden]):04X}, which is not visible"
        raise InputError(f"{file}:{line}: {words}", hint=WRITE_AGAIN)


def _first_hidden(text: str) -> int | None:
    """Find the first character that is not visible, and is not the end of a line or a tab."""
    if text.isascii() and text.translate({9: " ", 10: " ", 13: " "}).isprintable():
        return None
    return next((at for at, each in enumerate(text) if each not in "\t\n\r" and is_hidden(each)), None)


def _refuse_version(data: dict[str, Any], text: str, file: str) -> None:
    """Raise InputError for a lock of another version."""
    version = data.get("version")
    if type(version) is int and version > LOCK_VERSION:
        raise InputError(
            f"{_at(file, text, ('version',))}: version {value_of(version)} of the lock file is newer than version "
            f"{LOCK_VERSION}, which this lineage reads",
            hint="update lineage",
        )
    if type(version) is not int or version != LOCK_VERSION:
        words = "the lock file has no version" if version is None else f"{value_of(version)} is not a version"
        raise InputError(f"{_at(file, text, ('version',))}: {words}", hint=f"{WRITE_AGAIN}; it has version = 1")


def _path(error: ErrorDetails) -> KeyPath:
    return tuple(part for part in error["loc"] if part != "[key]")


def _words(error: ErrorDetails) -> str:
    """Describe one error of validation, without its line."""
    path, kind = _path(error), error["type"]
    key = str(path[-1]) if path else "the file"
    if kind == "extra_forbidden":
        return f"{_table(path[:-1])} has no key {quoted(key)}; {nearest(key, _record(path[:-1]).model_fields)}"
    if kind == "missing":
        return f"{_table(path[:-1])} has no {quoted(key)}"
    if kind == "literal_error":
        expected = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return f"{quoted(key)} of {_table(path[:-1])} is {value_of(error['input'])}, not one of {expected}"
    expected = _EXPECTED.get(key) or _EXPECTED.get(str(path[-2]) if len(path) > 1 else "") or "a text in quotes"
    if kind in ("tuple_type", "dict_type", "model_type"):
        expected = {"tuple_type": "a list", "dict_type": "a table", "model_type": "a table"}[kind]
    return f"{quoted(key)} of {_table(path[:-1])} is {value_of(error['input'])}, not {expected}"


def _record(path: KeyPath) -> type[Record]:
    if len(path) < 2:
        return Lock
    return LockedParent if "parents" in path else LockedModel


def _table(path: KeyPath) -> str:
    """Name the table that a key is in."""
    names = [part for part in path if isinstance(part, str)]
    if not names:
        return "the file"
    return "[[model]]" if names == ["model"] else f"{names[-1]!r} of [[model]]"


def _problems(lock: Lock) -> Iterator[Problem]:
    """Report names that are not models, impossible paths, and models and parents that are listed twice."""
    seen: dict[tuple[str, ...], int] = {}
    for number, model in enumerate(lock.model):
        at: KeyPath = ("model", number)
        for key, name in (("id", model.id), *(("names", name) for name in model.names)):
            problem = repository_id_problem(name)
            if problem is not None:
                yield (*at, key), f"{quoted(name)} is not a model: {problem}"
        if is_commit_id(model.revision) and model.commit not in (None, model.revision):
            yield (*at, "commit"), f"the commit of {model.id} is not its revision, which is a commit"
        again = tuple(part.lower() for part in model.key)
        if again in seen:
            revision = f" at {model.revision}" if model.revision else ""
            yield at, f"{model.id}{revision} is locked twice, here and as model {seen[again] + 1} of the file"
        seen.setdefault(again, number)
        yield from _parents(model, at)
        for path in model.files:
            if not _is_inside(path):
                yield (*at, "files", path), f"{quoted(path)} is not the path of a file inside a model"


def _parents(model: LockedModel, at: KeyPath) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, parent in enumerate(model.parents):
        name, has_commit, commit = parent.id.partition("@")
        problem = repository_id_problem(name.rpartition(":")[2])
        if problem is not None:
            yield (*at, "parents", number), f"{quoted(name)} is not a model: {problem}"
        if has_commit and not (is_commit_id(commit) or re.fullmatch("folder:[0-9a-f]{64}", commit)):
            yield (*at, "parents", number), f"{quoted(parent.id)} does not end with a full commit id"
        if name.lower() in seen:
            yield (*at, "parents", number), f"{quoted(name)} is twice a parent of {model.id}"
        seen.add(name.lower())


def _is_inside(path: str) -> bool:
    """Return whether a path names a file below a model's folder."""
    parts = path.split("/")
    return "\0" not in path and not PurePosixPath(path).is_absolute() and not {"", ".", ".."} & set(parts)


def _refused(text: str, file: str, problems: Sequence[Problem]) -> InputError:
    """Make the error that lists the problems of a file, the first lines first."""
    from lineage.settings.toml_lines import toml_lines

    lines = toml_lines(text)
    placed = sorted((lines.of(path) or 0, words) for path, words in problems)
    shown = (f"{file}:{line}: {words}" if line else f"{file}: {words}" for line, words in placed[:SHOWN_PROBLEMS])
    more = f"; and {len(placed) - SHOWN_PROBLEMS} more" if len(placed) > SHOWN_PROBLEMS else ""
    return InputError(f"{'; '.join(shown)}{more}", hint=WRITE_AGAIN)


def _at(file: str, text: str, path: KeyPath) -> str:
    from lineage.settings.toml_lines import toml_lines

    line = toml_lines(text).of(path)
    return file if line is None else f"{file}:{line}"

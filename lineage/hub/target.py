"""Targets on the command line: a repository id with or without a revision, or a path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from lineage.errors import InputError

MAX_ID_LENGTH = 193
"""Two names of 96 characters and the slash between them."""

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_-])?")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_BAD_IN_REVISION = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$")


class ModelTarget(NamedTuple):
    """Name a model on a Hub; `revision` is None for its default branch."""

    model: str
    revision: str | None = None

    def __str__(self) -> str:
        return self.model if self.revision is None else f"{self.model}@{self.revision}"


class PathTarget(NamedTuple):
    """Name a folder or file on this machine; a leading `~` is already expanded."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


def parse_target(text: str) -> ModelTarget | PathTarget:
    """Read `org/name[@revision]`, a bare legacy `name[@revision]`, or a path.

    Only what starts with `.`, `/` or `~` is a path, so that a target means the same in every folder.
    Raises InputError for everything else.
    """
    if text.startswith((".", "/", "~")):
        return _parse_path(text)
    model, at, revision = text.partition("@")
    problem = repository_id_problem(model)
    if problem is not None:
        raise InputError(f"{text!r} is not a model: {problem}", hint=_hint(model))
    if at and (not revision or _BAD_IN_REVISION.search(revision.removeprefix("folder:"))):
        raise InputError(
            f"{text!r} has an invalid revision after the @",
            hint="give a branch, a tag, or a commit id of at least 7 digits: org/name@v1.0",
        )
    return ModelTarget(model, revision if at else None)


def repository_id_problem(text: str) -> str | None:
    """Return why a text cannot be a repository id; None if it can.

    The rules are the Hub's: `name` or `owner/name`, each of letters, digits, `-`, `_` and `.`, at most 96 of
    them, none of `-` and `.` at the start, no `.` at the end, no `--` and no `..`, and no `.git` at the end. A `-` at
    the end is allowed, though the current Hub client refuses it: repositories with such names exist. The rules are
    restated here because importing the client costs more than a whole command may.
    """
    if not text:
        return "it is empty"
    if "://" in text:
        return "it is a URL"
    if text.startswith((".", "/", "~", "\\")) or "\\" in text or _DRIVE.match(text) or text.count("/") > 1:
        return "it is a local path"
    if len(text) > MAX_ID_LENGTH:
        return f"it is longer than {MAX_ID_LENGTH} characters"
    if not all(_NAME.fullmatch(part) for part in text.split("/")):
        return "it does not follow the form of a repository id"
    if "--" in text or ".." in text or text.endswith(".git"):
        return "it holds '--' or '..', or ends with '.git', which no repository id may"
    return None


def _parse_path(text: str) -> PathTarget:
    if "\0" in text:
        raise InputError(f"{text!r} is not a path: it contains a NUL character", hint="remove the NUL from its name")
    try:
        path = Path(text).expanduser()
    except (RuntimeError, ValueError) as error:  # ~NAME of a user who has no home folder, or no name of a user
        raise InputError(f"{text!r} is not a path on this machine: {error}", hint="write the path in full") from error
    return PathTarget(path)


def _hint(model: str) -> str:
    address = re.match(r"https?://[^/]+/([\w.-]+/[\w.-]+)", model)
    if address:
        return f"write {address[1]}"
    if "/" in model or "\\" in model:
        return "a model is written org/name, a folder starts with ./, / or ~"
    return "a model is written org/name or org/name@revision"

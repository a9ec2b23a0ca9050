"""The folder of an export: what may stand in it, and how a new export takes the place of an earlier one.

The folder itself stays, because it may be a mounted volume; a new export is written into a hidden one inside of it. So
whatever happens on the way, the earlier export is whole until the new one is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lineage.errors import InputError
from lineage.store.graph import ENDS
from lineage.store.neo4j.codec import ATTACHMENTS, AWAITED
from lineage.store.neo4j.schema import STORE
from lineage.store.promoted import PROMOTED

PART = ".lineage-export.part"
"""The folder in which an export stands that is not whole yet; one that was killed leaves it."""

MARK = ("lineagestore.csv", b"name:ID(LineageStore)")
"""The file by which a folder is known as an export, and how it begins: nobody else has a node of this label."""

_NAMES = "|".join(
    label.lower() for label in (*PROMOTED, *ENDS, STORE, AWAITED, *(label for label, _ in ATTACHMENTS.values()))
)

_NAME = re.compile(rf"(?:{_NAMES})(?:-\d+)?\.csv")

_BEGINNING = re.compile(rb"(?:key|name):ID\(\w+\)|:START_ID\(\w+\),:END_ID\(\w+\)")
"""How the header of each of our files begins."""

_LIST = ","
"""Stands between the files of one kind in the options of `neo4j-admin`, which knows no way to write it in a path."""


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give a folder to write files into; they become those of `folder` when the block ends well.

    Raises InputError where `folder` holds anything but an earlier export, or cannot be written.
    """
    if _LIST in str(folder.resolve()):
        raise InputError(
            f"{folder.resolve()} has a comma in its path, at which neo4j-admin cuts lists of files",
            hint="name a folder without one",
        )
    part = folder / PART
    try:
        folder.mkdir(exist_ok=True)
        _refuse_others(folder)
        _remove(part)
        part.mkdir()
        try:
            yield part
            _put_in_place(folder, part)
        finally:
            _remove(part)
    except OSError as error:
        hint = "is the disk full, or may you not write there? An earlier export is as it was"
        raise InputError(f"{folder} cannot be written: {error.strerror}", hint=hint) from error


def _refuse_others(folder: Path) -> None:
    """Make sure, by name and content, that all that is there is an export of ours."""
    there = sorted(path for path in folder.iterdir() if path.name != PART)
    others = [path for path in there if not _is_ours(path)]
    if not others and there and not (_begins(folder / MARK[0]).startswith(MARK[1]) or (folder / PART).is_dir()):
        others = there
    if others:
        raise InputError(
            f"{folder} is not empty: it holds {others[0].name}, which is of no export of lineage",
            hint="name a new folder",
        )


def _is_ours(path: Path) -> bool:
    return bool(_NAME.fullmatch(path.name) and _BEGINNING.match(_begins(path)))


def _begins(path: Path) -> bytes:
    """Read the beginning of a file; what is no file begins with nothing."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(100)


def _put_in_place(folder: Path, part: Path) -> None:
    """Let the earlier files go, all of them first: a mixture of two exports would be imported without a word."""
    for path in folder.iterdir():
        if path != part:
            path.unlink()
    for path in sorted(part.iterdir()):
        path.replace(folder / path.name)


def _remove(part: Path) -> None:
    """Delete what an export left that was not finished."""
    if part.is_dir():
        for path in part.iterdir():
            path.unlink()
        part.rmdir()

"""The folder of a CSV export: what it may hold, and how a new export replaces an earlier one.

The folder itself is kept, because it may be a mounted volume. A new export is written into a hidden folder inside it
and moved when it is complete, so that an error on the way leaves the earlier export as it was.
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
"""The hidden folder of an export that is not complete; a killed export leaves it behind."""

MARK = ("lineagestore.csv", b"name:ID(LineageStore)")
"""The file that marks a folder as an export, and how it begins: no other program uses this label."""

_NAMES = "|".join(
    label.lower() for label in (*PROMOTED, *ENDS, STORE, AWAITED, *(label for label, _ in ATTACHMENTS.values()))
)

FILE_NAME = re.compile(rf"(?:{_NAMES})(?:-\d+)?\.csv")

_BEGINNING = re.compile(rb"(?:key|name):ID\(\w+\)|:START_ID\(\w+\),:END_ID\(\w+\)")
"""How the header of each file of an export begins."""

_LIST = ","
"""Separates the files of one kind in the options of `neo4j-admin`; it cannot be escaped in a path."""


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield a folder to write files into; they replace those of `folder` when the block ends without an error.

    Raises InputError where `folder` holds anything but an earlier export, or cannot be written.
    """
    if _LIST in str(folder.resolve()):
        raise InputError(
            f"{folder.resolve()} has a comma in its path, which neo4j-admin reads as the end of a file name",
            hint="name a folder without a comma in its path",
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
        hint = "check the free disk space and the folder's permissions; an earlier export is unchanged"
        raise InputError(f"{folder} could not be written: {error.strerror}", hint=hint) from error


def _refuse_others(folder: Path) -> None:
    """Raise InputError if the folder holds a file that by its name or content is not part of an export."""
    existing = sorted(path for path in folder.iterdir() if path.name != PART)
    others = [path for path in existing if not _is_of_an_export(path)]
    is_marked = _beginning_of(folder / MARK[0]).startswith(MARK[1])
    if not others and existing and not (is_marked or (folder / PART).is_dir()):
        others = existing
    if others:
        raise InputError(
            f"{folder} is not empty: it holds {others[0].name}, which is not part of an export of lineage",
            hint="name a new folder",
        )


def _is_of_an_export(path: Path) -> bool:
    return bool(FILE_NAME.fullmatch(path.name) and _BEGINNING.match(_beginning_of(path)))


def _beginning_of(path: Path) -> bytes:
    """Read the beginning of a file; empty for anything else."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(100)


def _put_in_place(folder: Path, part: Path) -> None:
    """Delete all earlier files, then move the new ones: neo4j-admin would import a mixture without an error."""
    for path in folder.iterdir():
        if path != part:
            path.unlink()
    for path in sorted(part.iterdir()):
        path.replace(folder / path.name)


def _remove(part: Path) -> None:
    """Delete the hidden folder of an export that did not finish."""
    if part.is_dir():
        for path in part.iterdir():
            path.unlink()
        part.rmdir()

"""`lineage store copy`, `export` and `import`: move the graph between stores and files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lineage.atomic import replacing
from lineage.errors import InputError
from lineage.store.moving.sections import ATTACHMENTS, AWAITED, Checksums
from lineage_schemas.answers.store import Contents, StoreCopyAnswer, StoreExportAnswer, StoreImportAnswer

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage_schemas.answers.store import ExportFormat

SPOOLED = 64_000_000
"""Bytes of standard input that are kept in memory; longer input goes to a temporary file."""


def store_copy(session: Session, source: str, target: str) -> StoreCopyAnswer:
    """Copy a whole store into an empty one, or complete an earlier copy. The session's own store is not used.

    Raises InputError if there is nothing to copy, if both are the same store, or if the target holds something else.
    """
    from lineage.fingerprint.tensor_table import check_tensors
    from lineage.store.moving.copying import copy_store
    from lineage.store.open import is_same_store, open_store

    opened = (
        session.keep(open_store(source, read_only=True, source=True, progress=session.progress)),
        session.keep(open_store(target, progress=session.progress)),
    )
    if is_same_store(source, target):  # only now: a bad URL may hold a password, and opening does not show it
        raise InputError(f"{source} and {target} are the same store", hint="lineage store copy FROM TO")
    copied = copy_store(*opened, session.progress, check_tensors)
    return StoreCopyAnswer(
        **session.header("store-copy.v1", None, hub=None),
        source=opened[0].url, target=opened[1].url, written=copied.written,
        already_there=copied.already_there, contents=contents_of(copied.checksums),
    )  # fmt: skip


def store_export(session: Session, to_format: ExportFormat, out: Path | IO[bytes]) -> StoreExportAnswer:
    """Write the session's store as a file, or for `neo4j-csv` as a folder of files.

    A file is replaced atomically. Raises InputError if the store is empty or the path cannot be written, StoreError if
    the store is damaged: an earlier file stays.
    """
    from lineage.fingerprint.tensor_table import check_tensors
    from lineage.store.moving.checked import refuse_damage
    from lineage.store.moving.copying import refuse_empty

    refuse_empty(session.store.info(), "export")
    if to_format == "neo4j-csv":
        if not isinstance(out, Path):
            raise InputError("neo4j-csv is a folder of files and cannot go to standard output", hint="name a folder")
        return _export_csv(session, out)
    with _writing(out) as file, session.store.reading() as view:
        refuse_damage(view, session.store.url, check_tensors)
        if to_format == "jsonl":
            from lineage.store.moving.jsonl import write_jsonl

            contents = contents_of(write_jsonl(view, file, session.progress))
        else:
            from lineage.store.moving.graphml import write_graphml

            models, edges = write_graphml(view, file, session.progress)
            contents = Contents(nodes={"Model": models}, edges={"DERIVED_FROM": edges}, attachments=0, digest=None)
    path = str(out) if isinstance(out, Path) else "-"
    return StoreExportAnswer(
        **session.header("store-export.v1", None, hub=None),
        store=session.store.url, path=path, file_format=to_format, files=(path,),
        contents=contents, command=f"lineage store import {_shell(path)} --store NEW" if to_format == "jsonl" else None,
    )  # fmt: skip


def store_import(session: Session, source: Path | IO[bytes]) -> StoreImportAnswer:
    """Write a file's graph into the session's store; a store that was empty is compared with the file at the end.

    Raises InputError, before anything is written, for a file that is damaged or of a newer version.
    """
    from lineage.fingerprint.tensor_table import check_tensors
    from lineage.store.moving.jsonl import read_jsonl
    from lineage.store.moving.sections import checksums

    was_empty = not any(session.store.info().nodes.values())
    with _seekable(source) as file:
        name = str(source) if isinstance(source, Path) else "standard input"
        sums = read_jsonl(session.store, file, name, session.progress, check_tensors)
    equal = None
    if was_empty:
        with session.progress.task("checking the import"), session.store.reading() as view:
            equal = not sums.differing(checksums(view))
    return StoreImportAnswer(
        **session.header("store-import.v1", None, hub=None),
        store=session.store.url, path=str(source) if isinstance(source, Path) else "-",
        contents=contents_of(sums), equal=equal,
    )  # fmt: skip


def contents_of(sums: Checksums) -> Contents:
    """Write checksums as a record."""
    from lineage.store.graph import ENDS
    from lineage.store.promoted import PROMOTED

    return Contents(
        nodes={kind: sums.counts[kind] for kind in PROMOTED},
        edges={kind: sums.counts[kind] for kind in ENDS},
        awaited=sums.counts[AWAITED],
        attachments=sums.counts[ATTACHMENTS],
        digest=sums.digest(),
    )


def _export_csv(session: Session, folder: Path) -> StoreExportAnswer:
    from lineage.fingerprint.tensor_table import check_tensors
    from lineage.store.moving.checked import refuse_damage
    from lineage.store.moving.neo4j_csv import write_csv

    with session.store.reading() as view:
        refuse_damage(view, session.store.url, check_tensors)
        written = write_csv(view, folder, session.progress)
    return StoreExportAnswer(
        **session.header("store-export.v1", None, hub=None),
        store=session.store.url, path=str(folder), file_format="neo4j-csv",
        files=written.files, contents=contents_of(written.checksums), command=written.command,
    )  # fmt: skip


def _shell(path: str) -> str:
    import shlex

    return shlex.quote(path)


@contextmanager
def _writing(out: Path | IO[bytes]) -> Iterator[IO[bytes]]:
    """Open a file that replaces the one at a path when it is complete, or write to a stream."""
    if isinstance(out, Path):
        with replacing(out, hint="name another file") as file:
            yield file
    else:
        yield out
        out.flush()


@contextmanager
def _seekable(source: Path | IO[bytes]) -> Iterator[IO[bytes]]:
    """Open a dump so that it can be read twice: standard input is kept in a temporary file."""
    import shutil
    import tempfile

    try:
        with _opened(source) as file:
            if file.seekable():
                yield file
                return
            with tempfile.SpooledTemporaryFile(SPOOLED) as kept:
                shutil.copyfileobj(file, kept)
                yield kept
    except OSError as error:
        what = source if isinstance(source, Path) else "standard input"
        raise InputError(
            f"{what} cannot be read: {error.strerror}", hint="name a file that `lineage store export` wrote, or -"
        ) from error


def _opened(source: Path | IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    return source.open("rb") if isinstance(source, Path) else nullcontext(source)

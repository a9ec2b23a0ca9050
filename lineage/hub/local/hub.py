"""What the Hubs on this machine share: they find repositories, and read them all alike."""

from __future__ import annotations

import hashlib
import os
import re
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

from lineage.errors import (
    ContentMismatchError,
    FileNotInRevisionError,
    HubError,
    HubUnreachableError,
    ModelNotFoundError,
    TextTooLongError,
)
from lineage.file_chunks import CHUNK_BYTES, FilePass, ReadWhole
from lineage.hub.interface import Hub, PresentRefs, Range, check_ranges
from lineage.hub.json_text import parse_json_object
from lineage.hub.legacy_names import legacy_name
from lineage.hub.local.file_hashes import FileHashes
from lineage.hub.local.repository import ByteChunks, LocalRepository
from lineage.progress import SILENT, Progress
from lineage.side_by_side import SLOT
from lineage.unexpected import contained
from lineage_schemas.cost import Cost
from lineage_schemas.file import FileEntry
from lineage_schemas.snapshot import ResolvedRevision, Snapshot

if TYPE_CHECKING:
    from lineage_schemas.history import History

CARD, CONFIG = "README.md", "config.json"

_FOLDER_NAME = re.compile(r"dir-(?P<name>.*)-[0-9a-f]{8}", re.DOTALL)
"""What `folder_name` makes; a change of one is a change of the other."""

_KEPT_OPEN = 8
"""Repositories that stay open for each thread that reads models: each may have two git processes."""


class LocalHub(Hub):
    """Read repositories on this machine. Bytes cost nothing here, so weights are read in full."""

    is_local = True

    def __init__(self, name: str, *, progress: Progress = SILENT) -> None:
        self.name = name
        self.progress = progress
        self.hashes = FileHashes(progress)
        self._open: OrderedDict[tuple[int, str], LocalRepository] = OrderedDict()
        self._lock = Lock()
        self._bytes_read = 0

    @abstractmethod
    def canonical(self, model: str) -> str:
        """Find the id that a model has here, redirects followed. Raises ModelNotFoundError."""

    @abstractmethod
    def open_repository(self, model: str) -> LocalRepository:
        """Open the repository of a canonical id. Raises ModelNotFoundError."""

    @abstractmethod
    def models(self) -> Iterator[str]:
        """List all ids in order."""

    def spellings(self, model: str) -> set[str]:
        """List the ids here that differ from a name in the case of letters only, redirects followed."""
        return {each for each in self.models() if each.lower() == model.lower()}

    def resolve(self, model: str, revision: str | None = None) -> ResolvedRevision:
        """Find the canonical id and the commit.

        On the Hub ids are the same in whatever case their letters are. Here the id as it is written goes first, then
        the only one that differs in case; then a bare name of old leads to its id of today.
        """
        canonical, by_table = self._find(model)
        found = self._repository(canonical).resolve(revision)
        return ResolvedRevision(model=canonical, commit=found.commit, asked=model, ref=found.ref, by_table=by_table)

    def refs(self, model: str) -> PresentRefs | None:
        """Return the commits of branches and tags, which git lists without reading a commit."""
        canonical = self._find(model)[0]
        return PresentRefs(canonical, tuple(r for r in self._repository(canonical).refs() if r.kind != "pull_request"))

    def _find(self, model: str) -> tuple[str, bool]:
        """Find the canonical id, and whether the table of old names gave it. Raises as `canonical` does."""
        try:
            return self.canonical(model), False
        except (ModelNotFoundError, HubUnreachableError) as error:
            same = self.spellings(model)
            old = legacy_name(model)
            if len(same) > 1:
                raise type(error)(
                    f"{error.message}: {', '.join(sorted(same))} differ from it in letter case only",
                    model=model,
                    hint="write the id as one of them is written",
                ) from error
            if len(same) != 1 and old is None:
                raise
        return (same.pop(), False) if len(same) == 1 or old is None else (self.canonical(old.canonical), True)

    def snapshot(self, resolved: ResolvedRevision) -> Snapshot:
        """List the files of a commit; what the Hub would observe is taken from the card or unknown."""
        repository = self._repository(resolved.model)
        listing = repository.listing(resolved.commit)
        files = listing.files
        without_bytes = {path: str(lack) for path, lack in listing.lacks.items()}
        unreadable = {**listing.problems, **without_bytes}
        if listing.partial is not None:
            absent = {path for path in (CARD, CONFIG) if path not in files and path not in listing.known_absent}
            unreadable = {**dict.fromkeys(sorted(absent), listing.partial), **unreadable}
        readme = self._text(resolved, files.get(CARD), unreadable, without_bytes)
        card_text = card = config = None
        if readme is not None:
            from lineage.hub.card import read_card

            card_text, card, problem = read_card(readme)
            if problem:
                unreadable[CARD] = problem
        config_text = self._text(resolved, files.get(CONFIG), unreadable, without_bytes)
        if config_text is not None:
            config, problem = parse_json_object(config_text)
            if problem:
                unreadable[CONFIG] = problem
        return Snapshot(
            model=resolved.model,
            commit=resolved.commit,
            files=tuple(files.values()),
            card=card,
            card_text=card_text,
            config=config,
            unreadable=unreadable,
            refs=repository.refs(),
            library_name=_word(card, "library_name"),
            pipeline_tag=_word(card, "pipeline_tag"),
            tags=_words(card, "tags"),
            partial=listing.partial,
            known_absent=tuple(sorted(listing.known_absent)),
            without_bytes=without_bytes,
            changed_on_disk=dict(listing.changed_on_disk),
        )

    def paths(self, resolved: ResolvedRevision) -> tuple[str, ...]:
        """List the paths of a commit's files."""
        return tuple(self._repository(resolved.model).listing(resolved.commit).files)

    def history(self, model: str, *, pull_requests: bool = False, known: History | None = None) -> History:
        """Read every commit; nothing is saved by what is known already."""
        return self._repository(self._find(model)[0]).history(pull_requests=pull_requests)

    def read(self, model: str, commit: str, path: str, start: int = 0, length: int | None = None) -> bytes:
        """Read bytes of one file."""
        if start < 0 or (length is not None and length < 0):
            raise ValueError("the start and the length of a range must not be negative")
        repository = self._repository(model)
        place = repository.local_path(commit, path)
        if place is None:
            data = _cut(repository.chunks(commit, path), start, length)
        else:
            try:
                with place.open("rb") as file:
                    file.seek(start)
                    data = file.read(-1 if length is None else length)
            except OSError as error:
                raise _unreadable(model, commit, path, error) from error
        self._count(len(data))
        return data

    def read_ranges(self, model: str, commit: str, path: str, ranges: Sequence[Range]) -> list[bytes]:
        """Read parts of one file: by seeking where it lies here, in one pass where git keeps it."""
        check_ranges(ranges)
        repository = self._repository(model)
        place = repository.local_path(commit, path)
        if place is None:
            parts = cut_ranges(repository.chunks(commit, path), ranges)
        else:
            try:
                with place.open("rb") as file:
                    parts = _file_ranges(file, ranges)
            except OSError as error:
                raise _unreadable(model, commit, path, error) from error
        self._count(sum(map(len, parts)))
        return parts

    def stream(self, model: str, commit: str, path: str) -> Iterator[bytes]:
        """Read one file whole, in chunks."""
        repository = self._repository(model)
        place = repository.local_path(commit, path)
        chunks = repository.chunks(commit, path) if place is None else _file_chunks(place, model, commit, path)
        return self._counted(chunks)

    def list_models(
        self, *, author: str | None = None, base: str | None = None, limit: int | None = None
    ) -> Iterator[str]:
        """List ids in order; children of `base` are those whose cards name it at their default revision."""
        left = limit
        for model in self.models():
            if left is not None and left <= 0:
                return
            if author is not None and model.rpartition("/")[0] != author:
                continue
            if base is None or self._declares(model, base):
                yield model
                left = None if left is None else left - 1

    def local_path(self, model: str, commit: str, path: str) -> Path | None:
        """Find the file on this machine, None where git keeps the bytes inside its packs."""
        return self._repository(model).local_path(commit, path)

    def hash_with(self, read: ReadWhole) -> None:
        """Let `read` hash the files of folders."""
        self.hashes.read_whole = read

    def known_pass(self, place: Path) -> FilePass | None:
        """Return what was computed from a file when its folder was listed."""
        return self.hashes.known_pass(place)

    def cost(self) -> Cost:
        """Count the bytes that went through this Hub; files read by their path are not seen here."""
        return Cost(requests=0, bytes_read=self._bytes_read, local=True)

    def close(self) -> None:
        """Close all repositories; a later read opens them again."""
        while self._open:
            self._open.popitem()[1].close()

    def _repository(self, model: str) -> LocalRepository:
        """Return an open repository. Models that are read at the same time have repositories of their own."""
        slot = SLOT.get()
        place = (slot, model)
        if place not in self._open:
            opened = self.open_repository(model)
            with self._lock:
                self._open[place] = opened
                others = [each for each in self._open if each[0] == slot]
                oldest = self._open.pop(others[0]) if len(others) > _KEPT_OPEN else None
            if oldest is not None:
                oldest.close()
        with self._lock:
            self._open.move_to_end(place)
            return self._open[place]

    def _text(
        self, resolved: ResolvedRevision, entry: FileEntry | None, unreadable: dict[str, str], without: dict[str, str]
    ) -> bytes | None:
        """Read a small file, or note why not; bytes that have another hash are not the file's."""
        if entry is None or entry.path in unreadable:
            return None
        try:
            return self.read_text(resolved.model, resolved.commit, entry.path, entry.size)
        except TextTooLongError as error:
            unreadable[entry.path] = error.reason
        except HubError as error:
            reason = error.in_one_line.removeprefix(f"{entry.path}: ")
            unreadable[entry.path] = reason
            without |= {entry.path: reason} if isinstance(error, ContentMismatchError) else {}
        return None

    def _declares(self, model: str, base: str) -> bool:
        """Say whether a card names `base`, in any form that a card may write; a model that cannot be read is noted."""
        try:
            with contained(model):
                card = self.snapshot(self.resolve(model)).card
        except HubError as error:
            self.progress.note(f"{model} cannot be read and is skipped: {error.message}")
            return False
        from lineage.hub.declared.declaration import read_name, written_names

        wanted = self._canonical_or_same(base).lower()
        names = (read_name(text).name for _, text in written_names((card or {}).get("base_model")))
        return any(self._canonical_or_same(name).lower() == wanted for name in names if name)

    def _canonical_or_same(self, name: str) -> str:
        try:
            return self._find(name)[0]
        except HubError:
            old = legacy_name(name)
            return old.canonical if old else name

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._count(len(chunk))
            yield chunk

    def _count(self, size: int) -> None:
        with self._lock:
            self._bytes_read += size


def folder_name(folder: Path, name: str | None = None) -> str:
    """Name a Hub in a folder: a hash of the absolute path distinguishes equal names in two places."""
    place = folder.resolve()
    digest = hashlib.sha256(str(place).encode(errors="surrogateescape")).hexdigest()
    shown = str(name or place.name).encode(errors="replace").decode()
    return f"dir-{shown}-{digest[:8]}"


def named_after(hub: str) -> str | None:
    """Give the name that `folder_name` made a Hub's name of; None where it made none like it."""
    found = _FOLDER_NAME.fullmatch(hub)
    return found["name"] if found else None


def _file_chunks(place: Path, model: str, commit: str, path: str) -> ByteChunks:
    try:
        with place.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise _unreadable(model, commit, path, error) from error


def _file_ranges(file: BinaryIO, ranges: Sequence[Range]) -> list[bytes]:
    """Read parts of an open file; no memory is taken for bytes behind its end."""
    size = file.seek(0, os.SEEK_END)
    parts = []
    for start, length in ranges:
        file.seek(min(start, size))
        parts.append(file.read(min(length, max(size - start, 0))))
    return parts


def _cut(chunks: ByteChunks, start: int, length: int | None) -> bytes:
    """Take a range out of a stream without keeping more than it."""
    kept = bytearray()
    at = 0
    with closing(chunks):
        for chunk in chunks:
            kept += chunk[max(start - at, 0) :]
            at += len(chunk)
            if length is not None and len(kept) >= length:
                del kept[length:]
                break
    return bytes(kept)


def cut_ranges(chunks: ByteChunks, ranges: Sequence[Range]) -> list[bytes]:
    """Take parts out of a stream in one pass, without keeping more than them; it ends with the last part."""
    parts = [bytearray() for _ in ranges]
    waiting = sorted(range(len(ranges)), key=lambda number: ranges[number][0], reverse=True)
    begun: list[int] = []
    at = 0
    with closing(chunks):
        for chunk in chunks:
            stop = at + len(chunk)
            while waiting and ranges[waiting[-1]][0] < stop:
                begun.append(waiting.pop())
            for number in begun:
                start, length = ranges[number]
                parts[number] += chunk[max(start - at, 0) : max(start + length - at, 0)]
            begun = [number for number in begun if sum(ranges[number]) > stop]
            at = stop
            if not (waiting or begun):
                break
    return [bytes(part) for part in parts]


def _unreadable(model: str, commit: str, path: str, error: OSError) -> FileNotInRevisionError:
    return FileNotInRevisionError(f"{model}@{commit}: {path} cannot be read: {error.strerror}", model=model)


def _word(card: dict[str, Any] | None, field: str) -> str | None:
    value = (card or {}).get(field)
    return value if isinstance(value, str) else None


def _words(card: dict[str, Any] | None, field: str) -> tuple[str, ...]:
    value = (card or {}).get(field)
    values = value if isinstance(value, list) else [value]
    return tuple(item for item in values if isinstance(item, str))

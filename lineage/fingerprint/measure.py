"""Measure a weight group: what it is, as far as the level and the available bytes allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage.errors import FormatError, HubError, InputError, LineageError, OtherBytesError
from lineage.file_chunks import FilePass
from lineage.fingerprint.digests import content_digest, files_digest, layout_digest, weights_digest
from lineage.fingerprint.file_contents import (
    ARCHIVES,
    WITH_TENSORS,
    FileContents,
    Source,
    must_read,
    pass_over,
    read_contents,
    rows_of,
)
from lineage.fingerprint.groups import group_files
from lineage.fingerprint.header import Read, read_header
from lineage.fingerprint.header_reader import ARCHITECTURE, CALIBRATION, HeaderReader, OpenFile, type_of_gguf
from lineage.fingerprint.reading import read_ranges
from lineage.fingerprint.tensor_table import TensorRow, count_parameters, sort_rows
from lineage.fingerprint.values.tensor import FileHeader
from lineage.hub.bounds import known_size
from lineage.log import Log
from lineage.progress import SILENT, Progress, SharedTask, Task
from lineage.side_by_side import read_set
from lineage_schemas.cost import Cost
from lineage_schemas.digests import Digests
from lineage_schemas.file import FileEntry
from lineage_schemas.level import LEVELS, Level
from lineage_schemas.weight_group import WeightGroup

if TYPE_CHECKING:
    from lineage.fingerprint.pytorch.reader import Unread
    from lineage.hub.interface import Hub

_PICKLES = frozenset({"pytorch", "pickle"})
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80")


@dataclass(frozen=True, slots=True)
class GroupFingerprint:
    """What is known of one weight group.

    `level` is how deep the reading went; a format without tensors that we read is known by its files at any level.
    `files` are the group's files with every hash that is known or was computed. `rows` is the tensor table in order
    of name, None where there is none or the level did not reach it. A set with missing shards has no digest of its
    tensors: half a model is not a model. `flags` are stable identifiers: `pickle` (loading it could run code; it is
    never executed), `pickle-calls` (its pickle calls functions or classes that no plain checkpoint needs),
    `known-by-sha256`, `incomplete-shards`, `unknown-tensor-type`, and `data-unread`: files beside it may hold its
    tensors, and the file that lists them was not read. `unread` is the reason why the tensors of a file of a format
    with tensors were not read, `calls` names what its pickle would call. The defaults describe a group of which nothing
    is known yet, and which cost nothing to read. `headers` say where the tensors lie in the files that were read; the
    store does not keep them.
    """

    group: WeightGroup
    level: Level = "metadata"
    files: tuple[FileEntry, ...] = ()
    digests: Digests = field(default_factory=Digests)
    rows: list[TensorRow] | None = None
    declares: dict[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    cost: Cost = field(default_factory=Cost)
    headers: tuple[FileHeader, ...] = field(default=(), repr=False, compare=False)
    unread: str | None = None
    calls: tuple[str, ...] = ()

    @property
    def is_calibration(self) -> bool:
        """Return whether the header of a GGUF file declares calibration data: these are not weights.

        A header with an architecture, or the name of a quantisation, is that of a model under a wrong type.
        """
        if self.group.format != "gguf" or type_of_gguf(self.declares) != CALIBRATION:
            return False
        quantised = self.group.variant is not None and "imatrix" not in self.group.name.lower()
        return ARCHITECTURE not in self.declares and not quantised

    @property
    def is_whole(self) -> bool:
        """Return whether the files that hold the tensors of an ONNX model are known, and all of them are there."""
        return "data-unread" not in self.flags and not lies_elsewhere(self.group)

    def without_data(self) -> GroupFingerprint:
        """Return the same group for a model of which it is not known which files hold its tensors."""
        return replace(self, level="metadata", flags=(*self.flags, "data-unread"))

    @property
    def tensor_count(self) -> int | None:
        """Count tensors."""
        return None if self.rows is None else len(self.rows)

    @property
    def parameter_count(self) -> int | None:
        """Count elements over all tensors, as stored; None if they are more than a store can hold."""
        return None if self.rows is None else known_size(count_parameters(self.rows))

    @property
    def dtypes(self) -> dict[str, int] | None:
        """Count tensors by dtype, in order of the dtype's name."""
        return None if self.rows is None else dict(sorted(Counter(row.dtype for row in self.rows).items()))

    @property
    def byte_size(self) -> int | None:
        """Add up the files' sizes."""
        return total_size(self.files)


def total_size(files: Iterable[FileEntry]) -> int | None:
    """Add up the sizes of files; None where one of them is unknown, or the sum is more than a store can hold."""
    sizes = [entry.size for entry in files]
    return None if None in sizes else known_size(sum(size or 0 for size in sizes))


LOG = Log(__name__)


def fingerprint_group(
    hub: Hub,
    model: str,
    commit: str,
    group: WeightGroup,
    files: Mapping[str, FileEntry],
    level: Level,
    progress: Progress = SILENT,
) -> GroupFingerprint:
    """Measure a group of a model at a commit to a level, which the caller has found to be within its budget.

    A remote safetensors shard costs at most two requests at level header. At level full a file on this machine is read
    in one pass; a remote one is streamed, and a format without tensors only where no SHA-256 of it is known. Raises
    FormatError where a file breaks its format or is not the one that the Hub's SHA-256 names, HubError as the Hub does.
    """
    entries = [files.get(path) or FileEntry(path=path) for path in group.files]
    sources = [_hub_source(hub, model, commit, entry, look=level != "metadata") for entry in entries]
    before = hub.cost()
    with progress.task(f"Reading {group.name}", _work(sources, level), "B") as task:
        measured = _measure(group, sources, level, task)
    cost = cost_since(hub, before)
    read_here = sum(source.entry.size or 0 for source in sources if source.local) if level == "full" else 0
    cost = cost.model_copy(update={"bytes_read": cost.bytes_read + read_here})
    LOG.debug(
        "%s@%s: read %s at level %s: %d requests, %d bytes",
        model, commit, group.name, measured.level, cost.requests, cost.bytes_read,
    )  # fmt: skip
    return replace(measured, cost=cost)


def cost_since(hub: Hub, before: Cost) -> Cost:
    """Say what a Hub was asked for since its cost was `before`."""
    after = hub.cost()
    return Cost(
        requests=after.requests - before.requests,
        bytes_read=after.bytes_read - before.bytes_read,
        failed=after.failed - before.failed,
        ranges=after.ranges - before.ranges,
        local=hub.is_local,
    )


def fingerprint_as_deep_as_can_be(
    hub: Hub,
    model: str,
    commit: str,
    group: WeightGroup,
    files: Mapping[str, FileEntry],
    level: Level,
    progress: Progress = SILENT,
) -> tuple[GroupFingerprint | None, LineageError | None]:
    """Measure a group to a level, or as deep below it as can be read, with the first reason why no deeper.

    None where not even its files could be listed.
    """
    problem: LineageError | None = None
    for each in reversed(LEVELS[: LEVELS.index(level) + 1]):
        try:
            return fingerprint_group(hub, model, commit, group, files, each, progress), problem
        except (HubError, FormatError, InputError) as error:
            problem = problem or error
    return None, problem


def fingerprint_file(path: Path, level: Level = "full", progress: Progress = SILENT) -> GroupFingerprint:
    """Measure one weight file on this machine; it needs no config and no repository around it.

    Raises InputError where it cannot be read or is not a weight file, FormatError where it breaks its format.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    entry = FileEntry(path=path.name, size=size)
    headers = HeaderReader(lambda _: (read_ranges(path, path.name), size), is_local=True)
    groups, loose = group_files([entry], None, headers)
    group = groups[0] if groups else _group_by_content(path, size)
    source = Source(entry, read_ranges(path, path.name), lambda: iter(()), path)
    with progress.task(f"Reading {path.name}", _work([source], level), "B") as task:
        measured = _measure(group, [source], level, task)
    if group.name in loose:
        measured = measured.without_data()
    return replace(measured, cost=Cost(bytes_read=size if level == "full" else 0, local=True))


def _group_by_content(path: Path, size: int) -> WeightGroup:
    """Make the group of a file with another name; its content may be that of GGUF, safetensors or PyTorch."""
    from lineage.fingerprint.pytorch.reader import is_checkpoint

    read = read_ranges(path, path.name)
    if read(0, 4) == b"GGUF":
        found = "gguf"
    elif _has_safetensors_header(read, size, path.name):
        found = "safetensors"
    elif is_checkpoint(read, size, path.name):
        found = "pytorch"
    else:
        raise InputError(
            f"{path} is not a weight file: neither its name nor its first bytes match a known format",
            hint="name a weight file (safetensors, GGUF, a pickled model, ONNX …), or the folder of a model",
        )
    return WeightGroup(name=path.name, format=found, files=(path.name,), main=True)


def _has_safetensors_header(read: Read, size: int, name: str) -> bool:
    """Return whether a file begins with a valid safetensors header that has tensors."""
    try:
        return bool(read_header(read, size, name).tensors)
    except FormatError:
        return False


def _hub_source(hub: Hub, model: str, commit: str, entry: FileEntry, *, look: bool) -> Source:
    """Say how a file of a model is read: in place if it lies on this machine. Without `look` nothing is touched."""
    local = hub.local_path(model, commit, entry.path) if look else None
    if local is not None:
        if entry.size is None:
            entry = entry.model_copy(update={"size": local.stat().st_size})
        in_place, known = read_ranges(local, entry.path), partial(hub.known_pass, local)
        return Source(entry, in_place, lambda: hub.stream(model, commit, entry.path), local, known)

    def read(start: int, length: int) -> bytes:
        return hub.read(model, commit, entry.path, start, length)

    return Source(entry, read, lambda: hub.stream(model, commit, entry.path), None)


def open_at(hub: Hub, model: str, commit: str, files: Mapping[str, FileEntry]) -> OpenFile:
    """Make what opens the files of a model at a commit for a few ranges, in place where they are on this machine."""

    def opened(path: str) -> tuple[Read, int | None]:
        source = _hub_source(hub, model, commit, files.get(path) or FileEntry(path=path), look=True)
        return source.read, source.entry.size

    return opened


def _work(sources: list[Source], level: Level) -> int | None:
    """Count the bytes that a reading will go through; None where that is not known or not worth a bar."""
    return total_size(source.entry for source in sources) if level == "full" else None


def _measure(group: WeightGroup, sources: list[Source], level: Level, task: Task) -> GroupFingerprint:
    """Read the group's files and put together what they hold."""
    has_tensors = group.format in WITH_TENSORS and level != "metadata"
    flags = ["incomplete-shards"] if group.complete is False else []
    rows: list[TensorRow] = []
    declares: dict[str, Any] = {}
    entries: list[FileEntry] = []
    headers: list[FileHeader] = []
    unread: list[Unread] = []
    for entry, found, passed in _readings(group, sources, level, task):
        has_tensors = has_tensors and found.tensors is not None
        headers += found.headers(entry.path)
        declares = {**found.declares, **declares}
        unread += [found.unread] if found.unread else []
        flags += [] if found.ranges_known else ["unknown-tensor-type"]
        entries.append(entry)
        rows += rows_of(entry.path, found, passed)
    if not has_tensors and (group.format not in WITH_TENSORS or group.format in ARCHIVES):
        flags += _flags_of_opaque(group.format, sources, level)
    elif group.format in _PICKLES:
        flags.append("pickle")
    table, repeated = _table(group, rows) if has_tensors else (None, None)
    calls = tuple(dict.fromkeys(name for each in unread for name in each.calls))
    flags += [*(["known-by-sha256"] if repeated else ()), *(["pickle", "pickle-calls"] if calls else ())]
    return GroupFingerprint(
        group=group,
        level="metadata" if lies_elsewhere(group) else level,
        files=tuple(entries),
        digests=_digests(sources, entries, None if group.complete is False else table),
        rows=table,
        declares=declares,
        flags=tuple(dict.fromkeys(flags)),
        headers=tuple(headers) if has_tensors and len(headers) == len(sources) else (),
        unread=next((each.reason for each in unread), repeated),
        calls=calls,
    )


_Reading = tuple[FileEntry, FileContents, FilePass | None]
"""A file's entry with the hash that was found, its header, and the pass over its bytes, if any."""


def _readings(group: WeightGroup, sources: list[Source], level: Level, task: Task) -> Iterator[_Reading]:
    """Read the files of a group in order; in full, those on this machine side by side on all cores."""
    has_tensors = group.format in WITH_TENSORS and level != "metadata"
    if level == "full" and all(source.local for source in sources):
        read = partial(_read, group, level, has_tensors, SharedTask(task))
        yield from read_set(sources, [source.entry.size or 0 for source in sources], read)
        return
    for source in sources:
        reading = _read(group, level, has_tensors, task, source, 1)
        has_tensors = has_tensors and reading[1].tensors is not None
        yield reading


def _read(group: WeightGroup, level: Level, has_tensors: bool, task: Task, source: Source, threads: int) -> _Reading:
    """Read one file's header, and its bytes where the level needs them."""
    found = read_contents(group.format, group.main, source, level) if has_tensors else FileContents(None)
    passed = pass_over(source, found, task, threads) if must_read(source, found, level) else None
    return _checked(source.entry, passed), found, passed


def lies_elsewhere(group: WeightGroup) -> bool:
    """Return whether an .onnx file names data files that are not there: what is there is a part of the model."""
    return group.format == "onnx" and group.complete is False


def _table(group: WeightGroup, rows: list[TensorRow]) -> tuple[list[TensorRow] | None, str | None]:
    """Put the rows of all files in order; no table, and the reason, where files hold parts of one tensor.

    A rank of a model that is split over devices (`consolidated.01.pth`) has the names of all others.
    """
    try:
        return sort_rows(rows), None
    except FormatError as error:
        if group.format not in ARCHIVES:
            raise
        return None, f"its files cannot be put together: {error.message.removesuffix('.')}"


def _checked(entry: FileEntry, passed: FilePass | None) -> FileEntry:
    """Add what a pass found to a file's entry; bytes other than those that the Hub names are refused."""
    if passed is None:
        return entry
    if entry.sha256 is not None and entry.sha256 != passed.sha256:
        raise OtherBytesError(
            f"{entry.path} is not the file that its repository names (sha256-mismatch): its bytes have SHA-256 "
            f"{passed.sha256}, the repository says {entry.sha256}.",
            file=entry.path,
            hint="Download the file again. If it stays so, do not load it.",
        )
    if entry.size is not None and entry.size != passed.size:
        raise FormatError(f"{entry.path} has {passed.size:,} bytes instead of {entry.size:,}.", file=entry.path)
    return entry.model_copy(update={"sha256": passed.sha256, "size": passed.size})


def _flags_of_opaque(kind: str, sources: list[Source], level: Level) -> list[str]:
    """Flag files that are known by their hash only; a pickle is recognised by its first bytes if they are here."""
    flags = ["known-by-sha256"]
    if kind in _PICKLES:
        local = [source for source in sources if source.local and level == "full"]
        if not local or any(source.read(0, 4).startswith(_PICKLE_STARTS) for source in local):
            flags.append("pickle")
    return flags


def _digests(sources: list[Source], entries: list[FileEntry], table: list[TensorRow] | None) -> Digests:
    """Compute the group's digests; the files digest from the identities that metadata give, if they give them."""
    claimed = files_digest(source.entry.identity for source in sources)
    return Digests(
        files=claimed or files_digest(entry.identity for entry in entries),
        weights=weights_digest(table) if table else None,
        content=content_digest(table) if table else None,
        layout=layout_digest(table) if table else None,
    )

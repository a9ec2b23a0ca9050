"""Weights of one model: read within the budget, each content once, and compared if a push replaced them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lineage.collect.budget import ReadBudget
from lineage.collect.options import CollectOptions
from lineage.collect.samples import ReadText, Sampler, Samples, sampled_fields
from lineage.collect.turns import Turns
from lineage.errors import FileNotInRevisionError, FormatError, GatedError, HubError, LineageError
from lineage.fingerprint.digests import files_digest
from lineage.fingerprint.file_contents import WITH_TENSORS
from lineage.fingerprint.measure import GroupFingerprint, fingerprint_as_deep_as_can_be, total_size
from lineage.fingerprint.tensor_table import TensorRow, pack_tensors, unpack_tensors
from lineage.log import Log
from lineage_schemas.digests import Digests
from lineage_schemas.file import FileEntry
from lineage_schemas.graph_batch import Attachment
from lineage_schemas.ids import revision_key
from lineage_schemas.level import LEVELS, Level, is_deeper
from lineage_schemas.weight_group import WeightGroup
from lineage_schemas.weights import GroupWeights, Weights

if TYPE_CHECKING:
    from lineage.hub.interface import Hub
    from lineage.progress import Progress
    from lineage.store.interface import GraphStore, StoreView

LOG = Log(__name__)


@dataclass(frozen=True)
class ReadGroup:
    """Hold one weight group at one commit with what is known of it; `problem` is the reason if a deeper reading failed.

    `lack` is the reason why its bytes prove nothing: they are not on this machine though they should be, they are
    broken, or the Hub failed to send them.
    """

    commit: str
    group: WeightGroup
    fingerprint: GroupFingerprint
    problem: str | None = None
    lack: str | None = None

    @property
    def lack_named(self) -> str:
        """Return the lack with the group's name, once."""
        return f"{self.group.name}: {(self.lack or '').removeprefix(f'{self.group.name}: ')}"

    @property
    def declares(self) -> dict[str, Mapping[str, Any]]:
        """Return the metadata of a GGUF file, by path."""
        gguf = self.group.format == "gguf" and self.fingerprint.declares
        return {self.group.files[0]: self.fingerprint.declares} if gguf else {}


@dataclass(frozen=True)
class ReadWeights:
    """Hold what was read of one model's weights, and what could not be.

    `level` is that of the shallowest group of the head. `refused` means that the Hub refused files, `unreachable`
    that some bytes could not be read for any reason; `bytes_here` is the number of bytes read on this machine. `lacks`
    lists the weights that are broken, and on a local Hub those known by name only and the sets with missing shards:
    they are read again by the next collection, which reports them again. `samples` are those of the head.
    """

    level: Level
    weights: tuple[Weights, ...]
    group_weights: tuple[GroupWeights, ...]
    attachments: tuple[Attachment, ...]
    refused: bool
    unreachable: bool
    bytes_here: int
    lacks: tuple[str, ...] = ()
    samples: Samples = field(default_factory=Samples)


class WeightReader:
    """Read weight groups of one model, as deep as options, budget and available bytes allow.

    All groups of the model share one budget. Content that is in the store is not read again, because its files digest
    identifies it. `finish` returns what was read.
    """

    def __init__(
        self,
        hub: Hub,
        model: str,
        store: GraphStore,
        options: CollectOptions,
        progress: Progress,
        turns: Turns | None = None,
    ) -> None:
        self.hub, self.model, self.options = hub, model, options
        self._store, self._progress, self._turns = store, progress, turns or Turns()
        self._budget = ReadBudget(hub.is_local, options.level, options.max_bytes)
        self._read: dict[str, GroupFingerprint] = {}
        self._entries: dict[str, Mapping[str, FileEntry]] = {}
        self._placed: dict[tuple[str, str], tuple[WeightGroup, str]] = {}
        self._samples = Samples()
        self._refused = False
        self._unreachable = False
        self._bytes_here = 0

    def read_group(
        self, commit: str, group: WeightGroup, files: Mapping[str, FileEntry], absent: Collection[str] = ()
    ) -> ReadGroup:
        """Read one group. Errors are not raised: `problem` has the reason, and the level shows how deep it was read.

        `absent` are files that should be on this machine and are not: placeholders, and broken links. An LFS object
        that was not fetched into a repository is not one of them: the repository names it as the Hub does.
        """
        entries = {path: files.get(path) or FileEntry(path=path) for path in group.files}
        known, error = self._read_alone(commit, group, entries)
        error = error or self._absence(commit, [path for path in group.files if path in absent])
        if not known.is_calibration:
            self._keep(commit, group, known, entries)
        lack = _is_lack(error) or not set(absent).isdisjoint(group.files)
        return ReadGroup(
            commit, group, known, error.message if error else None, error.in_one_line if error and lack else None
        )

    def _read_alone(
        self, commit: str, group: WeightGroup, entries: Mapping[str, FileEntry]
    ) -> tuple[GroupFingerprint, LineageError | None]:
        """Read one group, unless its content is known; the same content of two models is not read at the same time."""
        wanted = self.level_for(group, entries)
        digest = files_digest(entry.identity for entry in entries.values())
        with self._turns.content(digest) as measured:
            known = self._known(group, entries, measured)
            if known is not None and (group.format not in WITH_TENSORS or not is_deeper(wanted, known.level)):
                LOG.debug("%s@%s: %s is known at level %s", self.model, commit, group.name, known.level)
                return known, None
            LOG.debug("%s@%s: %s is read at level %s", self.model, commit, group.name, wanted)
            found, error = self._measure(commit, group, entries, wanted, known)
            self._turns.measured(digest, found)
            return found, error

    def _absence(self, commit: str, paths: Iterable[str]) -> LineageError | None:
        """Return the error why files are not here although the store knows their content."""
        try:
            for path in paths:
                self.hub.local_path(self.model, commit, path)
        except HubError as error:
            self._unreachable = True
            return error
        return None

    def level_for(self, group: WeightGroup, entries: Mapping[str, FileEntry]) -> Level:
        """Return how deep the budget lets a group be read; formats whose tensors are not read do not use it."""
        return self._budget.level_for(total_size(entries.values()) if group.format in WITH_TENSORS else None)

    def afford(self, size: int | None) -> bool:
        """Spend bytes of the budget for reading files again; False if too few are left."""
        return self._budget.afford(size)

    def hash_file(self, commit: str, path: str, size: int) -> str | None:
        """Hash a file's bytes with SHA-256; None if it is longer than `size`. Raises HubError as the Hub does."""
        from hashlib import sha256

        state, left = sha256(), size
        for chunk in self.hub.stream(self.model, commit, path):
            left -= len(chunk)
            if left < 0:
                return None
            state.update(chunk)
        return state.hexdigest()

    def _measure(
        self, commit: str, group: WeightGroup, entries: Mapping[str, FileEntry], wanted: Level,
        known: GroupFingerprint | None,
    ) -> tuple[GroupFingerprint, LineageError | None]:  # fmt: skip
        """Read to the wanted level, or as deep as possible below it, with the reason."""
        found, error = fingerprint_as_deep_as_can_be(
            self.hub, self.model, commit, group, entries, wanted, self._progress
        )
        self._refused = self._refused or isinstance(error, GatedError)
        self._unreachable = self._unreachable or isinstance(error, HubError)
        if found is None or (known is not None and is_deeper(known.level, found.level)):
            return known or _by_names(group, entries), error
        if self.hub.is_local:
            self._bytes_here += found.cost.bytes_read
        elif found.level == "full":
            self._budget.spend(found.cost.bytes_read if found.unread else found.byte_size or 0)
        return found, error

    def _known(
        self, group: WeightGroup, entries: Mapping[str, FileEntry], measured: GroupFingerprint | None
    ) -> GroupFingerprint | None:
        """Return what this model's reading, another one of this run or the store knows of the same files."""
        digest = files_digest(entry.identity for entry in entries.values())
        if digest is None:
            return None
        if digest in self._read:
            return _regrouped(self._read[digest], group, entries)
        if measured is not None and group.format != "gguf" and (rebuilt := _rebuilt(measured, group, entries, digest)):
            return rebuilt
        return self._stored(group, entries)

    def _stored(self, group: WeightGroup, entries: Mapping[str, FileEntry]) -> GroupFingerprint | None:
        """Rebuild a reading of headers or of whole files from the store, as deep as its tensor table is."""
        if group.format == "gguf":
            return None  # the metadata of such a file are not stored
        with self._store.reading() as view:
            return stored_fingerprint(view, group, entries)

    def _keep(self, commit: str, group: WeightGroup, found: GroupFingerprint, entries: Mapping[str, FileEntry]) -> None:
        digest = found.digests.files
        if digest is None:
            return
        if digest not in self._read or is_deeper(found.level, self._read[digest].level):
            self._read[digest], self._entries[digest] = found, entries
        self._placed[commit, group.name] = (group, digest)

    def place(self, commit: str, group: WeightGroup, digest: str | None) -> None:
        """Record that a group of a commit has weights whose files are known, read or not."""
        if digest is not None:
            self._placed.setdefault((commit, group.name), (group, digest))
            self._read.setdefault(digest, _by_digest(group, digest))

    def sample(
        self, commit: str, groups: Iterable[ReadGroup], files: Mapping[str, FileEntry], read_text: ReadText
    ) -> None:
        """Sample the values of groups of a commit, if the options ask for it."""
        if not self.options.samples:
            return
        sampler = Sampler(self.hub, self.model, commit, self._store, self._progress, self._turns)
        found = [each.fingerprint for each in groups if each.lack is None]
        self._samples = sampler.take(found, files, read_text, self._budget, again=self.options.refresh)

    def note_unreachable(self) -> None:
        """Record that another part of the model could not be read, which may succeed later."""
        self._unreachable = True

    def finish(self, groups: Sequence[ReadGroup], missing: Iterable[str] = ()) -> ReadWeights:
        """Return everything that was read.

        `groups` are those of the head, `missing` describes which of their shards are not here.
        """
        named = (
            f"{name}: {each.lack.removeprefix(f'{name}: ')}"
            for each in groups
            if each.lack and (name := each.group.name)
        )
        lacks = (*named, *missing)
        return ReadWeights(
            lacks=lacks,
            level=self._reached(groups),
            weights=tuple(self._records()),
            group_weights=tuple(self._group_weights()),
            attachments=tuple(self._attachments()),
            refused=self._refused,
            unreachable=self._unreachable or bool(lacks),
            bytes_here=self._bytes_here,
            samples=self._samples,
        )

    def _reached(self, groups: Iterable[ReadGroup]) -> Level:
        """Return the level of the shallowest group that has tensors, or is not here; without one, the wanted level."""
        levels = [each.fingerprint.level for each in groups if each.group.format in WITH_TENSORS or each.lack]
        return min(levels, key=LEVELS.index, default=self._budget.least)

    def _records(self) -> Iterator[Weights]:
        """Yield the weights that were read, as the graph keeps them."""
        for digest, found in sorted(self._read.items()):
            yield Weights(
                key=digest,
                level=found.level,
                weights=found.digests.weights,
                content=found.digests.content,
                layout=found.digests.layout,
                format=found.group.format,
                tensor_count=found.tensor_count,
                parameter_count=found.parameter_count,
                byte_size=found.byte_size,
                dtypes=found.dtypes,
                calls=_calls(found),
                **sampled_fields(self._samples, digest),
            )

    def _group_weights(self) -> Iterator[GroupWeights]:
        """Yield which group of which revision holds which weights."""
        key = self.hub.key(self.model)
        for (commit, _), (group, digest) in sorted(self._placed.items()):
            yield GroupWeights(revision=revision_key(key, commit), group=group, weights=digest)

    def _attachments(self) -> Iterator[Attachment]:
        """Yield the tensor tables of what was read, with files by identity: their paths differ by model.

        Of what only headers were read a table holds names, dtypes and shapes: on a remote Hub they cost requests.
        """
        for digest, found in sorted(self._read.items()):
            if found.rows and (found.level == "full" or found.group.format != "gguf"):
                identities = {path: entry.identity or path for path, entry in self._entries[digest].items()}
                rows = [row._replace(file=identities[row.file]) for row in found.rows]
                yield Attachment(kind="tensors", key=digest, data=pack_tensors(rows))
        yield from self._samples.attachments()


def _calls(found: GroupFingerprint) -> tuple[str, ...] | None:
    """Return what the pickles of a group would call; None where they were not read, or where there are none."""
    if found.group.format != "pytorch":
        return None
    return found.calls or (() if found.rows else None)


def _is_lack(error: LineageError | None) -> bool:
    """Return whether an error leaves open what weights are that should be readable: broken bytes, a Hub that failed.

    Files of a gated model, and LFS objects that a repository only names, are known as well as they can be.
    """
    known = isinstance(error, GatedError | FileNotInRevisionError)
    return isinstance(error, HubError | FormatError) and not known


_OF_TENSORS = ("weights", "content", "layout")
"""Digests of tensors, which a set with missing shards does not have."""


def stored_fingerprint(
    view: StoreView, group: WeightGroup, entries: Mapping[str, FileEntry]
) -> GroupFingerprint | None:
    """Rebuild an earlier reading of the same files, as deep as its tensor table is; None if none was stored."""
    digest = files_digest(entry.identity for entry in entries.values())
    if digest is None:
        return None
    node = view.nodes("Weights", [digest]).get(digest)
    table = view.attachment("tensors", digest)
    if node is None or table is None:
        return None
    return _from_rows(group, entries, digest, node, unpack_tensors(table))


def _from_rows(
    group: WeightGroup,
    entries: Mapping[str, FileEntry],
    digest: str,
    digests_of: Mapping[str, Any],
    table: Iterable[TensorRow],
) -> GroupFingerprint | None:
    """Rebuild a reading from its tensor table, whose files are named by their identities."""
    whole = group.complete is not False  # a store of an earlier version may hold digests of half a set
    digests = Digests(files=digest, **{name: digests_of.get(name) if whole else None for name in _OF_TENSORS})
    paths = {entry.identity: entry.path for entry in entries.values()}
    stored = list(table)
    if not paths.keys() >= {row.file for row in stored}:  # imported from a dump that another program wrote
        return None
    rows = [row._replace(file=paths[row.file]) for row in stored]
    level: Level = "full" if all(row.digest for row in rows) else "header"
    return GroupFingerprint(group, level, tuple(entries.values()), digests, rows)


def _rebuilt(
    measured: GroupFingerprint, group: WeightGroup, entries: Mapping[str, FileEntry], digest: str
) -> GroupFingerprint | None:
    """Rebuild what another model's reading measured as the store would, which has it as soon as it is written."""
    if not measured.rows:
        return None
    identities = {entry.path: entry.identity or entry.path for entry in measured.files}
    rows = [row._replace(file=identities[row.file]) for row in measured.rows]
    return _from_rows(group, entries, digest, measured.digests.model_dump(), rows)


def _by_names(group: WeightGroup, entries: Mapping[str, FileEntry]) -> GroupFingerprint:
    """Describe a group that could not be read at all: its files are all that is known."""
    digests = Digests(files=files_digest(entry.identity for entry in entries.values()))
    return GroupFingerprint(group, files=tuple(entries.values()), digests=digests)


def _by_digest(group: WeightGroup, digest: str) -> GroupFingerprint:
    return GroupFingerprint(group, digests=Digests(files=digest))


def _regrouped(found: GroupFingerprint, group: WeightGroup, entries: Mapping[str, FileEntry]) -> GroupFingerprint:
    """Put the same content under another group's name and at its paths."""
    from dataclasses import replace

    hashes = {entry.blob_id: entry.sha256 for entry in found.files}
    files = tuple(
        entry if entry.sha256 else entry.model_copy(update={"sha256": hashes.get(entry.blob_id)})
        for entry in entries.values()
    )
    return replace(found, group=group, files=files)

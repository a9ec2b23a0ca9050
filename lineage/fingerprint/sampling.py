"""Sampling a weight group: its architecture signature and its sketch, from headers and few bytes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.errors import FormatError
from lineage.fingerprint.digests import arch_digest
from lineage.fingerprint.measure import GroupFingerprint, cost_since
from lineage.fingerprint.reading import read_ranges
from lineage.fingerprint.values.tensor import FileHeader
from lineage.fingerprint.values.tiles import KINDS, TileKind
from lineage.log import Log
from lineage_schemas.cost import Cost

if TYPE_CHECKING:
    from lineage.fingerprint.values.anchors import Anchor
    from lineage.fingerprint.values.circuits import Invariants
    from lineage.fingerprint.values.plan import SamplePlan
    from lineage.fingerprint.values.sketch import ReadRanges, Sketch
    from lineage.fingerprint.values.source import ValueSource
    from lineage.hub.interface import Hub

LOG = Log(__name__)


class ModelConfigs(NamedTuple):
    """The configs of a model that say how its values are stored: config.json and adapter_config.json."""

    config: Mapping[str, Any] | None = None
    adapter: Mapping[str, Any] | None = None


class GroupSample(NamedTuple):
    """What was sampled of one weight group: `arch` from its headers, the sketch from its values, and what that cost.

    `problem` says why the sketch is empty; `unread` maps tensors without comparable values to the reason. `plan` is
    what a sample takes, where headers tell, and `method` how most matrices are quantised. `scale_problem` says why the
    scale of some of an adapter's modules is not known. `lost` counts the unread tensors that are matrices or codes.
    """

    arch: str | None
    sketch: Sketch
    cost: Cost
    unread: Mapping[str, str] = MappingProxyType({})
    problem: str | None = None
    plan: SamplePlan | None = None
    method: str | None = None
    scale_problem: str | None = None
    lost: int = 0

    @property
    def coverage(self) -> str:
        """Say what the sample covers, in the text that is stored."""
        from lineage.fingerprint.values.coverage import coverage_text

        return coverage_text(self.sketch, self.lost)

    def covered(self) -> Iterator[tuple[TileKind, int, int]]:
        """Yield for each kind of tile how many the sample takes, or would take, and how many there are."""
        from lineage.fingerprint.values.sample import count_kinds

        tiles = [each.tile for each in self.sketch.tiles] or (self.plan.tiles if self.plan else ())
        taken = count_kinds(tiles)
        for kind in KINDS:
            yield kind, taken.get(kind, 0), self.sketch.offered.get(kind, 0)


def sketch_digest(sketch: Sketch) -> str:
    """Digest a sketch in its stored form, as `sketch.v1:` and 64 hex digits: equal where all sampled values are."""
    from blake3 import blake3

    from lineage.fingerprint.values.sketch import pack_sketch

    return f"sketch.v1:{blake3(pack_sketch(sketch)).hexdigest()}"


def sample_group(
    hub: Hub, model: str, commit: str, found: GroupFingerprint, configs: ModelConfigs, left: int | None = None
) -> GroupSample:
    """Sample a group of a model whose headers were read, if that costs at most `left` bytes (None: any number).

    Raises HubError as the Hub does. Broken files are a `problem`, as is a group that was not read by its headers.
    """
    before = hub.cost()
    sample = _sample(found, configs, reader_of(hub, model, commit, found), left)
    cost = cost_since(hub, before)
    if hub.is_local:
        cost = cost.model_copy(update={"bytes_read": sample.cost.bytes_read})
    LOG.debug(
        "%s@%s: sampled %s: %d requests, %d bytes", model, commit, found.group.name, cost.requests, cost.bytes_read
    )
    return sample._replace(cost=cost)


def reader_of(hub: Hub, model: str, commit: str, found: GroupFingerprint) -> ReadRanges:
    """Make what reads ranges of a group's files: on this machine where they are here, else from the Hub."""
    places = {header.file: hub.local_path(model, commit, header.file) for header in found.headers}

    def read(file: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        place = places[file]
        if place is not None:
            return _read_here(place, file, ranges)
        return hub.read_ranges(model, commit, file, ranges)

    return read


def reader_of_file(path: Path) -> ReadRanges:
    """Make what reads ranges of one weight file on this machine."""
    return lambda file, ranges: _read_here(path, file, ranges)


def group_anchor(found: GroupFingerprint, configs: ModelConfigs, read: ReadRanges) -> Anchor:
    """Read rows that permuted or rotated dimensions leave alone, at most 8 million values in few ranges.

    Raises FormatError where headers or values are broken, and what `read` raises.
    """
    from lineage.fingerprint.values.anchors import read_anchor
    from lineage.fingerprint.values.open import open_values

    source = open_values(found.headers, found.group.format, config=configs.config, adapter=configs.adapter)
    return read_anchor(source, read)


def group_invariants(found: GroupFingerprint, configs: ModelConfigs, read: ReadRanges) -> Invariants:
    """Measure what disguises leave alone: reads the matrices of four layers and the anchor, in blocks.

    Raises FormatError where headers or values are broken, and what `read` raises.
    """
    from lineage.fingerprint.values.anchors import read_anchor
    from lineage.fingerprint.values.circuits import measure_invariants
    from lineage.fingerprint.values.head_layout import head_layout
    from lineage.fingerprint.values.open import open_values
    from lineage.fingerprint.values.sample import read_place

    source = open_values(found.headers, found.group.format, config=configs.config, adapter=configs.adapter)
    declared = found.headers[0].values if found.headers and found.group.format == "gguf" else None
    shapes = {name: tensor.shape for name, tensor in source.tensors.items()}
    layout = head_layout(configs.config, declared)
    return measure_invariants(
        shapes, lambda name, place: read_place(source.tensors[name], place, read), read_anchor(source, read), layout
    )


def sample_file(path: Path, found: GroupFingerprint, configs: ModelConfigs) -> GroupSample:
    """Sample one weight file on this machine. Raises InputError where it cannot be read."""
    return _sample(found, configs, lambda file, ranges: _read_here(path, file, ranges), None)


def plan_group(found: GroupFingerprint, configs: ModelConfigs) -> GroupSample:
    """Work out from headers what a sample of a group would cost, and its architecture signature; reads no values."""
    return _sample(found, configs, None, None)


def _sample(found: GroupFingerprint, configs: ModelConfigs, read: ReadRanges | None, left: int | None) -> GroupSample:
    """Plan a sample and, with `read`, take it; `left` are the bytes that it may cost."""
    from lineage.fingerprint.values.coverage import count_unread
    from lineage.fingerprint.values.open import open_values
    from lineage.fingerprint.values.plan import plan_sample
    from lineage.fingerprint.values.sample import count_kinds, read_sample
    from lineage.fingerprint.values.sketch import Sketch

    sample = GroupSample(None, Sketch((), {}), Cost())
    if found.group.complete is False:
        return sample._replace(problem="some of its shards are missing")
    if not found.headers:
        return sample._replace(problem=found.unread or "its headers were not read")
    try:
        source = open_values(found.headers, found.group.format, config=configs.config, adapter=configs.adapter)
        arch = arch_digest({name: tensor.shape for name, tensor in source.tensors.items()})
        sample = sample._replace(
            arch=arch,
            unread=source.unread,
            method=source.method,
            scale_problem=source.scale_problem,
            lost=count_unread(found.headers, source.unread),
        )
        plan = plan_sample(source)
        sample = sample._replace(sketch=Sketch((), count_kinds(plan.offers)), plan=plan)
        if read is None:
            return sample
        if left is not None and plan.bytes > left:
            reason = f"a sample takes {plan.bytes:,} bytes, and {left:,} are left of --max-bytes"
            return sample._replace(problem=reason)
        exact = _exact(found.headers, plan, source, read)
        if exact is not None:
            source = open_values(exact, found.group.format, config=configs.config, adapter=configs.adapter)
            plan = plan_sample(source)
        sketch, unread = read_sample(source, plan, read)
        return sample._replace(
            sketch=sketch,
            plan=plan,
            cost=Cost(bytes_read=plan.bytes),
            unread={**sample.unread, **unread},
            lost=count_unread(found.headers, {**sample.unread, **unread}),
            problem=next(iter(unread.values()), None) if not sketch.tiles else None,
        )
    except FormatError as error:
        return sample._replace(problem=error.in_one_line)


def _exact(
    headers: Sequence[FileHeader], plan: SamplePlan, source: ValueSource, read: ReadRanges
) -> tuple[FileHeader, ...] | None:
    """Read the local headers of the tensors that a plan takes from archives; None if there is no archive.

    The directory of a checkpoint says where entries are, but not how long their local headers are.
    """
    if not any(header.checkpoint for header in headers):
        return None
    wanted = {part.file: set[int]() for tile in plan.tiles for part in source.tensors[tile.name].ranges(tile.place)}
    for tile in plan.tiles:
        for part in source.tensors[tile.name].ranges(tile.place):
            wanted[part.file].add(part.start)
    return tuple(_at_exact_places(header, sorted(wanted.get(header.file, ())), read) for header in headers)


def _at_exact_places(header: FileHeader, starts: Sequence[int], read: ReadRanges) -> FileHeader:
    """Correct the places of the tensors of one archive in which ranges begin; its other tensors stay as they are."""
    checkpoint = header.checkpoint
    if checkpoint is None:
        return header
    taken = [
        each
        for each in checkpoint.tensors
        if (at := bisect_left(starts, each.begin)) < len(starts) and starts[at] < each.begin + max(each.extent, 1)
    ]
    entries = [checkpoint.entries[key] for key in dict.fromkeys(each.storage for each in taken)]
    asked = [(entry.at, entry.header_length) for entry in entries]
    local = dict(zip(asked, read(header.file, asked), strict=True)) if asked else {}
    exact = checkpoint.exact(lambda start, length: local[start, length], taken)
    moved = {each.name: each for each in exact.tensors}
    stored = [moved.get(each.name, each) for each in checkpoint.tensors]
    spans = [moved[span.name].span if span.name in moved else span for span in header.tensors]
    return FileHeader(header.file, spans, header.values, checkpoint._replace(tensors=stored))


def _read_here(place: Path, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Read ranges of a file on this machine."""
    read = read_ranges(place, name)
    return [read(start, length) for start, length in ranges]

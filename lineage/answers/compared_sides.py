"""One side of a comparison: a model, a revision, a folder or a file, measured and sampled."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lineage.answers.collect import as_target
from lineage.answers.looked_up import hub_to_read
from lineage.collect.budget import ReadBudget
from lineage.collect.measuring import Measured, measure_model, measure_path, recorded_weights
from lineage.collect.samples import ReadText, configs_of
from lineage.derivation.side import Side, is_other_adapter
from lineage.errors import HubError, LineageError
from lineage.fingerprint.file_contents import WITH_TENSORS
from lineage.fingerprint.measure import GroupFingerprint, fingerprint_as_deep_as_can_be
from lineage.fingerprint.sampling import GroupSample, sample_file, sample_group
from lineage.fingerprint.values.coverage import may_cover_more
from lineage.fingerprint.values.names import normalised_names
from lineage.hub.target import PathTarget, parse_target
from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage.unexpected import contained
from lineage_schemas.cost import Cost
from lineage_schemas.digests import Digests
from lineage_schemas.file import FileEntry
from lineage_schemas.ids import shown_id
from lineage_schemas.level import Level
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from pathlib import Path

    from lineage.answers.session import Session
    from lineage.fingerprint.values.sketch import Sketch
    from lineage.hub.interface import Hub
    from lineage.progress import Progress
    from lineage_schemas.snapshot import Snapshot


@dataclass(frozen=True)
class Compared:
    """Hold one side of a comparison, with what it cost and what could not be read.

    `found` is the main weight group, None if there is none. `problem` is why its values were not sampled. `hub` and
    `snapshot` are None for a single file, which is at `path`. `coverage` is what its sample covers.
    `before` is what the Hub had been asked for when the reading began.
    """

    name: str
    revision: str | None
    side: Side
    found: GroupFingerprint | None
    hub: Hub | None = None
    snapshot: Snapshot | None = None
    costs: Sequence[Cost] = ()
    unchecked: Sequence[Unchecked] = ()
    problem: str | None = None
    notes: Sequence[str] = field(default=())
    path: Path | None = None
    coverage: str | None = None
    before: Cost | None = None

    @property
    def is_path(self) -> bool:
        """Return whether the side was named by a path."""
        return self.name.startswith((".", "/", "~"))

    def stored_name(self, normalised: str) -> str:
        """Return the name of a tensor in the file; the normalised one where no stored name is known."""
        rows = self.found.rows if self.found else None
        names = normalised_names(row.name for row in rows or ())
        return next((stored for stored, name in names.items() if name == normalised), normalised)


def read_side(session: Session, text: str, *, level: Level | None, max_bytes: int | None) -> Compared:
    """Measure and sample one side. Raises HubError, FormatError or InputError if nothing of it can be read."""
    with contained(text):
        parsed = parse_target(text)
        if isinstance(parsed, PathTarget) and parsed.path.is_file() and parsed.path.suffix != ".bundle":
            return _of_file(session, text, parsed, level)
        target = as_target(session, text, on_disk=True)
        hub = hub_to_read(session, target)
        before = hub.cost()
        resolved = hub.resolve(target.model, target.revision)
        budget = ReadBudget(hub.is_local, level, DEFAULT_MAX_BYTES if max_bytes is None else max_bytes)
        recorded = recorded_weights(lambda: session.store, hub)
        measured = measure_model(hub, resolved, budget, session.progress, recorded=recorded)
        name = shown_id(hub.key(resolved.model), session.hub.name) if not isinstance(parsed, PathTarget) else text
        return replace(_of_model(session, name, hub, measured, budget), before=before)


def _of_file(session: Session, text: str, target: PathTarget, level: Level | None) -> Compared:
    """Measure and sample a single weight file, which has no configs."""
    measured = measure_path(session.files_on_disk, target.path, level or "full", session.progress)
    found = measured.main
    if found is None or found.group.name in measured.problems:
        return Compared(text, None, Side(text, Digests(), "unknown"), found, unchecked=measured.unchecked())
    if found.group.format not in WITH_TENSORS:
        side = _side(text, found, None, None, ())
        return Compared(text, None, side, found, costs=(found.cost,), problem=_unread_format(found))
    sample = sample_file(target.path, found, configs_of(found, {}, lambda path: None))
    return Compared(
        text, None, _side(text, found, sample.sketch, sample.arch, ()), found,
        costs=(found.cost, sample.cost), problem=_problem(sample), path=target.path, coverage=sample.coverage,
    )  # fmt: skip


def _of_model(session: Session, name: str, hub: Hub, measured: Measured, budget: ReadBudget) -> Compared:
    """Sample the main group of a measured model; the store's sketch of the same files is used if there is one."""
    snapshot, found = measured.snapshot, measured.main
    assert snapshot is not None, "a model was measured, not a single file"
    components = [group for group in measured.groups if group is not found]
    missing = tuple(_missing(measured, found, name))
    common = {"hub": hub, "snapshot": snapshot, "notes": measured.notes}
    if found is None:
        side = _side(name, None, None, None, components)
        none = Unchecked(what=name, reason=f"no main weight group was found{measured.missing_note}")
        return Compared(name, snapshot.commit, side, None, unchecked=(*missing, none), **common)  # type: ignore[arg-type]
    sketch, arch, coverage, problem, cost = _sampled(session, hub, snapshot, found, budget)
    return Compared(
        name, snapshot.commit, _side(name, found, sketch, arch, components), found,
        costs=(*measured.grouping, found.cost, cost), unchecked=missing, problem=problem, coverage=coverage,
        **common,  # type: ignore[arg-type]
    )  # fmt: skip


def _missing(measured: Measured, found: GroupFingerprint | None, name: str) -> Iterator[Unchecked]:
    """List what of the main group is not here or could not be read as deep as was asked."""
    of_main = found.group.name if found else None
    for each in measured.unchecked():
        if each.what == of_main or found is None:
            yield each.model_copy(update={"what": f"{name}: {each.what}"})


def _sampled(
    session: Session, hub: Hub, snapshot: Snapshot, found: GroupFingerprint, budget: ReadBudget
) -> tuple[Sketch | None, str | None, str | None, str | None, Cost]:
    """Return the sketch of a group, its architecture signature, what it covers, why there is none, and what it cost."""
    if found.group.format not in WITH_TENSORS:
        return None, None, None, _unread_format(found), Cost(local=hub.is_local)
    stored = _stored(session, hub, found)
    if stored is not None:
        return *stored, None, Cost(local=hub.is_local)
    try:
        found = headers_of(hub, snapshot, found, session.progress)
        left = None if hub.is_local else budget.left
        files = {entry.path: entry for entry in snapshot.files}
        configs = configs_of(found, files, text_reader(hub, snapshot))
        sample = sample_group(hub, snapshot.model, snapshot.commit, found, configs, left)
    except HubError as error:
        return None, None, None, error.in_one_line, Cost(local=hub.is_local)
    return sample.sketch, sample.arch, sample.coverage, _problem(sample), sample.cost


def text_reader(hub: Hub, snapshot: Snapshot) -> ReadText:
    """Make what reads texts of a commit; None for one that cannot be read."""
    sizes = {entry.path: entry.size for entry in snapshot.files}

    def read(path: str) -> bytes | None:
        try:
            return hub.read_text(snapshot.model, snapshot.commit, path, sizes.get(path))
        except LineageError:
            return None

    return read


def headers_of(hub: Hub, snapshot: Snapshot, found: GroupFingerprint, progress: Progress) -> GroupFingerprint:
    """Return a group with its headers: those of one that the store knows are read again."""
    if found.headers:
        return found
    files = {entry.path: entry for entry in snapshot.files}
    entries = {path: files.get(path) or FileEntry(path=path) for path in found.group.files}
    again, _ = fingerprint_as_deep_as_can_be(
        hub, snapshot.model, snapshot.commit, found.group, entries, "header", progress
    )
    return again or found


def _stored(session: Session, hub: Hub, found: GroupFingerprint) -> tuple[Sketch, str | None, str | None] | None:
    """Return the sketch, architecture signature and coverage that the store has of a remote model's files.

    None also where tensors were unread that this version may read.
    """
    from lineage.fingerprint.values.sketch import unpack_sketch

    if hub.is_local or found.digests.files is None:
        return None
    with session.store.reading() as view:
        data = view.attachment("sketch", found.digests.files)
        node = view.nodes("Weights", [found.digests.files]).get(found.digests.files) or {}
    if data is None or may_cover_more(node.get("sketch")):
        return None
    sketch = unpack_sketch(data)
    return (sketch, node.get("arch"), node.get("sketch")) if sketch.tiles else None


def _unread_format(found: GroupFingerprint) -> str:
    return f"values of {found.group.format} files are not read; compare a copy of the model in safetensors or GGUF"


def _problem(sample: GroupSample) -> str | None:
    """Return why a sample holds nothing."""
    if sample.problem is not None or sample.sketch.tiles:
        return sample.problem
    reasons = dict.fromkeys(sample.unread.values())
    return "; ".join(list(reasons)[:3]) or "its tensors hold no values that are read here"


def _side(
    name: str,
    found: GroupFingerprint | None,
    sketch: Sketch | None,
    arch: str | None,
    components: Sequence[GroupFingerprint],
) -> Side:
    """Make the side that the rules compare."""
    others = {each.group.name: each.digests for each in components if posixpath.dirname(each.group.name) or not found}
    if found is None:
        return Side(name, Digests(), "unknown", components=others)
    other_adapter = is_other_adapter(found.group.name, (row.name for row in found.rows or ()), sketch)
    return Side(name, found.digests, found.group.format, found.rows, arch, sketch, others, other_adapter)

"""Reading one model: everything that its Hub has at one moment, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lineage.collect.cards import CardReader, kept_cards
from lineage.collect.comparing import Comparer
from lineage.collect.headers import HeadersAlong
from lineage.collect.options import CollectOptions
from lineage.collect.shards import missing_shards_of
from lineage.collect.unknown_files import named_files, with_known_files
from lineage.derivation.declared_edges import derive, names_to_resolve
from lineage.derivation.facts import ChildFacts, DerivationResult, FirstCommit, ResolvedName
from lineage.derivation.forms import forms_to_compare
from lineage.derivation.history import duplicate_source
from lineage.derivation.precision import WeightTypes, weight_types
from lineage.errors import FileNotInRevisionError, HubError, TextTooLongError
from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.header_reader import CALIBRATION, MAX_REQUESTS, HeaderReader, type_of_gguf
from lineage.fingerprint.measure import open_at
from lineage.fingerprint.weight_files import is_calibration
from lineage.hub.declared.declaration import Declaration
from lineage.hub.declared.parsing import NotReadableError
from lineage.hub.declared.reading import declarations
from lineage.unexpected import contained
from lineage.versioning.changes import LineReport, line_changes
from lineage.versioning.line import UNDATED, first_own, first_parent_line, last_before
from lineage.versioning.tags import FirstTargets, with_first_targets
from lineage_schemas.history import Commit, History
from lineage_schemas.snapshot import ResolvedRevision, Snapshot

if TYPE_CHECKING:
    from lineage.collect.names import Names
    from lineage.collect.weights import ReadGroup, ReadWeights, WeightReader
    from lineage.hub.interface import Hub
    from lineage.progress import Progress


@dataclass(frozen=True)
class Known:
    """Hold what the store knows of a model before it is read: its history, and where its tags were first recorded."""

    history: History | None
    tags: FirstTargets


@dataclass(frozen=True)
class ModelReading:
    """Hold what was read of one model at one commit, and with which options.

    `texts` are those of the commit by path, `cards` those of other commits by the identity of the file.
    """

    key: str
    resolved: ResolvedRevision
    snapshot: Snapshot
    history: History
    lines: tuple[LineReport, ...]
    derivation: DerivationResult
    parents: tuple[str, ...]
    weights: ReadWeights
    options: CollectOptions
    texts: Mapping[str, bytes]
    cards: Mapping[str, bytes]


def read_model(
    hub: Hub, names: Names, resolved: ResolvedRevision, known: Known, weights: WeightReader,
    options: CollectOptions, progress: Progress, project: tuple[Declaration, ...] = (),
) -> ModelReading:  # fmt: skip
    """Read a model: files, card, history, weights within the budget, and what it declares.

    `project` is what a project file declares about it.
    """
    key, head = hub.key(resolved.model), resolved.commit
    # The history first: on the Hub, git fetches small files with it, so that the snapshot needs no requests for them.
    history = hub.history(resolved.model, pull_requests=options.pull_requests, known=known.history)
    snapshot = hub.snapshot(resolved)
    texts = _TextReader(hub, snapshot, weights)
    files = {entry.path: entry for entry in snapshot.files}
    limit = None if hub.is_local or options.level == "full" else MAX_REQUESTS
    headers = HeaderReader(open_at(hub, resolved.model, head, files), is_local=hub.is_local, max_requests=limit)
    absent = {*snapshot.without_bytes, *snapshot.unreadable}
    grouped = weight_groups(named_files(snapshot), texts.read_or_none, headers)
    found = tuple(weights.read_group(head, group, files, absent) for group in grouped)
    weights.sample(head, found, files, texts.read_or_none)
    cards = CardReader(hub, history.model)
    lines = _lines(hub, cards, key, history, with_first_targets(history, known.tags), weights, options)
    _place(lines, weights)
    groups = tuple(group for group in found if not group.fingerprint.is_calibration)
    types = {g.group.files[0]: g.fingerprint.dtypes for g in groups if g.fingerprint.dtypes}
    declared = declarations(with_known_files(snapshot), texts.read, gguf=_gguf_headers(found, snapshot), types=types)
    derivation, parents = _derive(hub, names, resolved, (*declared, *project), lines, _main_types(groups))
    for path in ("README.md", "config.json"):
        if path in files:
            texts.read_or_none(path)
    at_hand = {entry.identity: texts.kept[path] for path, entry in files.items() if path in texts.kept}
    return ModelReading(
        key=key,
        resolved=resolved,
        snapshot=snapshot,
        history=history,
        lines=lines,
        derivation=derivation,
        parents=parents,
        weights=weights.finish(groups, _missing_shards(groups, history, texts.read_or_none)),
        options=options,
        texts=MappingProxyType(texts.kept),
        cards=MappingProxyType(kept_cards(cards, history, [report.line for report in lines], at_hand)),
    )


def _gguf_headers(groups: Iterable[ReadGroup], snapshot: Snapshot) -> dict[str, Mapping[str, Any]]:
    """Return the headers of GGUF files, each with its kind; calibration data may be recognised by name."""
    headers: dict[str, Mapping[str, Any]] = {
        entry.path: {"general.type": CALIBRATION} for entry in snapshot.files if is_calibration(entry.path)
    }
    for group in groups:
        for path, declares in group.declares.items():
            kind = type_of_gguf(declares)
            headers[path] = {**declares, "general.type": kind} if kind else declares
    return headers


def _missing_shards(
    groups: Iterable[ReadGroup], history: History, read_index: Callable[[str], bytes | None]
) -> Iterator[str]:
    """Report which shards a folder or the cache lacks; shards missing from a commit were never published."""
    for each in groups if history.source in ("folder", "cache") else ():
        missing = missing_shards_of(each.group, read_index)
        if missing is not None:
            yield f"{each.group.name}: {missing}"


class _TextReader:
    """Read texts of one commit, each once, and keep those that were read completely."""

    def __init__(self, hub: Hub, snapshot: Snapshot, weights: WeightReader) -> None:
        self._hub, self._snapshot, self._weights = hub, snapshot, weights
        self._sizes = {entry.path: entry.size for entry in snapshot.files}
        self.kept: dict[str, bytes] = {}

    def read(self, path: str) -> bytes | None:
        """Read a text; None if it cannot be read. Raises NotReadableError if it is too long."""
        if path not in self.kept:
            model, commit = self._snapshot.model, self._snapshot.commit
            try:
                self.kept[path] = self._hub.read_text(model, commit, path, self._sizes.get(path))
            except TextTooLongError as error:
                raise NotReadableError(error.reason) from error
            except HubError as error:
                if not isinstance(error, FileNotInRevisionError):
                    self._weights.note_unreachable()
                return None
        return self.kept[path]

    def read_or_none(self, path: str) -> bytes | None:
        """Read a text; None if it cannot be read or is too long: other sources decide then, and report it."""
        try:
            return self.read(path)
        except NotReadableError:
            return None


def _lines(
    hub: Hub, cards: CardReader, key: str, history: History, announced: History, weights: WeightReader,
    options: CollectOptions,
) -> tuple[LineReport, ...]:  # fmt: skip
    """Compute the changes of every branch's line, the default branch's first.

    `announced` is the history with its tags where they were first recorded.
    """
    branches = [ref for ref in history.refs if ref.kind == "branch"]
    branches.sort(key=lambda ref: (ref.name != history.default_branch, ref.name))

    reports: list[LineReport] = []
    for ref in branches:
        is_default = ref.name == history.default_branch
        line = first_parent_line(history, ref.name, ref.target)
        default = reports[0].line if reports and reports[0].line.branch == history.default_branch else None
        own_from = first_own(line, default) if default else None
        measurer = Comparer(weights, remote=is_default)
        headers = HeadersAlong(hub, history.model, options.level, is_default=is_default)
        reports.append(line_changes(announced, line, key, cards.text, measurer, headers, own_from=own_from))
    return tuple(reports)


def _place(lines: tuple[LineReport, ...], weights: WeightReader) -> None:
    """Record which weights a model had at the end of every push that changed some, read or not."""
    for report in lines:
        for placed in report.placed:
            weights.place(placed.commit, placed.group, placed.digest)


def _derive(
    hub: Hub,
    names: Names,
    resolved: ResolvedRevision,
    declared: tuple[Declaration, ...],
    lines: tuple[LineReport, ...],
    weights: WeightTypes | None,
) -> tuple[DerivationResult, tuple[str, ...]]:
    """Find the model's declared parents: evidence, edges, and the names to follow."""
    first = _first_commit(lines)
    wanted = names_to_resolve(declared, first)
    source = duplicate_source(first.title, first.message) if first else None
    copied = source.name if source else None
    answered = {name: _resolved_name(hub, names, name, first, at_copy=name == copied) for name in wanted}
    child = ChildFacts(
        key=hub.key(resolved.model),
        model=resolved.model,
        head=resolved.commit,
        declarations=declared,
        first_commit=first,
        first_weights=_first_weights(lines),
        resolved=answered,
        weights=weights,
    )
    if forms_to_compare(child):
        forms = {key: names.quantisations(name) for name in wanted if (key := answered[name].key)}
        child = replace(child, parent_forms=forms)
    result = derive(child)
    return result, tuple(name for name in wanted if answered[name].key)


def _main_types(groups: tuple[ReadGroup, ...]) -> WeightTypes | None:
    """Sort the tensor types of the main group, where its headers were read."""
    main = next((each for each in groups if each.group.main), None)
    return weight_types(main.group.files[0], main.fingerprint.rows or ()) if main else None


def _resolved_name(hub: Hub, names: Names, name: str, first: FirstCommit | None, *, at_copy: bool) -> ResolvedName:
    """Resolve a declared name; a name without an owner that is not a legacy alias cannot be a model of the Hub."""
    known = names.find(name)
    if known.state == "missing" and "/" not in name and known.legacy is None:
        return ResolvedName(None, known.note or "no such model")
    copied = _head_at(hub, name, first) if at_copy and known.state == "present" else None
    return ResolvedName(known.key, None, known.created, copied, known.legacy)


def _head_at(hub: Hub, name: str, first: FirstCommit | None) -> str | None:
    """Find the head of a duplicated model at the time of the copy; None if its history cannot be read."""
    if first is None or first.date is None:
        return None
    try:
        with contained(name):
            history = hub.history(hub.resolve(name).model)
    except HubError:
        return None
    head = next((ref.target for ref in history.refs if ref.name == history.default_branch), None)
    if head is None:
        return None
    line = first_parent_line(history, history.default_branch or "", head)
    made = first.date
    position = last_before(line, lambda date: date > made)
    return line.commits[position].id if position >= 0 else None


def _first_commit(lines: tuple[LineReport, ...]) -> FirstCommit | None:
    """Return the root commit of the default line, if the line reaches a root."""
    if not lines or lines[0].line.cut or not lines[0].line.commits:
        return None
    root: Commit = lines[0].line.commits[0]
    return FirstCommit(root.id, root.title, root.message, root.date)


def _first_weights(lines: tuple[LineReport, ...]) -> datetime | None:
    """Return the date of the first weights on the default line."""
    for change in lines[0].changes if lines else ():
        if change.kind == "first_upload":
            return change.start if change.start > UNDATED else None
    return None

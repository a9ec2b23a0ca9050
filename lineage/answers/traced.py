"""The records of an answer about a part of the graph: models, edges with their evidence, what was not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from lineage.answers.edges import EdgeWriter, foreign_pairs
from lineage.answers.identity_findings import reregistered
from lineage.answers.licence_findings import wider_licences
from lineage.answers.origins import origin_facts
from lineage.answers.project import note_expired, settled, used_settings
from lineage.answers.unmeasured import unmeasured
from lineage.answers.unreadable import evidence_without_parent, unreadable_file
from lineage.collect.unknown_files import decides
from lineage.derivation.variants import OriginFacts, base_family, variants
from lineage.query.walk import status_of
from lineage_schemas.answers.finding import Finding
from lineage_schemas.answers.incomplete import Incomplete, IncompleteReason
from lineage_schemas.answers.trace import HiddenEdges, TraceAnswer, TracedModel, Unresolvable
from lineage_schemas.ids import shown_id
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from lineage.answers.findings import FailOn
    from lineage.answers.session import Session
    from lineage.store.graph import EdgeRow
    from lineage.store.interface import StoreView

Unread = dict[str, tuple[IncompleteReason, str | None]]
"""What a collection could not read, by model key."""


@dataclass(frozen=True)
class Subgraph:
    """Hold the part of the graph that is the answer; `stops` says where and why it ends early."""

    direction: Literal["up", "down", "paths"]
    depths: Mapping[str, int]
    edges: tuple[EdgeRow, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    paths: tuple[tuple[str, ...], ...] = ()
    stops: tuple[tuple[str, str], ...] = ()
    hidden: HiddenEdges | None = None
    unrelated: bool = False
    fail_on: FailOn | None = None


class AnswerWriter:
    """Turn rows of one view into the records of the answer, with ids as the session's Hub shows them."""

    def __init__(self, session: Session, view: StoreView) -> None:
        self._session, self._view, self._hub = session, view, session.hub.name

    def answer(self, part: Subgraph, root: str, *, unread: Unread, to: str | None = None) -> TraceAnswer:
        """Make the answer."""
        nodes = self._view.nodes("Model", part.depths)
        facts = origin_facts(self._view, nodes, {edge.source for edge in part.edges})
        models = [self._model(key, nodes.get(key, {}), facts.get(key), depth) for key, depth in part.depths.items()]
        dates = [node["collected_at"] for node in nodes.values() if node.get("collected_at")]
        parentless = list(evidence_without_parent(self._view, nodes)) if part.direction != "down" else []
        incomplete = [*self._incomplete(part, nodes, unread), *self._unread(parentless), *self._stopped(part)]
        project = self._session.project
        descent = {(edge.source, edge.target) for edge in part.edges if status_of(edge) != "contradicted"}
        wider = wider_licences(descent, nodes, root, self._shown)
        writer = EdgeWriter(self._view, self._hub)
        edges = writer.derivations(part.edges)
        found = [*self._reregistered(part, root, nodes), *wider, *writer.findings(part.edges, edges, nodes)]
        findings = settled(project, found)
        settings = used_settings(project, findings, about=[model.id for model in models])
        note_expired(self._session, settings)
        date = max(map(datetime.fromisoformat, dates), default=None)
        return TraceAnswer(
            **self._session.header("trace.v1", date, settings=settings),
            root=self._shown(root),
            to=self._shown(to) if to else None,
            direction=part.direction,
            models=tuple(sorted(models, key=lambda model: (model.depth, model.id))),
            derivations=edges,
            paths=tuple(tuple(map(self._shown, path)) for path in part.paths),
            counts=dict(part.counts),
            related=writer.related([root, *([to] if to else [])], part.edges),
            unresolvable=tuple(self._unresolvable(parentless)),
            findings=tuple(findings),
            incomplete=tuple(dict.fromkeys(incomplete)),
            unmeasured=unmeasured(self._view, root, part.edges, nodes, self._hub) if part.direction != "down" else (),
            unrelated=foreign_pairs(edges) if part.unrelated else None,
            hidden=part.hidden,
            fail_on=part.fail_on.severity if part.fail_on else None,
            fail_on_rules=tuple(sorted(part.fail_on.rules)) if part.fail_on else (),
        )

    def _reregistered(self, part: Subgraph, root: str, nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
        """Find names that another repository took over: of the root, and unless it is walked down, of all models."""
        for key in sorted({root} if part.direction == "down" else nodes, key=lambda key: (part.depths[key], key)):
            yield from reregistered(self._view, key, nodes.get(key, {}), self._shown(key))

    def _shown(self, key: str) -> str:
        return shown_id(key, self._hub)

    def _model(self, key: str, node: Mapping[str, Any], facts: OriginFacts | None, depth: int) -> TracedModel:
        licence, name = node.get("licence"), node.get("licence_name")
        family = (node.get("observations") or {}).get("family") or {}
        return TracedModel(
            id=self._shown(key),
            state=node.get("state", "unknown"),
            licence=name if licence == "other" and name else licence,
            family=family.get("value"),
            revision=node.get("head"),
            depth=depth,
            base_family=base_family(facts) if facts else None,
            variants=variants(facts) if facts else (),
        )

    def _pointer(self, pointer: Mapping[str, Any]) -> Pointer:
        return Pointer(**{**pointer, "model": self._shown(pointer["model"])})

    def _unresolvable(self, parentless: Iterable[Mapping[str, Any]]) -> Iterator[Unresolvable]:
        """List names that are not repositories, each with its pointer."""
        for evidence in parentless:
            if evidence.get("unresolvable"):
                yield Unresolvable(
                    model=self._shown(evidence["child"]),
                    value=evidence.get("value") or "",
                    reason=evidence["unresolvable"],
                    pointer=self._pointer(evidence["pointer"]),
                )

    def _unread(self, parentless: Iterable[Mapping[str, Any]]) -> Iterator[Incomplete]:
        """List files that may name a parent and could not be read."""
        for evidence in parentless:
            if (detail := unreadable_file(evidence)) is not None:
                yield Incomplete(model=self._shown(evidence["child"]), reason="error", detail=detail)

    def _incomplete(
        self, part: Subgraph, nodes: Mapping[str, Mapping[str, Any]], unread: Unread
    ) -> Iterator[Incomplete]:
        """List models in the answer that were not read, or not whole, with the newest known reason."""
        children = {edge.source for edge in part.edges}
        for key in sorted(part.depths):
            node = nodes.get(key, {})
            state, head = node.get("state"), node.get("head")
            if key in unread:
                reason, detail = unread[key]
            elif state in {"gated", "missing"}:
                reason, detail = state, node.get("state_note")
            elif not head:
                reason, detail = self._why_not_read(node)
            elif node.get("state_note") and part.direction != "down":
                reason, detail = "partial", node["state_note"]
            else:
                continue
            open_ended = reason != "partial" or decides(detail or "", has_parent=key in children)
            yield Incomplete(model=self._shown(key), reason=reason, detail=detail, decides=open_ended)

    def _why_not_read(self, node: Mapping[str, Any]) -> tuple[IncompleteReason, str]:
        """Return why a model that is known by name only was not read: the Hub's last answer, or that it was not asked.

        A model that exists and could not be read had an error; one whose state is unknown did not get an answer.
        """
        note = node.get("state_note")
        if self._session.offline or not note:
            reason: IncompleteReason = "offline" if self._session.offline else "limit"
            return reason, note or "known by name only; `lineage collect` reads it"
        return ("unreachable" if node.get("state", "unknown") == "unknown" else "error"), note

    def _stopped(self, part: Subgraph) -> Iterator[Incomplete]:
        for key, detail in part.stops:
            yield Incomplete(model=self._shown(key), reason="limit", detail=detail)

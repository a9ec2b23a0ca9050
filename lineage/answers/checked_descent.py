"""What `check --derivation` finds about the parents of a model, and what of them could not be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.answers.collect import run
from lineage.answers.descent_findings import is_declared, is_foreign
from lineage.answers.edges import EdgeWriter
from lineage.answers.licence_findings import wider_licences
from lineage.answers.unreadable import evidence_without_parent, unreadable_file
from lineage.collect.events import NotRead
from lineage.collect.pipeline import Target
from lineage.errors import HubError, with_hint
from lineage.query.relatives import main_weights
from lineage.query.walk import ancestors
from lineage_schemas.ids import shown_id
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.collect.options import CollectOptions
    from lineage.store.interface import StoreView
    from lineage_schemas.answers.finding import Finding
    from lineage_schemas.answers.trace import TracedDerivation


class CheckedDescent(NamedTuple):
    """Hold the findings about a model's own edges, and what could not be checked of them."""

    findings: tuple[Finding, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()


def read_parents(session: Session, target: Target, reading: CollectOptions) -> dict[str, str]:
    """Read a model's declared parents with samples of their values; return why some were not read, by model.

    Offline, a Hub is not asked: what the store has decides.
    """
    hub = target.hub or session.hub
    if session.offline and not hub.is_local:
        return {}
    options = replace(reading, parents=True, depth=1, samples=True)
    try:
        events = run(session, [Target(target.model, hub=target.hub)], options)
        return {event.model: with_hint(event.detail, event.hint) for event in events if isinstance(event, NotRead)}
    except HubError as error:
        return {target.model: error.in_one_line}


def checked_descent(view: StoreView, key: str, hub: str, unread: Mapping[str, str]) -> CheckedDescent:
    """Judge the edges from a model to its parents by what the store has of their weights and licences.

    `unread` are the reasons why models were not read just now.
    """
    walk = ancestors(view, key, depth=1)
    rows = [row for row in walk.edges if row.source == key]
    nodes = view.nodes("Model", walk.depths)
    writer = EdgeWriter(view, hub)
    edges = writer.derivations(rows)
    followed = {(row.source, row.target) for row in rows if row.properties.get("status") != "contradicted"}
    findings = [
        *wider_licences(followed, nodes, key, lambda each: shown_id(each, hub)),
        *writer.findings(rows, edges, nodes),
    ]
    own = {key: nodes.get(key, {})}
    unchecked = [*not_compared(edges, unread), *unnamed(view, own), *not_searched(view, key, shown_id(key, hub))]
    return CheckedDescent(tuple(findings), tuple(unchecked))


def not_compared(edges: Sequence[TracedDerivation], unread: Mapping[str, str]) -> Iterator[Unchecked]:
    """List the declared parents about which the weights decide nothing."""
    for edge in edges:
        if edge.status == "declared" and is_declared(edge) and not is_foreign(edge):
            reason = "the weights of the two models were not compared"
            if edge.parent in unread:
                reason = f"{edge.parent} was not read: {unread[edge.parent]}"
            elif edge.decided_by is not None:
                reason = f"the weights do not decide it: {edge.decided_by.value or edge.decided_by.rule}"
            yield Unchecked(
                what=f"{edge.child} from {edge.parent}",
                reason=reason,
                decide_with=f"lineage compare {edge.child} {edge.parent}",
            )


def unnamed(view: StoreView, nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[Unchecked]:
    """List the parents that a model's files leave unknown: names that are not repositories, unreadable files."""
    for evidence in evidence_without_parent(view, nodes):
        if evidence.get("unresolvable"):
            name = evidence.get("value") or "a parent without a name"
            yield Unchecked(what=f"{name} as a parent", reason=evidence["unresolvable"])
        elif (detail := unreadable_file(evidence)) is not None:
            yield Unchecked(what="parents that a file may name", reason=detail)


def not_searched(view: StoreView, key: str, shown: str) -> Iterator[Unchecked]:
    """Report that parents which nothing names were not looked for: that needs a sample of the model's values."""
    digest = main_weights(view, [key]).get(key)
    node = view.nodes("Weights", [digest]).get(digest, {}) if digest else {}
    if digest is None or not node.get("sketch"):
        reason = "no weights were found" if digest is None else "no sample of its weights could be read"
        yield Unchecked(
            what=f"parents of {shown} that nothing names", reason=reason, decide_with=f"lineage collect {shown}"
        )

"""The ancestors of a product's models: edges, what is wrong with them, and what could not be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lineage.answers.checked_descent import not_compared, not_searched, unnamed
from lineage.answers.edges import EdgeWriter
from lineage.answers.identity_findings import reregistered
from lineage.answers.licence_findings import wider_licences
from lineage.audit.policy.facts import Problem
from lineage.query.walk import ancestors, status_of
from lineage_schemas.answers.audit import Modification
from lineage_schemas.ids import shown_id
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from lineage.store.graph import EdgeRow
    from lineage.store.interface import StoreView
    from lineage_schemas.answers.finding import Finding
    from lineage_schemas.answers.trace import TracedDerivation
    from lineage_schemas.unchecked import Unchecked


@dataclass(frozen=True)
class Descent:
    """Hold the part of the graph above a product's models.

    `depths` are the smallest numbers of edges from a used model, by key; `above` are the keys of each used model's
    ancestors, itself included.
    """

    depths: Mapping[str, int]
    above: Mapping[str, frozenset[str]]
    rows: tuple[EdgeRow, ...]
    edges: tuple[TracedDerivation, ...]
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    unchecked: tuple[tuple[str, Unchecked], ...]


def descent_of(view: StoreView, keys: Sequence[str], hub: str, unread: Mapping[str, str]) -> Descent:
    """Walk from the used models to all their ancestors, and judge every edge; `unread` are reasons by model."""
    depths: dict[str, int] = {}
    above: dict[str, frozenset[str]] = {}
    rows: dict[tuple[str, str, str], EdgeRow] = {}
    for key in keys:
        walk = ancestors(view, key)
        true = {key, *(row.target for row in walk.edges if status_of(row) != "contradicted")}
        above[key] = frozenset(true)  # a contradicted parent is not an ancestor: its licence and state do not count
        for found in true:
            depths[found] = min(walk.depths[found], depths.get(found, walk.depths[found]))
        rows.update({(row.source, row.target, row.name): row for row in walk.edges})
    ordered = tuple(rows[at] for at in sorted(rows))
    writer = EdgeWriter(view, hub)
    edges = writer.derivations(ordered)
    nodes = view.nodes("Model", depths)
    findings = [*writer.findings(ordered, edges, nodes), *_wider(ordered, nodes, keys, hub)]
    for key in sorted(depths):
        findings += reregistered(view, key, nodes.get(key, {}), shown_id(key, hub))
    refused = {shown_id(key, hub) for key, node in nodes.items() if node.get("state") in ("missing", "gated")}
    problems = _unverified([edge for edge in edges if edge.parent not in refused], unread)
    unchecked = [(key, item) for key in sorted(depths) for item in unnamed(view, {key: nodes.get(key, {})})]
    unchecked += [
        (key, item)
        for key in keys
        if nodes.get(key, {}).get("head")
        for item in not_searched(view, key, shown_id(key, hub))
    ]
    return Descent(depths, above, ordered, edges, tuple(dict.fromkeys(findings)), tuple(problems), tuple(unchecked))


def _wider(
    rows: Iterable[EdgeRow], nodes: Mapping[str, Mapping[str, Any]], keys: Sequence[str], hub: str
) -> Iterator[Finding]:
    """Find licences that permit more than those of ancestors, for each used model."""
    pairs = {(row.source, row.target) for row in rows if status_of(row) != "contradicted"}
    for key in keys:
        yield from wider_licences(pairs, nodes, key, lambda each: shown_id(each, hub))


def _unverified(edges: Sequence[TracedDerivation], unread: Mapping[str, str]) -> Iterator[Problem]:
    """Report declared parents about which the weights decide nothing; that leaves them unchecked."""
    declared = {(edge.child, edge.parent): edge for edge in edges}
    for item in not_compared(edges, unread):
        child, _, parent = item.what.partition(" from ")
        edge = declared[child, parent]
        pointers = [each.pointer for each in edge.evidence if each.supports]
        pointer = pointers[0] if pointers else Pointer(model=child, revision=edge.child_revision)
        message = f"{parent} is declared as parent of {child}, and the weights do not confirm it: {item.reason}"
        yield Problem("parent-unverified", message, pointer, unchecked=item)


def modifications(key: str, descent: Descent, hub: str) -> tuple[Modification, ...]:
    """List the steps from the roots down to a model: each step after those that its parent needs."""
    parents: dict[str, list[EdgeRow]] = {}
    for row in descent.rows:
        if status_of(row) != "contradicted":
            parents.setdefault(row.source, []).append(row)
    steps: list[EdgeRow] = []
    done: set[str] = set()
    waiting: list[tuple[str, bool]] = [(key, False)]
    while waiting:
        at, is_above_done = waiting.pop()
        if is_above_done:
            steps += parents.get(at, ())
        elif at not in done:
            done.add(at)
            waiting.append((at, True))
            waiting += [(row.target, False) for row in reversed(parents.get(at, ()))]
    return tuple(
        Modification(
            model=shown_id(row.source, hub),
            parent=shown_id(row.target, hub),
            relation=row.properties.get("relation"),
            method=row.properties.get("method") or "unknown",
            status=status_of(row),
        )
        for row in steps
    )

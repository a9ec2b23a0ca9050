"""Findings about licences along a line of descent: a model that permits what an ancestor does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from lineage.answers.findings import finding
from lineage.licences.compare import wider_than_ancestor
from lineage.licences.parse import Licences, parse
from lineage_schemas.answers.finding import Finding
from lineage_schemas.pointer import Pointer

Node = Mapping[str, Any]


def wider_licences(
    edges: Iterable[tuple[str, str]], nodes: Mapping[str, Node], root: str, shown: Callable[[str], str]
) -> Iterator[Finding]:
    """Find the models whose licence is wider than that of an ancestor, by pairs of child and parent.

    Each model is compared with its parents, and `root` with all its ancestors and descendants, because a model in
    between may declare no licence. An ancestor that passes its licence on through several models is named once for
    each of them. What is not known of a licence is not found.
    """
    pairs = set(edges)
    above, below = _reached(root, pairs), _reached(root, {(parent, child) for child, parent in pairs})
    pairs |= {(root, ancestor) for ancestor in above} | {(descendant, root) for descendant in below}
    known: dict[str, Licences] = {}
    for child, ancestor in sorted(pairs):
        for key in (child, ancestor):
            if key not in known:
                known[key] = _licences(nodes.get(key, {}))
        found = wider_than_ancestor(known[child], known[ancestor])
        if child != ancestor and found is not None and found.relation == "wider":
            terms = ", ".join(f"{each.term.replace('_', ' ')} {each.before} → {each.after}" for each in found.terms)
            yield finding(
                "licence-wider-than-ancestor",
                f"{known[child].text} is wider than {known[ancestor].text} of {shown(ancestor)}: {terms}",
                Pointer(model=shown(child), revision=nodes[child].get("head"), file="README.md", field="license"),
            )


def _reached(root: str, pairs: Iterable[tuple[str, str]]) -> set[str]:
    """Find every model that is reached from the root by pairs of source and target; cycles end where they began."""
    targets = defaultdict(set)
    for source, target in pairs:
        targets[source].add(target)
    reached: set[str] = set()
    waiting = [root]
    while waiting:
        for target in targets[waiting.pop()] - reached:
            reached.add(target)
            waiting.append(target)
    return reached - {root}


def _licences(node: Node) -> Licences:
    return parse(node.get("licence"), node.get("licence_name"), node.get("licence_link"))

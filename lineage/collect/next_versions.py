"""NEXT_VERSION edges: worked out whole for the models that a reading concerns, whatever was read before.

Which edges there are depends on the models that were read and on their evidence, not on the order of reading.
Candidates are the models of one publisher whose names are equal but for the version
(`lineage/versioning/next_versions.py`): one look-up of the publisher's models for each model that is read, never a
comparison of all pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.collect.names import publisher_of
from lineage.derivation.next_version import NEW_VERSION, name_evidence
from lineage.store.aliases import key_of_alias
from lineage.store.records import record_of
from lineage.versioning.names import parse_name
from lineage.versioning.next_versions import Link, in_order, links, series_of
from lineage_schemas.evidence import Evidence
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.ids import model_key, split_model_key
from lineage_schemas.next_version import NextVersion

if TYPE_CHECKING:
    from lineage.store.graph import Direction
    from lineage.store.interface import GraphStore, StoreView

CONFIG = "files.name_or_path"

_WAYS: tuple[Direction, ...] = ("out", "in")

RULES = frozenset({NEW_VERSION, CONFIG})

BY_CONFIG, BY_NAME, BY_NAME_OF_BASE = 0.95, 0.8, 0.5
"""Confidences, our choice: the names and a config; the names alone; names whose version may be that of the base model
(`my-deberta-v2-base` and `my-deberta-v3-base`)."""


class State(NamedTuple):
    """Hold what is known of a model that was read: its head, and the evidence that the last reading found."""

    head: str
    declarations: Collection[str] | None = None


@dataclass(frozen=True)
class FreshReading:
    """Hold a model that is about to be written, which the view does not show yet."""

    key: str
    state: State
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class NextVersions:
    """Hold all edges of the models in `of`, with the evidence of names that they rest on."""

    of: tuple[str, ...] = ()
    edges: tuple[NextVersion, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def next_versions_of_reading(view: StoreView, fresh: FreshReading, former: Mapping[str, str]) -> NextVersions:
    """Work out the edges that a reading concerns: those of the model, of its neighbours, and of its former names.

    `former` maps old keys to new ones, for models that their Hub renamed.
    """
    graph = _Graph(view, fresh, former)
    own = graph.edges_of({fresh.key, *former.values()})
    near = {end for edge in own for end in (edge.model, edge.next)} | _neighbours(view, [fresh.key, *former])
    if not near:
        return NextVersions()
    return _whole(graph, {*near, fresh.key} - set(former), gone=former)


def next_versions_without(view: StoreView, going: Collection[str]) -> NextVersions:
    """Work out the edges that are left when some models are forgotten, for these and their neighbours.

    What another model's card declares about them is left.
    """
    near = _neighbours(view, going)
    graph = _Graph(view, unread=frozenset(going))
    return _whole(graph, near - set(going), gone=going) if near else NextVersions()


def next_versions_at_rest(view: StoreView, keys: Collection[str]) -> NextVersions:
    """Work out all edges of some stored models from what the store has."""
    return _whole(_Graph(view), set(keys))


def rewrite_next_versions(store: GraphStore, keys: Collection[str]) -> tuple[int, set[str]]:
    """Work out all edges of some stored models, and write them if they differ from the stored ones.

    Returns how many next versions these models have, and which of them have other edges than before.
    """
    own = set(keys)
    while True:
        mark = store.mark()
        with store.reading() as view:
            wanted = next_versions_at_rest(view, own)
            rows = [edge for way in _WAYS for edge in view.edges("NEXT_VERSION", list(own), way)]
        stored = {(edge.source, edge.target): record_of("NEXT_VERSION", edge) for edge in rows}
        now = {(edge.model, edge.next): edge for edge in wanted.edges}
        differing = {pair for pair in {*stored, *now} if stored.get(pair) != now.get(pair)}
        batch = GraphBatch(evidence=wanted.evidence, next_versions=wanted.edges, replace_next_versions_of=wanted.of)
        if not differing or store.write_since(mark, batch):
            break
    return sum(edge.model in own for edge in wanted.edges), {key for pair in differing for key in pair} & own


def _whole(graph: _Graph, keys: set[str], gone: Collection[str] = ()) -> NextVersions:
    """Work out the edges of some models, with the evidence that names give, which no reading writes."""
    edges = tuple(graph.edges_of(keys))
    links_ = [link for edge in edges if (link := in_order(_named(edge.model), _named(edge.next)))]
    listed = {id_ for edge in edges for id_ in edge.evidence}
    names = {each.id: each for link in links_ for each in _written(link) if each.id in listed}
    return NextVersions(tuple(sorted({*keys, *gone})), edges, tuple(names[id_] for id_ in sorted(names)))


def _neighbours(view: StoreView, keys: Collection[str]) -> set[str]:
    """Return the ends of the stored edges that touch some models, these among them."""
    return {end for way in _WAYS for edge in view.neighbours("NEXT_VERSION", list(keys), way) for end in edge}


def _named(key: str) -> tuple[str, str]:
    """Return a key with the name in it, without hub and owner."""
    return key, split_model_key(key)[1].rpartition("/")[2]


def _written(link: Link) -> list[Evidence]:
    """List the evidence that the names of a link give: that of each version that is written."""
    ends = zip((link.earlier, link.later), link.versions, strict=True)
    return [name_evidence(key, version) for key, version in ends if version]


@dataclass
class _Graph:
    """Read the store as it is once the fresh reading is written, without the models in `unread`."""

    view: StoreView
    fresh: FreshReading | None = None
    former: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

    def edges_of(self, keys: Set[str]) -> list[NextVersion]:
        """List the edges that touch some models, in order: of each pair one, by the strongest basis."""
        found: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
        evidence = self._evidence(keys)
        for each in evidence:
            if each.rule == NEW_VERSION and each.parent and each.parent != each.child:
                found[each.child, each.parent].append(each)
        declared = set(found)
        for link in self._named(keys, evidence):
            pair = (link.earlier, link.later)
            if pair[::-1] not in declared:
                by_config = (each for each in evidence if each.rule == CONFIG and {each.child, each.parent} == {*pair})
                found[pair] += [*by_config, *_written(link)]
        return [_edge(pair, rests) for pair, rests in sorted(found.items()) if keys & {*pair}]

    def _named(self, keys: Collection[str], evidence: Iterable[Evidence]) -> Iterator[Link]:
        """Yield the links of the series of some models, and those of configs that name a version of the series."""
        by_publisher: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for key in sorted(keys):
            hub, model = split_model_key(key)
            if (publisher := publisher_of(model)) is not None:
                by_publisher[model_key(hub, publisher)].append(_named(key))
        for publisher, wanted in by_publisher.items():
            yield from links(self._members(publisher, wanted))
        for each in evidence:
            if each.rule == CONFIG and each.parent and publisher_of(each.parent) == publisher_of(each.child):
                known = self._states({each.child, each.parent})
                if len(known) == len({each.child, each.parent}) and (
                    link := in_order(_named(each.child), _named(each.parent))
                ):
                    yield link

    def _members(self, publisher: str, wanted: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """List the read models of a publisher that share a series with some models, as (key, name)."""
        series = {rest for _, name in wanted for rest in series_of(name)}
        keys = {source for source, _ in self.view.neighbours("PUBLISHED_BY", [publisher], "in")}
        keys |= {self.fresh.key} if self.fresh else set()
        named = (_named(key) for key in sorted(keys))
        found = [(key, name) for key, name in named if not series.isdisjoint(series_of(name))]
        known = self._states([key for key, _ in found])
        return [(key, name) for key, name in found if key in known]

    def _states(self, keys: Collection[str]) -> dict[str, State]:
        """Return what is known of the models among some keys that were read and are under their present name."""
        found: dict[str, State] = {}
        for key, node in self.view.nodes("Model", keys).items():
            here = node.get("head") and key not in self.former and key not in self.unread
            if here and not self._was_renamed(key, node):
                found[key] = State(node["head"], node.get("declarations"))
        if self.fresh and self.fresh.key in keys:
            found[self.fresh.key] = self.fresh.state
        return found

    def _was_renamed(self, key: str, node: Mapping[str, Any]) -> bool:
        """Return whether a Hub redirects a name, and it is not a model of its own."""
        return node.get("state", "unknown") in ("missing", "unknown") and self._new_name(key) is not None

    def _new_name(self, key: str) -> str | None:
        new = key_of_alias(self.view, *split_model_key(key))
        return new if new != key else None

    def _evidence(self, keys: Collection[str]) -> list[Evidence]:
        """List the evidence that counts now, by these models or about them, with present names, in order of id."""
        names = {*keys, *(old for old, new in self.former.items() if new in keys)}
        children = {*keys, *_neighbours(self.view, keys)}  # some may quote a former name
        rows = [*self.view.find_any("Evidence", "child", children), *self.view.find_any("Evidence", "parent", names)]
        found = {row.key: record_of("Evidence", row) for row in rows if row.properties["rule"] in RULES}
        found |= {each.id: each for each in (self.fresh.evidence if self.fresh else ()) if each.rule in RULES}
        states = self._states({each.child for each in found.values()})
        present = [found[id_] for id_ in sorted(found) if _counts(found[id_], states.get(found[id_].child))]
        moved = self._moved({each.parent for each in present if each.parent})
        return [
            each.model_copy(update={"parent": moved[each.parent]}) if each.parent in moved else each for each in present
        ]

    def _moved(self, names: Collection[str]) -> dict[str, str]:
        """Map the names that a Hub redirects to the models that they mean now."""
        nodes = self.view.nodes("Model", names)
        moved = {name: self.former[name] for name in names if name in self.former}
        for name in sorted(set(names) - set(moved)):
            if self._was_renamed(name, nodes.get(name, {})) and (new := self._new_name(name)):
                moved[name] = new
        return moved


def _counts(evidence: Evidence, state: State | None) -> bool:
    """Return whether evidence is about the present state of the model whose files it quotes."""
    if state is None or evidence.child_revision != state.head or evidence.unresolvable:
        return False
    return state.declarations is None or evidence.id in state.declarations


def _edge(pair: tuple[str, str], rests: Iterable[Evidence]) -> NextVersion:
    """Make the edge of one pair from all that it rests on; the pointer is that of the strongest evidence."""
    found = {each.id: each for each in rests}
    first = min(found.values(), key=lambda each: (_BASIS.get(each.rule, 2), each.child != pair[1], each.id))
    basis = ("declared", "config", "name")[_BASIS.get(first.rule, 2)]
    return NextVersion.model_validate(
        {
            "model": pair[0],
            "next": pair[1],
            "basis": basis,
            "pointer": first.pointer,
            "confidence": {"declared": None, "config": BY_CONFIG}.get(basis, _confidence(pair)),
            "evidence": tuple(sorted(found)),
        }
    )


_BASIS = {NEW_VERSION: 0, CONFIG: 1}


def _confidence(pair: tuple[str, str]) -> float:
    """Return the confidence that names alone give: less where a version may be that of the base model."""
    names = [parse_name(key) for key in pair]
    return BY_NAME_OF_BASE if any(name.versions and name.version is None for name in names) else BY_NAME

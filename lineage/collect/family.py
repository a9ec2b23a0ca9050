"""The family of a model in the store, and the edges that its weights give."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from lineage.derivation.combine.measured import Compared, MeasuredEdges, measured_edges
from lineage.derivation.family.edges import solve
from lineage.derivation.family.members import RELATED, Family, Member
from lineage.log import Log
from lineage.query.relatives import candidates, holders_of, models_with

if TYPE_CHECKING:
    from lineage.collect.members import KnownWeights, MemberReader
    from lineage_schemas.derivation import Derivation
    from lineage_schemas.match_key import WeightsKeys

LOG = Log(__name__)

MAX_MEMBERS = 64
"""Related models that are compared with each other: 2,016 pairs, each of which takes about 20 ms once."""

MAX_CANDIDATES = 64
"""Weights with keys in common that are compared with a member."""

MAX_BASES = 24
"""Models of the right shapes among which the base of an adapter and the model that it was merged into are sought."""

WEAK = ("arch:", "module:")
"""Keys that unrelated models have too: what is found by them alone is looked at by its cosine first."""


@dataclass(frozen=True)
class FoundFamily:
    """Hold the models whose weights are related, and `guests`: what they declare and that shares no weights with them.

    `whole` is False where there are more relatives than are compared: then the edges of the first model alone follow.
    """

    first: str
    members: Mapping[str, Member]
    guests: Mapping[str, Member]
    whole: bool = True

    @property
    def children(self) -> tuple[str, ...]:
        """List the models whose edges this family decides."""
        return tuple(sorted(self.members)) if self.whole else (self.first,)


class FamilyFinder:
    """Find families in a store by match keys, equal digests and declarations."""

    def __init__(self, reader: MemberReader, known: KnownWeights, keys: Mapping[str, WeightsKeys]) -> None:
        self._reader, self._known, self._keys = reader, known, keys
        self._view = reader.view
        self._joined: dict[str, set[str]] = {}

    def of(self, key: str) -> FoundFamily | None:
        """Return the family of a model; None where its weights are not known."""
        first = self._reader.member(key)
        if first is None:
            return None
        if first.side.sketch is None:
            return self._of_equal(first)
        members: dict[str, Member] = {key: first}
        guests: dict[str, Member] = {}
        queue, whole = deque([key]), True
        while queue:
            member = members[queue.popleft()]
            for other, strong in self._candidates(member):
                if other in members or (found := self._sampled(other, member)) is None:
                    continue
                place = self._place(member, found, strong=strong)
                if place == "member" and len(members) >= MAX_MEMBERS:
                    whole = False
                elif place == "member":
                    members[other] = found
                    guests.pop(other, None)
                    queue.append(other)
                elif place == "guest":
                    guests.setdefault(other, found)
        if not whole:
            LOG.info("%s has more than %d relatives; the first are compared", key, MAX_MEMBERS)
        return FoundFamily(key, members, guests, whole)

    def _of_equal(self, first: Member) -> FoundFamily:
        """Return the models with the same weights: more cannot be said of weights that were not sampled."""
        digest = first.side.digests.files or ""
        same = models_with(self._view, [digest, *holders_of(self._view, first.side.digests)])
        keys = sorted({model for models in same.values() for model in models} - {first.key})
        found = {key: member for key in keys[:MAX_MEMBERS] if (member := self._reader.member(key)) is not None}
        return FoundFamily(first.key, {first.key: first, **found}, {})

    def _sampled(self, key: str, beside: Member) -> Member | None:
        """Return a model whose weights were sampled, or are those of another one."""
        member = self._reader.member(key)
        if member is None or member.side.sketch is not None:
            return member
        ours, theirs = beside.side.digests, member.side.digests
        equal = any(
            getattr(ours, name) == getattr(theirs, name) is not None for name in ("files", "weights", "content")
        )
        return member if equal else None

    def _candidates(self, member: Member) -> Iterator[tuple[str, bool]]:
        """Yield models that may belong to a member's family, and whether more than its shape suggests that.

        The order is that of trust: what is declared, equal weights, shared keys from the most shared on.
        """
        key = member.key
        declared = [each.parent for each in member.declares]
        naming = sorted(child for child, _ in self._view.neighbours("DERIVED_FROM", [key], "in"))
        digest = member.side.digests.files or ""
        keys = self._keys_of(digest)
        strong = [each for each in keys if not each.startswith(WEAK)]
        weak = [each for each in keys if each.startswith(WEAK)]
        found = [each for each, _ in candidates(self._view, strong, limit=MAX_CANDIDATES)] if strong else []
        shaped = [each for each, _ in candidates(self._view, weak, limit=MAX_CANDIDATES)] if weak else []
        same = [digest, *holders_of(self._view, member.side.digests)]
        having = models_with(self._view, [*same, *found, *shaped])
        strongly = [model for each in (*same, *found) for model in having.get(each, ())]
        weakly = [model for each in shaped for model in having.get(each, ())]
        self._reader.load([*declared, *naming, *strongly, *weakly])
        ranked = dict.fromkeys((*declared, *naming, *strongly), True) | {
            model: False for model in weakly if model not in (*declared, *naming, *strongly)
        }
        ranked.pop(key, None)
        yield from ranked.items()

    def _keys_of(self, digest: str) -> list[str]:
        """Return the match keys of weights: of what is read now, else as they are stored."""
        if digest in self._keys:
            return [each.key for each in self._keys[digest].keys]
        return [target for _, target in self._view.neighbours("HAS_KEY", [digest], "out")]

    def _place(self, member: Member, other: Member, *, strong: bool) -> str | None:
        """Say whether another model is a `member` of a family, a `guest` that is declared, or neither."""
        declared = bool(member.declared(other.key) or other.declared(member.key))
        measured = self._known.measurements
        if _is_adapter(member) != _is_adapter(other):
            adapter, plain = (member, other) if _is_adapter(member) else (other, member)
            if plain.key in self._joined_by(adapter):
                return "member"
            if not declared:
                return None
            return "guest" if measured.pair(member.side, other.side).verdict == "unrelated" else "member"
        if not strong and not measured.alike(member.side, other.side):
            return None
        if measured.pair(member.side, other.side).verdict in RELATED:
            return "member"
        return "guest" if declared else None

    def _joined_by(self, adapter: Member) -> set[str]:
        """List the models that an adapter proves to belong together: its base, and the one into which it was merged.

        Its shapes tell which models may be meant; of their pairs, one must differ by what the adapter adds.
        """
        if adapter.key not in self._joined:
            shaped = [*(each.parent for each in adapter.declares), *self._shaped_like(adapter)]
            found = [each for key in dict.fromkeys(shaped) if (each := self._reader.member(key)) is not None]
            plain = [each for each in found if not _is_adapter(each)][:MAX_BASES]
            self._joined[adapter.key] = {
                each.key
                for merged, base in permutations(plain, 2)
                if self._known.measurements.alike(merged.side, base.side)
                and self._known.measurements.applied(merged.side, base.side, adapter.side).outcome == "for"
                for each in (merged, base)
            }
        return self._joined[adapter.key]

    def _shaped_like(self, adapter: Member) -> list[str]:
        """List the models that have the matrices which an adapter changes."""
        weak = [each for each in self._keys_of(adapter.side.digests.files or "") if each.startswith(WEAK)]
        found = [each for each, _ in candidates(self._view, weak, limit=MAX_CANDIDATES)] if weak else []
        having = models_with(self._view, found)
        return [model for each in found for model in having.get(each, ())]


def _is_adapter(member: Member) -> bool:
    return member.side.is_adapter or member.side.other_adapter


def edges_of(found: FoundFamily, reader: MemberReader, known: KnownWeights) -> MeasuredEdges:
    """Work out all edges of a family's children: what they declare, with what the weights say of it."""
    everyone = {**found.guests, **found.members}
    edges, related = solve(Family.of(everyone.values(), known.measurements))
    compared: dict[str, Compared] = {}
    declared: dict[str, tuple[Derivation, ...]] = {}
    for key in everyone:
        present = reader.present(key)
        assert present is not None, "a member was read"
        assert present.compared is not None, "a member has weights"
        compared[key] = present.compared
        if key in found.children:
            declared[key] = present.declared
    kin = [each for each in related if each.model in found.members and each.other in found.members]
    if not found.whole:
        kin = [each for each in kin if found.first in (each.model, each.other)]
    return measured_edges(declared, edges, kin, compared)


def neighbours(reader: MemberReader, keys: Iterable[str]) -> set[str]:
    """List the models that stored edges from weights join with others: their families are to be worked out again."""
    view, own = reader.view, sorted(set(keys))
    found = {
        end for direction in ("out", "in") for pair in view.neighbours("RELATED_TO", own, direction) for end in pair
    }
    for direction in ("out", "in"):
        for edge in view.edges("DERIVED_FROM", own, direction):
            if edge.properties.get("status", "declared") != "declared":
                found |= {edge.source, edge.target}
    return found - set(own)


def declared_with(reader: MemberReader, keys: Iterable[str]) -> list[str]:
    """List the sampled models that declare some models as their parents, and those that these declare.

    A parent that is read after its child changes what is known of the child's card, and a child that names its parent
    makes it a likely root of the family.
    """
    own = sorted(set(keys))
    found = {child for child, _ in reader.view.neighbours("DERIVED_FROM", own, "in")}
    for key in own:
        present = reader.present(key)
        found |= {each.parent for each in present.declared} if present else set()
    reader.load(found)
    members = (reader.member(key) for key in sorted(found - set(own)))
    return [each.key for each in members if each is not None and each.side.sketch is not None]

"""What two models declare about each other, and whether their weights agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lineage.collect.unknown_files import with_known_files
from lineage.derivation.numeric.mixtures import FITS
from lineage.derivation.numeric.relatedness import COSINE
from lineage.errors import HubError
from lineage.hub.declared.reading import declarations
from lineage_schemas.answers.compare import DeclaredBetween
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from lineage.answers.compared_sides import Compared
    from lineage.derivation.pair import Pair
    from lineage.hub.declared.declaration import Declaration
    from lineage_schemas.derivation import Relation


def declared_between(a: Compared, b: Compared, pair: Pair) -> Iterator[DeclaredBetween]:
    """Yield each declaration of one side that names the other as its parent.

    It is contradicted if the models are unrelated and the publisher gave a relation, or if the other one was made from
    this one. Without a relation unrelated weights leave distillation possible.
    """
    for child, parent, backwards in ((a, b, "b_from_a"), (b, a, "a_from_b")):
        for each in _parents(child):
            if each.name is None or parent.snapshot is None or each.name.lower() != parent.snapshot.model.lower():
                continue
            agrees, reason = _judged(pair, each, backwards)
            yield DeclaredBetween(
                child=child.name,
                parent=parent.name,
                relation=each.relation,
                rule=each.rule,
                pointer=Pointer(model=child.name, revision=child.revision, file=each.file, field=each.field),
                agrees=agrees,
                reason=reason,
            )


def _judged(pair: Pair, declared: Declaration, backwards: str) -> tuple[bool | None, str]:
    """Return whether the weights agree with a declared parent, and why."""
    if pair.verdict in ("unclear", "not_comparable"):
        return None, "the weights could not be compared"
    if pair.verdict == "unrelated":
        measured = any(each.rule in (FITS, COSINE) and each.outcome == "against" for each in pair.findings)
        if declared.relation == "adapter" and not measured:
            return None, "they share no weights; an adapter shares none with its base"
        if declared.relation is None:
            return None, "they share no weights; a distilled model shares none either"
        return False, "they share no weights"
    if pair.verdict == "derived" and pair.direction == backwards:
        return False, "the weights show the other direction"
    if pair.verdict == "related":
        return None, "they are related; whether directly is not shown by two models alone"
    return True, "the weights agree"


def _parents(side: Compared) -> list[Declaration]:
    """List the parents that a side declares; what cannot be read declares nothing here."""
    hub, snapshot = side.hub, side.snapshot
    if hub is None or snapshot is None:
        return []
    sizes = {entry.path: entry.size for entry in snapshot.files}

    def read_text(path: str) -> bytes | None:
        try:
            return hub.read_text(snapshot.model, snapshot.commit, path, sizes.get(path))
        except HubError:
            return None

    gguf = {side.found.group.files[0]: side.found.declares} if side.found and side.found.group.format == "gguf" else {}
    return with_relations(declarations(with_known_files(snapshot), read_text, gguf=gguf))


def with_relations(found: Sequence[Declaration]) -> list[Declaration]:
    """List the parents that files declare, those of the card with the relation that another field of it gives.

    Several bases of a card are a merge. A relation in a tag that the Hub attached itself is inferred, and not counted.
    """
    bases = {each.name for each in found if each.kind == "parent" and each.rule == "card.base_model"}
    written = next((each.relation for each in found if each.kind == "relation" and each.relation), None)
    of_card: Relation | None = written or ("merge" if len(bases) > 1 else None)
    parents = []
    for each in found:
        if each.kind != "parent":
            continue
        relation = None if each.rule == "card.tag" and not each.by_publisher else each.relation
        if each.rule.startswith("card."):
            relation = relation or of_card
        parents.append(replace(each, relation=relation))
    return parents

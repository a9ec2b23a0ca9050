"""Rules of evidence over digests: equal weights, equal tensors, a component that is shared."""

from __future__ import annotations

from collections import Counter

from lineage.derivation.side import Finding, Side
from lineage.fingerprint.values.names import normalised_names
from lineage_schemas.digests import Digests

SAME_WEIGHTS, RENAMED, TENSORS, COMPONENT = "content.weights", "content.renamed", "content.tensors", "content.component"


def same_weights(a: Side, b: Side) -> Finding:
    """Compare weights digests, else the digests of files: equal ones are the same parameters."""
    if a.rows == [] or b.rows == []:
        return Finding(SAME_WEIGHTS, "unchecked", None, "there are no tensors")
    if a.digests.weights and b.digests.weights:
        if a.digests.weights == b.digests.weights:
            return Finding(SAME_WEIGHTS, "for", 1.0, "the weights digests are equal")
        return Finding(SAME_WEIGHTS, "neutral", 0.0, "the weights digests differ")
    if a.digests.files and a.digests.files == b.digests.files:
        return Finding(SAME_WEIGHTS, "for", 1.0, "the files are the same")
    return Finding(SAME_WEIGHTS, "unchecked", None, "not all bytes of both were read")


def renamed(a: Side, b: Side) -> Finding:
    """Compare content digests: equal ones are the same tensors under other names.

    Where both have the same names, tensors that are under each other's names are not renamed: layers that were
    exchanged compute something else.
    """
    if a.digests.content is None or b.digests.content is None or a.rows == [] or b.rows == []:
        return Finding(RENAMED, "unchecked", None, "not all bytes of both were read, or there are no tensors")
    if a.digests.content == b.digests.content:
        moved = _moved(a, b)
        if moved:
            detail = f"all tensors are equal, but {len(moved)} of them are under each other's names"
            return Finding(RENAMED, "neutral", 1.0, detail, place=moved[0])
        return Finding(RENAMED, "for", 1.0, "all tensors are equal, whatever their names", method="renamed")
    return Finding(RENAMED, "neutral", 0.0, "the content digests differ")


def _moved(a: Side, b: Side) -> list[str]:
    """List the names whose tensors differ where both sides have the same names: by digests, else by the sample."""
    import numpy

    ours, theirs = _by_name(a), _by_name(b)
    if ours and theirs:
        return [name for name in ours if ours[name] != theirs[name]] if ours.keys() == theirs.keys() else []
    if a.tiles.keys() != b.tiles.keys():
        return []
    both = [(name, a.tiles[kind, name].values, b.tiles[kind, name].values) for kind, name in a.tiles]
    return [name for name, x, y in both if not numpy.array_equal(x, y, equal_nan=True)]


def _by_name(side: Side) -> dict[str, str]:
    """Map normalised names to digests; empty where the digests of tensors were not read."""
    digests = {row.name: row.digest for row in side.rows or () if row.digest is not None}
    names = normalised_names(digests)
    return {names[stored]: digest for stored, digest in digests.items()}


def equal_tensors(a: Side, b: Side) -> Finding:
    """Count tensors of two dimensions or more that both have, of those of the smaller side.

    Vectors are not counted: those of a fresh layer (ones, zeros) are equal in unrelated models, as are tables that a
    library computes.
    """
    digests = [_matrices(side) for side in (a, b)]
    if not digests[0] or not digests[1]:
        return Finding(TENSORS, "unchecked", None, "the digests of tensors were not read")
    shared = sum((digests[0] & digests[1]).values())
    share = shared / min(digests[0].total(), digests[1].total())
    words = f"{shared} of {min(digests[0].total(), digests[1].total())} matrices are equal byte for byte"
    return Finding(TENSORS, "for" if shared else "neutral", share, words)


def _matrices(side: Side) -> Counter[str]:
    """Count the digests of matrices whose values are not all zero bytes."""
    found: Counter[str] = Counter()
    for row in side.rows or ():
        if row.digest is not None and len(row.shape) >= 2 and min(row.shape) > 1:
            found[row.digest] += 1
    return found


def shared_component(a: Side, b: Side) -> Finding:
    """Find a group of one model that is a group of the other, where not both are the main group.

    A text encoder or vision tower that two pipelines share makes neither a copy of the other.
    """
    shared: dict[str, str] = {}
    for ours, theirs in ((a, b), (b, a)):
        for name, digests in ours.components.items():
            others = [("the main weights", theirs.digests), *theirs.components.items()]
            same = next((other for other, known in others if _equal(digests, known)), None)
            if same is not None and same not in shared:
                shared[name] = f"{name} of {ours.name} equals {same} of {theirs.name}"
    if shared:
        return Finding(COMPONENT, "neutral", 1.0, "; ".join(shared.values()), place=next(iter(shared)))
    return Finding(COMPONENT, "not_applicable", None, "neither has a component that the other has")


def _equal(a: Digests, b: Digests) -> bool:
    """Compare two groups by content, else by the digests of their files, which a Hub gives without reading them."""
    if a.content is not None and b.content is not None:
        return a.content == b.content
    return a.files is not None and a.files == b.files

"""Weights and formats as facets: what a loader loads, other groups, shapes, dtypes."""

from __future__ import annotations

from dataclasses import replace

from lineage.fingerprint.digests import layout_digest, weights_digest
from lineage.fingerprint.measure import GroupFingerprint
from lineage.fingerprint.tensor_table import TensorRow
from lineage.versioning.facets.formats import formats
from lineage.versioning.facets.side import Side
from lineage.versioning.facets.weights import Decided, weights
from lineage_schemas.digests import Digests
from lineage_schemas.facet import FacetChange
from tests.support.sides import Files, side_of


def measured(side: Side, rows: list[TensorRow]) -> Side:
    """Give the main group of a side a table of tensors."""
    whole = all(row.digest for row in rows)

    def read(group: GroupFingerprint) -> GroupFingerprint:
        if not group.group.main:
            return group
        digests = Digests(
            files=group.digests.files, weights=weights_digest(rows) if whole else None, layout=layout_digest(rows)
        )
        return replace(group, rows=rows, digests=digests, level="full" if whole else "header")

    return replace(side, groups=tuple(read(group) for group in side.groups))


def row(name: str, shape: tuple[int, ...], digest: str | None = None, dtype: str = "F32") -> TensorRow:
    """Make a row of a table."""
    return TensorRow(name, dtype, shape, digest, "model.safetensors")


def kinds(changes: tuple[FacetChange, ...]) -> dict[str, str]:
    """Map fields to the kinds of their changes."""
    return {each.field: each.kind for each in changes}


ONE: Files = {"model.safetensors": b"one"}
TWO: Files = {"model.safetensors": b"two"}


def test_other_bytes_are_replaced_and_unjudged() -> None:
    """Weights whose tensors were not read are `replaced`, and what changed in them is unknown."""
    facet = weights(side_of(ONE), side_of(TWO))
    assert (facet.state, kinds(facet.changes)) == ("changed", {"model.safetensors": "replaced"})
    assert facet.unjudged[0].pointer.file == "model.safetensors"
    assert weights(side_of(ONE), side_of(ONE)).state == "same"


def test_values_read_in_full_are_compared() -> None:
    """With digests of tensors the kind is known, and nothing is unjudged."""
    old = measured(side_of(ONE), [row("a", (2,), "0" * 64), row("b", (2,), "1" * 64)])
    new = measured(side_of(TWO), [row("a", (2,), "0" * 64), row("b", (2,), "2" * 64)])
    facet = weights(old, new)
    assert (kinds(facet.changes), facet.unjudged) == ({"model.safetensors": "partial"}, ())
    assert facet.changes[0].before == f'"{old.main and old.main.digests.weights}"'


def test_a_decision_of_the_caller_is_taken() -> None:
    """What was measured with more means, such as a cast, is the kind; `unknown` is unjudged with its reason."""
    cast = weights(side_of(ONE), side_of(TWO), Decided("cast"))
    assert (kinds(cast.changes), cast.unjudged) == ({"model.safetensors": "cast"}, ())
    unknown = weights(side_of(ONE), side_of(TWO), Decided("unknown", reason="not here"))
    assert (unknown.state, unknown.unjudged[0].reason) == ("unjudged", "not here")


def test_rows_of_a_vocabulary_are_appended() -> None:
    """A grown embedding is `appended`, every other shape `reshaped`, each with a pointer to its tensor."""
    old = measured(side_of(ONE), [row("model.embed_tokens.weight", (10, 4)), row("w", (4, 4))])
    new = measured(side_of(TWO), [row("model.embed_tokens.weight", (12, 4)), row("w", (4, 8))])
    facet = weights(old, new)
    assert kinds(facet.changes)["model.embed_tokens.weight"] == "appended"
    assert kinds(facet.changes)["w"] == "reshaped"
    tensors = {each.pointer.tensor: (each.before, each.after) for each in facet.changes if each.pointer.tensor}
    assert tensors["model.embed_tokens.weight"] == ("[10, 4]", "[12, 4]")
    assert kinds(weights(new, old).changes)["model.embed_tokens.weight"] == "removed"


def test_other_groups_are_compared_by_their_files() -> None:
    """A quantisation that was replaced, added or removed beside the same main weights is a change."""
    before: Files = {**ONE, "a-Q4_K_M.gguf": b"1", "b-Q8_0.gguf": b"1"}
    after: Files = {**ONE, "a-Q4_K_M.gguf": b"2", "c-Q2_K.gguf": b"3"}
    facet = weights(side_of(before), side_of(after))
    assert kinds(facet.changes) == {"a-Q4_K_M.gguf": "replaced", "b-Q8_0.gguf": "removed", "c-Q2_K.gguf": "added"}


def test_files_that_exchange_their_bytes_are_not_the_same() -> None:
    """Two ranks of one group that exchange their contents have the same set of hashes, and are `replaced`."""
    before: Files = {**ONE, "consolidated.00.pth": b"1", "consolidated.01.pth": b"2"}
    after: Files = {**ONE, "consolidated.00.pth": b"2", "consolidated.01.pth": b"1"}
    assert list(kinds(weights(side_of(before), side_of(after)).changes).values()) == ["replaced"]


def test_weights_that_come_or_go_are_added_or_removed() -> None:
    """A model that had no weights has some; where a list of files is partial, that is unknown."""
    assert kinds(weights(side_of({}), side_of(ONE)).changes) == {"model.safetensors": "added"}
    assert weights(side_of({}), side_of({})).state == "same"
    assert weights(side_of({}, partial="a cache"), side_of(ONE)).state == "unjudged"


def test_another_main_group_is_named() -> None:
    """If a loader takes another file than before, the note names both."""
    facet = weights(side_of({"pytorch_model.bin": b"1"}), side_of({"pytorch_model.bin": b"1", **ONE}))
    assert kinds(facet.changes) == {"main group": "replaced", "model.safetensors": "added"}
    assert facet.changes[0].note == "pytorch_model.bin → model.safetensors"


def test_formats_and_dtypes_are_compared() -> None:
    """A format that came is added, the main one may change, and so may the dtypes of tensors."""
    facet = formats(side_of({"pytorch_model.bin": b"1"}), side_of({"pytorch_model.bin": b"1", **ONE}))
    assert kinds(facet.changes) == {"safetensors": "added", "main": "changed"}
    old, new = (
        measured(side_of(files), [row("a", (1,), dtype=dtype)]) for files, dtype in ((ONE, "F32"), (TWO, "BF16"))
    )
    assert [(each.field, each.before, each.after) for each in formats(old, new).changes] == [
        ("dtypes", '["F32"]', '["BF16"]')
    ]
    more: Files = {**ONE, "model.fp16.safetensors": b"2"}
    assert kinds(formats(side_of(ONE), side_of(more)).changes) == {"safetensors fp16": "added"}

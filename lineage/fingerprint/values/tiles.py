"""Which values of a model are sampled: an ordered list of tiles, fixed for ever as `sketch.v1`.

The order depends on normalised names and logical shapes only, so that all formats and shardings of one model have the
same list, and the places of strips do not depend on the number of rows, so that added vocabulary moves none. (The strip
of an embedding of fewer than about 512 rows begins at its first row.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Literal, NamedTuple

from lineage.fingerprint.values.names import is_vocabulary, kind_of, layer_of
from lineage.fingerprint.values.tensor import Place

TileKind = Literal["strip", "square", "vector"]
KINDS: tuple[TileKind, ...] = ("strip", "square", "vector")

MAX_STRIPS, FIRST_STRIPS, MAX_VECTORS, MAX_EXPERTS = 64, 8, 32, 2
STRIP_ROWS, STRIP_COLUMNS, STRIP_VALUES = 4, 256, 1_024
VOCABULARY_ROW = 512
"""Where strips of embeddings and heads begin: rows of special tokens and single bytes are hardly ever trained."""

SQUARES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (128, ("attn_q.", "q_proj.", "attn_qkv.", "query.", "to_q.", "q_lin.", "query_key_value.")),
    (64, ("attn_v.", "v_proj.", "value.", "to_v.", "v_lin.")),
    (64, ("ffn_up.", "up_proj.", "fc1.", "ffn_up_exps.", "ffn_up_shexp.", "ffn_gate_up_exps", "intermediate.dense.")),
)
"""Side of each square and the tensors of which the first that a model has is taken: q, v and up of a middle layer."""

BUFFERS = (
    "rotary_emb.inv_freq", "attn.bias", "attn.masked_bias", "attention.bias", "attention.masked_bias", "position_ids",
    "rope_freqs.weight", "attn_rot_embd", "num_batches_tracked", "relative_position_index",
)  # fmt: skip
"""Endings of names of tensors that a library computes: two models of one configuration have them in common."""


class Tile(NamedTuple):
    """One rectangle of one tensor that a sample takes."""

    kind: TileKind
    name: str
    place: Place


def tiles_of(shapes: Mapping[str, tuple[int, int]]) -> list[Tile]:
    """List the tiles of a model with tensors of these normalised names and logical shapes, most telling first.

    Eight strips, the squares, further strips up to 64 matrices, then vectors. Empty and computed tensors have none.
    """
    kept = {name: shape for name, shape in shapes.items() if 0 not in shape and not name.endswith(BUFFERS)}
    matrices = {name: shape for name, shape in kept.items() if shape[0] > 1 and shape[1] > 1}
    vectors = {name: shape for name, shape in kept.items() if name not in matrices}
    ordered = list(islice(_in_order(matrices), MAX_STRIPS))
    strips = [_strip(name, matrices[name]) for name in ordered]
    return [
        *strips[:FIRST_STRIPS],
        *_squares(matrices),
        *strips[FIRST_STRIPS:],
        *(_vector(name, vectors[name]) for name in islice(_vectors_in_order(vectors), MAX_VECTORS)),
    ]


def is_matrix(shape: tuple[int, int]) -> bool:
    """Return whether a tensor has more than one row and more than one column."""
    return shape[0] > 1 and shape[1] > 1


def _strip(name: str, shape: tuple[int, int]) -> Tile:
    """Place a strip: 4 rows by 256 columns, or more rows of a narrower matrix until there are 1,024 values."""
    rows, columns = shape
    wide = min(columns, STRIP_COLUMNS)
    high = STRIP_ROWS if wide == STRIP_COLUMNS else -(-STRIP_VALUES // wide)
    first = VOCABULARY_ROW if is_vocabulary(name) and rows >= VOCABULARY_ROW + high else 0
    return Tile("strip", name, Place(first, min(high, rows), 0, wide))


def _vector(name: str, shape: tuple[int, int]) -> Tile:
    """Take the first 1,024 values of a vector, which may be stored as one row or as one column."""
    rows, columns = shape
    return Tile("vector", name, Place(0, min(rows, STRIP_VALUES), 0, min(columns, STRIP_VALUES)))


def _squares(matrices: Mapping[str, tuple[int, int]]) -> Iterator[Tile]:
    """Yield the squares of a middle layer; of an adapter those of both its matrices."""
    taken: set[str] = set()
    for side, roles in SQUARES:
        for name in _of_role(matrices, roles):
            if name not in taken:
                taken.add(name)
                rows, columns = matrices[name]
                yield Tile("square", name, Place(0, min(side, rows), 0, min(side, columns)))


def _of_role(matrices: Mapping[str, tuple[int, int]], roles: Iterable[str]) -> list[str]:
    """Find the matrices of a middle layer with the first of these roles that there is."""
    for role in roles:
        named = [name for name in matrices if f".{role}" in f".{name}" and layer_of(name) is not None]
        if not named:
            continue
        text = [name for name in named if name.startswith("blk.")]
        named = text or named
        layers = sorted({layer_of(name) or 0 for name in named})
        middle = layers[len(layers) // 2]
        modules = {_module(name) for name in named if layer_of(name) == middle}
        chosen = min(modules, key=lambda module: (_mix(module), module))
        return sorted(name for name in named if layer_of(name) == middle and _module(name) == chosen)[:2]
    return []


def _module(name: str) -> str:
    """Return the module of a matrix: the two of an adapter have the module of the matrix that they change."""
    for ending in (".weight", ".lora_a", ".lora_b"):
        name = name.removesuffix(ending)
    return name


def _in_order(matrices: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """Yield matrices: each kind once, then layer after layer in an order that does not depend on how many there are.

    The layers are ordered by a hash of their number, so that models of other depths share most of theirs, and all
    kinds of one layer are taken together. Of the experts of one layer at most two of a kind are taken.
    """
    by_kind: defaultdict[str, defaultdict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in matrices:
        by_kind[kind_of(name)][-1 if (layer := layer_of(name)) is None else layer].append(name)
    kinds = sorted(by_kind, key=lambda kind: (is_vocabulary(kind), -1 in by_kind[kind], _mix(kind), kind))
    for of_layer in by_kind.values():
        for layer, names in of_layer.items():
            of_layer[layer] = sorted(names, key=lambda name: (_mix(name), name))[:MAX_EXPERTS]
    first = {kind: min(by_kind[kind], key=layer_order) for kind in kinds}
    taken = set()
    for kind in kinds:
        taken.add(name := by_kind[kind][first[kind]][0])
        yield name
    for layer in sorted({layer for of_layer in by_kind.values() for layer in of_layer}, key=layer_order):
        for kind in kinds:
            yield from (name for name in by_kind[kind].get(layer, ()) if name not in taken)


def _vectors_in_order(vectors: Mapping[str, tuple[int, int]]) -> list[str]:
    """Order vectors: weights of normalisations first, then layer by layer as matrices are."""

    def order(name: str) -> tuple[bool, tuple[bytes, int], bytes, str]:
        layer = layer_of(name)
        is_norm = name.endswith(".weight") and ("norm" in name or ".ln" in name)
        return (not is_norm, layer_order(-1 if layer is None else layer), _mix(name), name)

    return sorted(vectors, key=order)


def layer_order(layer: int) -> tuple[bytes, int]:
    """Order layers by a hash of their number: the first few of a deep model are those of a shallow one."""
    return (_mix(str(layer)), layer)


def _mix(text: str) -> bytes:
    """Hash a text: an order that looks random and is the same everywhere."""
    from blake3 import blake3

    return blake3(b"sketch.v1:" + text.encode(errors="surrogatepass")).digest(8)

"""Quantities of a model that disguises leave alone, measured once for each model at level full.

A model may be stored in other weights that compute the same: hidden dimensions in another order or rotated, heads and
neurons in another order, norms multiplied into the matrices that read them. Two kinds of quantities do not change:

- a *circuit* of a matrix W that reads the hidden dimensions: T·W'ᵀ·W'·Tᵀ, where T are rows of the embedding and W' is W
  with the norm multiplied in; of one that writes to them T·W·Wᵀ·Tᵀ. It has a row and a column for each token. What is
  inside W (heads, neurons) is added up, so that its order does not matter.
- the *spectrum* of a head: the singular values of W'qᵀ·W'k, and of Wo·W'v. It needs no embedding, so that it finds
  models whose tokens were renumbered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lineage.fingerprint.values.anchors import Anchor
from lineage.fingerprint.values.head_layout import HeadLayout
from lineage.fingerprint.values.tensor import Place
from lineage.fingerprint.values.tiles import layer_order

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from lineage.fingerprint.values.tensor import Floats

    Doubles = NDArray[numpy.float64]

READS: Mapping[str, str] = {
    **dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_qkv", "attn_q_a", "attn_kv_a_mqa", "ssm_in"), "attn_norm"),
    **dict.fromkeys(
        ("ffn_gate", "ffn_up", "ffn_gate_exps", "ffn_up_exps", "ffn_gate_shexp", "ffn_up_shexp"), "ffn_norm"
    ),
    "cross_attn_q": "cross_attn_norm",
}
"""Matrices that read the hidden dimensions, with the norm before them."""

WRITES = frozenset({
    "attn_output", "attn_o", "cross_attn_o", "ffn_down", "ffn_down_exps", "ffn_down_shexp", "ssm_out",
})  # fmt: skip
"""Matrices that write to the hidden dimensions."""

MAX_LAYERS = 4
"""Layers that are read, in an order that does not depend on how many there are."""

BLOCK = 4_194_304
"""Values that are read at a time: 32 MB as float64."""

_NAME = re.compile(r"^(?P<layer>(?:[a-z]+\.)?blk\.(?P<number>\d+))\.(?P<part>[a-z_]+)(?:\.\d+)?\.weight$")

ReadPlace = Callable[[str, Place], "Floats"]
"""Give the values of a place of the tensor with a normalised name."""


@dataclass(frozen=True)
class Invariants:
    """What was measured of one model: circuits by layer and part, spectra by layer and pair (`blk.3.qk`, `blk.3.vo`).

    A circuit is the upper triangle, of length one, less what all circuits of this embedding have in common. A spectrum
    has one row for each head of q, of length one. `unread` says why something was left out.
    """

    circuits: Mapping[str, Floats] = field(default_factory=dict)
    spectra: Mapping[str, Doubles] = field(default_factory=dict)
    unread: Sequence[str] = ()


def measure_invariants(
    shapes: Mapping[str, tuple[int, int]], read: ReadPlace, anchor: Anchor | None, layout: HeadLayout | None
) -> Invariants:
    """Measure the invariants of a model from its tensors: `shapes` by normalised name, `read` gives their values.

    Of four layers every matrix is read once, 4 million values at a time. Raises what `read` raises.
    """
    layers = _layers(shapes)
    tokens = _tokens(anchor, _centred(shapes)) if anchor is not None and anchor.of == "tokens" else None
    unread = [] if tokens is not None else ["the model has no embedding of tokens whose rows can be compared"]
    if not layers:
        unread.append("no names of layers are known")
    circuits: dict[str, Floats] = {}
    spectra: dict[str, Doubles] = {}
    for layer, parts in layers.items():
        model = _Layer(layer, shapes, read, layout.offset if layout else 0.0)
        if tokens is not None:
            for part, names in parts.items():
                if (found := _circuit(model, part, names, tokens)) is not None:
                    circuits[f"{layer}.{part}"] = found
        if layout is not None:
            spectra |= {f"{layer}.{pair}": found for pair, found in _spectra(model, layout)}
    if not spectra:
        unread.append("the config does not show how q, k and v are divided into heads")
    return Invariants(circuits, spectra, unread)


@dataclass(frozen=True)
class _Layer:
    """One layer whose matrices are read in blocks of rows, with the norms before them multiplied in."""

    layer: str
    shapes: Mapping[str, tuple[int, int]]
    read: ReadPlace
    offset: float
    gains: dict[str, Doubles] = field(default_factory=dict)

    def shape(self, part: str) -> tuple[int, int] | None:
        return self.shapes.get(f"{self.layer}.{part}.weight")

    def gain(self, part: str) -> Doubles | float:
        """Return what the norm before a matrix multiplies each column with: one where there is no norm before it."""
        norms = [READS.get(part, ""), "attn_norm"] if part in READS and not self._is_after() else []
        for norm in norms:
            name = f"{self.layer}.{norm}.weight"
            if name not in self.gains and (shape := self.shapes.get(name)) is not None:
                self.gains[name] = self.read(name, Place(0, shape[0], 0, shape[1])).astype("f8").ravel() + self.offset
            if name in self.gains:
                return self.gains[name]
        return 1.0

    def _is_after(self) -> bool:
        """Return whether the layer normalises after each part, as BERT does: such norms cannot be folded."""
        return f"{self.layer}.layer_output_norm.weight" in self.shapes

    def blocks(self, name: str, first: int = 0, count: int | None = None) -> Iterator[tuple[int, Doubles]]:
        """Yield blocks of rows from row `first`, with the row that each begins with."""
        rows, columns = self.shapes[name]
        end = rows if count is None else first + count
        step = max(1, BLOCK // columns)
        for at in range(first, end, step):
            yield at, self.read(name, Place(at, min(step, end - at), 0, columns)).astype("f8")

    def gram(self, part: str, first: int, count: int) -> Doubles:
        """Return the products of the rows of one head with each other, the norm multiplied in."""
        import numpy

        gain = self.gain(part)
        rows = numpy.concatenate(
            [block * gain for _, block in self.blocks(f"{self.layer}.{part}.weight", first, count)]
        )
        if f"{self.layer}.attn_norm.bias" in self.shapes:
            rows -= rows.mean(axis=1, keepdims=True)
        return _product(rows, rows.T)


def _layers(shapes: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, list[str]]]:
    """Choose layers and group their matrices by part: experts are one part together."""
    found: dict[tuple[bytes, int, str], dict[str, list[str]]] = {}
    for name in shapes:
        match = _NAME.match(name)
        if match and (match["part"] in READS or match["part"] in WRITES) and min(shapes[name]) > 1:
            key = (*layer_order(int(match["number"][:9])), match["layer"])
            found.setdefault(key, {}).setdefault(match["part"], []).append(name)
    return {key[2]: found[key] for key in sorted(found)[:MAX_LAYERS]}


def _centred(shapes: Mapping[str, tuple[int, int]]) -> bool:
    """Return whether norms take the mean off (LayerNorm, which has a bias): it does not matter to the function then."""
    return any(name.endswith(("attn_norm.bias", "ffn_norm.bias")) for name in shapes)


def _tokens(anchor: Anchor, centred: bool) -> Doubles | None:
    """Turn rows of the embedding so that all directions in which tokens differ count alike, and none by its length."""
    import numpy

    rows = anchor.rows.astype(numpy.float64)
    if centred:
        rows -= rows.mean(axis=1, keepdims=True)
    lengths = numpy.linalg.norm(rows, axis=1, keepdims=True)
    if not numpy.isfinite(lengths).all() or not lengths.any() or len(rows) < MIN_TOKENS:
        return None
    rows = numpy.divide(rows, lengths, out=numpy.zeros_like(rows), where=lengths > 0)
    rows -= rows.mean(axis=0)
    size, turned = numpy.linalg.eigh(_product(rows, rows.T))
    size = numpy.maximum(size, 0)
    if not size.any():
        return None
    return _product(turned / numpy.sqrt(size + RIDGE * size.mean()) @ turned.T, rows)


MIN_TOKENS, RIDGE = 64, 0.3
"""Tokens that circuits need, and the share of the mean variance that is added before directions are made equal."""


def _circuit(model: _Layer, part: str, names: Sequence[str], tokens: Doubles) -> Floats | None:
    """Measure one circuit; None where the widths do not fit, or where nothing but the embedding is left of it."""
    import numpy

    total = numpy.zeros((len(tokens), len(tokens)))
    for name in names:
        rows, columns = model.shapes[name]
        if (columns if part in READS else rows) != tokens.shape[1]:
            return None
        if part in READS:
            gained = tokens * model.gain(part)
            for _, block in model.blocks(name):
                seen = _product(gained, block.T)
                total += _product(seen, seen.T)
        else:
            written = numpy.zeros((len(tokens), columns))
            for at, block in model.blocks(name):
                written += _product(tokens[:, at : at + len(block)], block)
            total += _product(written, written.T)
    if not numpy.isfinite(total).all():
        return None
    above = numpy.triu_indices(len(tokens))
    own, common = total[above], _product(tokens, tokens.T)[above]
    own, common = own - own.mean(), common - common.mean()
    length = float(numpy.linalg.norm(own))
    own = own - common * (own @ common) / (common @ common)
    left = float(numpy.linalg.norm(own))
    return (own / left).astype(numpy.float32) if left > 1e-6 * length else None


def _spectra(model: _Layer, layout: HeadLayout) -> Iterator[tuple[str, Doubles]]:
    """Yield the spectra of q with k, and of v with o, of all heads of q in one layer."""
    import numpy

    places = _head_places(model, layout)
    out = next((part for part in ("attn_output", "attn_o") if model.shape(part)), None)
    if places is None:
        return
    grams = {
        which: [model.gram(part, first, layout.size) for first in firsts] for which, (part, firsts) in places.items()
    }
    group = layout.query // layout.key
    keys = [grams["k"][head // group] for head in range(layout.query)]
    yield "qk", numpy.stack([_singular(q, k) for q, k in zip(grams["q"], keys, strict=True)])
    if out is not None and model.shape(out) == (
        model.shapes[f"{model.layer}.{out}.weight"][0],
        layout.query * layout.size,
    ):
        outputs = _output_grams(model, out, layout)
        values = [grams["v"][head // group] for head in range(layout.query)]
        yield "vo", numpy.stack([_singular(o, v) for o, v in zip(outputs, values, strict=True)])


def _head_places(model: _Layer, layout: HeadLayout) -> dict[str, tuple[str, list[int]]] | None:
    """List for q, k and v the matrix and the first row of each head; None where shapes do not fit the layout."""
    query, key, size = layout.query, layout.key, layout.size
    rows = {"q": query * size, "k": key * size, "v": key * size}
    apart = {which: model.shape(f"attn_{which}") for which in rows}
    if all(shape is not None and shape[0] == rows[which] for which, shape in apart.items()):
        return {which: (f"attn_{which}", list(range(0, rows[which], size))) for which in rows}
    fused = model.shape("attn_qkv")
    if fused is None or fused[0] != sum(rows.values()) or layout.fused is None:
        return None
    if layout.fused == "heads":
        if query != key:
            return None
        return {which: ("attn_qkv", [(3 * h + at) * size for h in range(query)]) for at, which in enumerate("qkv")}
    starts = {"q": 0, "k": rows["q"], "v": rows["q"] + rows["k"]}
    return {which: ("attn_qkv", [starts[which] + at for at in range(0, rows[which], size)]) for which in rows}


def _output_grams(model: _Layer, part: str, layout: HeadLayout) -> list[Doubles]:
    """Return for each head the products of its columns of the output matrix, added up over blocks of rows."""
    import numpy

    name = f"{model.layer}.{part}.weight"
    rows = model.shapes[name][0]
    grams = [numpy.zeros((layout.size, layout.size)) for _ in range(layout.query)]
    sums = numpy.zeros(layout.query * layout.size)
    for _, block in model.blocks(name):
        sums += block.sum(axis=0)
        for head, gram in enumerate(grams):
            own = block[:, head * layout.size : (head + 1) * layout.size]
            gram += _product(own.T, own)
    if f"{model.layer}.attn_norm.bias" in model.shapes:
        for gram, mean in zip(grams, sums.reshape(layout.query, -1) / rows, strict=True):
            gram -= rows * numpy.outer(mean, mean)
    return grams


def _singular(first: Doubles, second: Doubles) -> Doubles:
    """Return the singular values, of length one, of a product of two factors by the products within each factor."""
    import numpy

    size, turned = numpy.linalg.eigh(first)
    root = turned * numpy.sqrt(numpy.maximum(size, 0))
    found = numpy.sqrt(numpy.maximum(numpy.linalg.eigvalsh(_product(_product(root.T, second), root)), 0))[::-1]
    length = float(numpy.linalg.norm(found))
    return found / length if length > 0 and numpy.isfinite(length) else numpy.zeros_like(found)


def _product(a: Doubles, b: Doubles) -> Doubles:
    import numpy

    with numpy.errstate(over="ignore", invalid="ignore"):
        found: Doubles = a @ b
    return found

"""Match keys of weights, `v1`: short texts that related weights have in common, so that they are found by lookup.

A key is made of content alone and fixed for ever (docs/reference/digests.md): weights that were read in another format,
or years ago, give the same. Five families: `band` and `norm` hash values of a sketch, `tensor` is the digest of a whole
tensor, `module` and `arch` describe shapes, which unrelated models have in common too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from lineage.fingerprint.values.adapters import A, B
from lineage.fingerprint.values.names import kind_of, layer_of, normalised_name
from lineage.fingerprint.values.tiles import BUFFERS, STRIP_VALUES
from lineage_schemas.ids import match_key
from lineage_schemas.match_key import MatchKey

if TYPE_CHECKING:
    from lineage.fingerprint.tensor_table import TensorRow
    from lineage.fingerprint.values.sketch import SampledTile, Sketch
    from lineage.fingerprint.values.tensor import Floats

BAND_BITS = 12
"""Signs in one band. Two strips with a cosine of 0.9 have a band in common with 15 %, unrelated ones with 0.02 %."""

BANDED_STRIPS, BANDS, MAX_BANDS_OF_STRIP = 24, 48, 6
"""Strips that give bands, in the order of the sketch; bands of all of them together; bands of one where there are few.

With 48 bands, models whose strips have a cosine of 0.9 share at least two in 99.7 % of cases; among 100,000 unrelated
models of the same architecture seven share two and none shares three."""

MAX_TENSORS, MAX_NORMS, MAX_MODULES = 4, 2, 8


def match_keys(sketch: Sketch | None, rows: Sequence[TensorRow] | None, arch: str | None) -> tuple[MatchKey, ...]:
    """Make the match keys of weights from what was read of them, in order of key.

    `rows` is the tensor table and `arch` the architecture signature. What was not read gives no key.
    """
    tiles = sketch.tiles if sketch is not None else ()
    found = {match_key("arch", arch): "arch"} if arch else {}
    for content in _tensors(rows or (), _constant(tiles)):
        found[match_key("tensor", content)] = "tensor"
    for family, contents in (("band", _bands(tiles)), ("norm", _norms(tiles)), ("module", _modules(tiles))):
        found.update((match_key(family, f"v1:{_short(family, *parts)}"), family) for parts in contents)
    return tuple(MatchKey(key=key, family=family) for key, family in sorted(found.items()))


def _short(*parts: str) -> str:
    """Hash texts to 16 hex digits: names of tensors may be long, and may hold anything."""
    from blake3 import blake3

    encoded = (part.encode(errors="surrogatepass") for part in parts)
    return blake3(b"match.v1:" + b"".join(len(each).to_bytes(4, "little") + each for each in encoded)).hexdigest(8)


def _bands(tiles: Sequence[SampledTile]) -> Iterator[tuple[str, str, str]]:
    """Yield name, number and bits of each band: the signs of sums of a strip's values with signs that never change."""
    import numpy

    strips = [each for each in tiles if each.tile.kind == "strip" and not each.tile.name.endswith(A)][:BANDED_STRIPS]
    if not strips:
        return
    bands = min(MAX_BANDS_OF_STRIP, BANDS // len(strips))
    for each in strips:
        values = _finite(each.values)[:STRIP_VALUES]
        if not _is_constant(values):
            sums = _signs()[: bands * BAND_BITS, : values.size] @ values
            bits = "".join("1" if above else "0" for above in numpy.greater(sums, 0))
            for band in range(bands):
                yield each.tile.name, str(band), bits[band * BAND_BITS :][:BAND_BITS]


@cache
def _signs() -> Any:
    """Return the signs, +1 or -1, of each value in the sum of each bit: of BLAKE3's output, a set bit is +1."""
    import numpy
    from blake3 import blake3

    sums = MAX_BANDS_OF_STRIP * BAND_BITS
    data = blake3(b"match.v1:signs").digest(sums * STRIP_VALUES // 8)
    bits = numpy.unpackbits(numpy.frombuffer(data, numpy.uint8))
    return bits.reshape(sums, STRIP_VALUES).astype(numpy.float64) * 2 - 1


def _norms(tiles: Sequence[SampledTile]) -> Iterator[tuple[str, str]]:
    """Yield name and values of the first vectors, rounded to BF16: quantisers keep them, and casts to BF16 do."""
    taken = 0
    for each in tiles:
        values = _finite(each.values)
        if each.tile.kind == "vector" and taken < MAX_NORMS and not _is_constant(values):
            bits = values.astype("<f4").view("<u4")
            rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
            taken += 1
            yield each.tile.name, rounded.astype("<u2").tobytes().hex()


def _modules(tiles: Sequence[SampledTile]) -> Iterator[tuple[str, str]]:
    """Yield name and shape, without the layer's number, of matrices that a layer has.

    A LoRA adapter gives those of the matrices that it changes: so it finds models that it fits.
    """
    shapes = {each.tile.name: each.shape for each in tiles if each.tile.kind == "strip"}
    modules: dict[str, tuple[int, int]] = {}
    for name, (rows, columns) in shapes.items():
        if layer_of(name) is None or name.endswith(A):
            continue
        if name.endswith(B):
            inner = shapes.get(name.removesuffix(B) + A)
            if inner is None:
                continue
            name, columns = f"{name.removesuffix(B)}.weight", inner[1]
        modules.setdefault(kind_of(name), (rows, columns))
    yield from ((kind, f"{rows}x{columns}") for kind, (rows, columns) in list(modules.items())[:MAX_MODULES])


def _tensors(rows: Sequence[TensorRow], constant: Mapping[str, bool]) -> list[str]:
    """List the smallest digests among matrices: two models that share most tensors share most of these.

    Left out is what unrelated models have in common: what libraries compute, and constants, such as zero points, which
    one model has again and again.
    """
    matrices = [(row.digest, row.name) for row in rows if row.digest and sum(length > 1 for length in row.shape) > 1]
    times = Counter(digest for digest, _ in matrices)
    telling = (digest for digest, name in sorted(matrices) if times[digest] == 1 and _is_telling(name, constant))
    return list(islice(telling, MAX_TENSORS))


def _is_telling(stored_name: str, constant: Mapping[str, bool]) -> bool:
    name = normalised_name(stored_name)
    return not name.endswith(BUFFERS) and not constant.get(name)


def _constant(tiles: Sequence[SampledTile]) -> dict[str, bool]:
    """Say of each sampled matrix whether its sample is one value."""
    return {each.tile.name: _is_constant(_finite(each.values)) for each in tiles if each.tile.kind == "strip"}


def _finite(values: Floats) -> Any:
    """Return values in a row as float64, with 0 for what is no number or infinite."""
    import numpy

    return numpy.nan_to_num(values.ravel().astype(numpy.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _is_constant(values: Any) -> bool:
    return values.size == 0 or bool((values == values[0]).all())

"""Match keys of weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage_schemas.ids import match_key
from lineage_schemas.match_key import MatchKey

if TYPE_CHECKING:
    from lineage.fingerprint.tensor_table import TensorRow
    from lineage.fingerprint.values.sketch import Sketch


def match_keys(sketch: Sketch | None, rows: Sequence[TensorRow] | None, arch: str | None) -> tuple[MatchKey, ...]:
    """Make keys."""
    import hashlib

    import numpy

    found = {}
    if arch:
        found[match_key("arch", arch)] = "arch"
    for row in sorted((r for r in rows or () if r.digest and len(r.shape) >= 2), key=lambda r: r.digest)[:4]:
        found[match_key("tensor", row.digest)] = "tensor"
    n = 0
    for t in sketch.tiles if sketch else ():
        if t.tile.kind != "strip" or n >= 24:
            continue
        n += 1
        v = numpy.nan_to_num(t.values.ravel().astype(numpy.float64), posinf=0, neginf=0)
        if not v.any():
            continue
        raw = hashlib.shake_256(t.tile.name.encode()).digest(16 * 128)
        signs = numpy.unpackbits(numpy.frombuffer(raw, numpy.uint8)).reshape(16, 1024).astype(numpy.float64) * 2 - 1
        bits = (signs[:, : v.size] @ v[:1024] > 0).astype(int)
        found[match_key("band", t.tile.name + ":" + "".join(map(str, bits)))] = "band"
    for t in sketch.tiles if sketch else ():
        if (
            t.tile.kind == "strip"
            and sketch.adapter is None
            and ("attn_q.weight" in t.tile.name or "attn_v.weight" in t.tile.name)
            and ".0." in t.tile.name
        ):
            found[match_key("module", f"{t.tile.name}:{t.shape}")] = "module"
        if (
            sketch.adapter is not None
            and t.tile.kind == "strip"
            and ".0." in t.tile.name
            and ("attn_q" in t.tile.name or "attn_v" in t.tile.name)
            and t.tile.name.endswith(".lora_b")
        ):
            base = t.tile.name.removesuffix(".lora_b")
            a = next((o for o in sketch.tiles if o.tile.kind == "strip" and o.tile.name == base + ".lora_a"), None)
            if a:
                found[match_key("module", f"{base}.weight:{(t.shape[0], a.shape[1])}")] = "module"
    return tuple(MatchKey(key=k, family=f) for k, f in sorted(found.items()))

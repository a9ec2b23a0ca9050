"""Four small tensors, and the type of the fixture that writes such tensors to a file and measures it."""

from __future__ import annotations

import struct
from collections.abc import Callable

from lineage.fingerprint.measure import GroupFingerprint

Make = Callable[..., GroupFingerprint]
"""Called with tensors, and where it matters a level and the metadata of the file."""


def f32(*values: float) -> tuple[str, tuple[int, ...], bytes]:
    """Make a vector of F32."""
    return "F32", (len(values),), struct.pack(f"<{len(values)}f", *values)


BASE: dict[str, tuple[str, tuple[int, ...], bytes]] = {
    "model.embed_tokens.weight": ("F32", (2, 2), bytes(range(16))),
    "layers.0.weight": f32(1, 2, 3),
    "layers.1.weight": f32(4, 5, 6),
    "norm.weight": f32(1, 1),
}

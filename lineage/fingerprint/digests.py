"""The digests that name weights; docs/reference/digests.md fixes every byte of them.

A released digest never changes: another rule is another name. Each digest is BLAKE3-256 over length-prefixed parts
that begin with its name, so that no input of one digest is an input of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.fingerprint.tensor_table import TensorRow, sort_rows

FILES = "files.v1"
WEIGHTS = "weights.v1"
CONTENT = "content.v1"
LAYOUT = "layout.v1"
ARCH = "arch.v1"


def files_digest(identities: Iterable[str | None]) -> str | None:
    """Digest the identities (`sha256:…`, `gitblob:…`) of a group's files; None where one of them is not known.

    Independent of paths and order: a set of files that moved to other names keeps it.
    """
    known = list(identities)
    if not known or any(identity is None for identity in known):
        return None
    return _digest(FILES, (_part(identity) for identity in sorted(filter(None, known))))


def weights_digest(rows: Iterable[TensorRow]) -> str | None:
    """Digest names, dtypes, shapes and bytes of all tensors; None where the bytes of one were not read.

    Independent of file order, sharding, key order, header metadata and container: equal digests mean the same
    parameters. A name that is there twice raises FormatError.
    """
    ordered = sort_rows(rows)
    if any(row.digest is None for row in ordered):
        return None
    return _digest(WEIGHTS, (_part(row.name) + _typed(row) + bytes.fromhex(row.digest or "") for row in ordered))


def content_digest(rows: Iterable[TensorRow]) -> str | None:
    """Digest dtypes, shapes and bytes of all tensors without their names; None where bytes were not read.

    Survives renaming: tensors are sorted by what they hold, and each counts as often as it is there.
    """
    ordered = sort_rows(rows)
    if any(row.digest is None for row in ordered):
        return None
    return _digest(CONTENT, sorted(_typed(row) + bytes.fromhex(row.digest or "") for row in ordered))


def layout_digest(rows: Iterable[TensorRow]) -> str:
    """Digest names, dtypes and shapes: known from headers alone. A name that is there twice raises FormatError."""
    return _digest(LAYOUT, (_part(row.name) + _typed(row) for row in sort_rows(rows)))


def arch_digest(shapes: Mapping[str, tuple[int, int]]) -> str | None:
    """Digest normalised names and logical shapes of all matrices: the architecture signature; None without a matrix.

    Equal for all formats, quantisations and shardings of one model. A head of the embedding's shape is left out: a file
    may hold a tied head or not, and its header does not say whether it is tied. Vectors are left out too, because
    quantisers and converters add some.
    """
    embedding = shapes.get("token_embd.weight")
    kept = {
        name: shape
        for name, shape in shapes.items()
        if shape[0] > 1 and shape[1] > 1 and not (name == "output.weight" and shape == embedding)
    }
    ordered = sorted(kept.items(), key=lambda item: item[0].encode())
    records = (_part(name) + _part(str(rows)) + _part(str(columns)) for name, (rows, columns) in ordered)
    return _digest(ARCH, records) if kept else None


def _typed(row: TensorRow) -> bytes:
    """Write the dtype, the rank and the dimensions of a tensor."""
    return _part(row.dtype) + _part(str(len(row.shape))) + b"".join(_part(str(length)) for length in row.shape)


def _part(text: str) -> bytes:
    """Write text with its length in bytes before it, as eight bytes, little-endian."""
    raw = text.encode()
    return len(raw).to_bytes(8, "little") + raw


def _digest(name: str, records: Iterable[bytes]) -> str:
    """Hash a digest's name and its records."""
    from blake3 import blake3

    state = blake3(_part(name))
    for record in records:
        state.update(record)
    return f"{name}:{state.hexdigest()}"

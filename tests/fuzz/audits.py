"""Targets of what an audit reads: signatures of models, and baselines."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lineage.answers.audit.baseline import read_baseline
from lineage.audit.discovery.git_index import read_index
from lineage.audit.policy.signature import NotASignatureError, read_signature
from lineage.errors import InputError
from tests.fuzz.target import Target, plain


def _read_signature(data: bytes) -> object:
    """Read a statement, which is put into a bundle if it is not one."""
    is_bundle = b"dsseEnvelope" in data
    bundle = data if is_bundle else json.dumps({"dsseEnvelope": {"payload": base64.b64encode(data).decode()}}).encode()
    return sorted(read_signature(bundle).files)


def _read_baseline(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "baseline.json"
        path.write_bytes(data)
        return len(read_baseline(path))


def _read_index(data: bytes) -> object:
    """Read an index; its paths are bytes, which names of files from the system are compared with."""
    found = read_index(data)
    return [repr(sorted(map(os.fsencode, found.files))), sorted(found.gitlinks.values())]


def _index_seeds() -> Iterator[bytes]:
    for version, name in ((2, b"a/b.py"), (4, b"\0a/b.py")):
        entry = bytes(24) + b"\0\0\x81\xa4" + bytes(12) + bytes(20) + b"\0\6" + name + b"\0"
        padded = entry if version == 4 else entry + bytes(-len(entry) % 8)
        yield b"DIRC" + version.to_bytes(4, "big") + b"\0\0\0\1" + padded + b"TREE\0\0\0\2ab" + bytes(20)


def _signature_seeds() -> Iterator[bytes]:
    predicate = {"serialization": {"method": "files"}, "resources": []}
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    yield json.dumps(
        {
            "subject": [{"digest": {"sha256": empty}}],
            "predicateType": "https://model_signing/signature/v1.0",
            "predicate": predicate,
        }
    ).encode()
    yield b'{"dsseEnvelope": {"payload": "e30="}}'


def _baseline_seeds() -> Iterator[bytes]:
    yield b'{"version": 1, "accepted": [{"rule": "unpinned-model", "model": "a/b", "file": "x.py"}]}'
    yield b'{"version": 1, "accepted": []}'


TARGETS = (
    Target(
        "git-index", plain(_read_index), (ValueError,), _index_seeds,
        (b"link\0\0\0\x14", b"\xff\xff\xff\xff", b"\x80\x80", b"\x40\0", b"\0\0\xe0\0", b"TREE"),
    ),
    Target(
        "model-signature", plain(_read_signature), (NotASignatureError,), _signature_seeds,
        (b'"resources": [{', b'"name": "a",', b'"digest": "00"', b"null", b"[[", b'"algorithm": "sha256"', b"1e999"),
    ),
    Target(
        "audit-baseline", plain(_read_baseline), (InputError,), _baseline_seeds,
        (b'"file": null', b'"version": 2', b'"rule": []', b"[" * 50, b"\xff"),
    ),
)  # fmt: skip

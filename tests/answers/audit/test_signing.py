"""`model.sig`: a signature is compared with the Hub's hashes, and verified where the extra is installed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lineage.audit.policy.facts import ModelFacts, Signature
from lineage.audit.policy.signature import (
    NotASignatureError,
    SignedFiles,
    about_signature,
    compared,
    read_signature,
)
from lineage_schemas.answers.audit import AuditAnswer
from lineage_schemas.file import FileEntry
from tests.answers.audit.products import CARD, audited, found, product
from tests.support.bare_repository import BareRepository
from tests.support.readings import WEIGHTS, weights


def statement(files: Mapping[str, str], **more: object) -> dict[str, object]:
    """Make the statement that a signature of files by their SHA-256 holds."""
    root = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in files.values())).hexdigest()
    resources = [{"name": name, "algorithm": "sha256", "digest": digest} for name, digest in files.items()]
    return {
        "_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "m", "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {"serialization": {"method": "files", "hash_type": "sha256"}, "resources": resources}, **more,
    }  # fmt: skip


def bundle(content: object) -> bytes:
    """Put a statement into a bundle, without a signature that is valid."""
    payload = base64.b64encode(json.dumps(content).encode()).decode()
    return json.dumps({"dsseEnvelope": {"payload": payload, "signatures": []}}).encode()


def test_a_signature_lists_files() -> None:
    """The files of a statement are read, and compared with the hashes of a Hub."""
    signed = read_signature(bundle(statement({"a": "1" * 64, "b": "2" * 64, "c": "3" * 64})))
    files = {
        "a": FileEntry(path="a", sha256="1" * 64), "b": FileEntry(path="b", sha256="f" * 64),
        "d": FileEntry(path="d", sha256="4" * 64), "model.sig": FileEntry(path="model.sig"),
    }  # fmt: skip
    assert compared(signed, files, {}) == (("b",), ("c",), ("d",), ())
    assert compared(SignedFiles({"x": "1" * 64}), {"x": FileEntry(path="x")}, {}).unknown == ("x",)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b"\xff", b"[" * 100_000, bundle([]), bundle({"predicateType": "other"}),
        bundle(statement({"a": "1" * 64}, subject=[{"digest": {"sha256": "0" * 64}}])),
    ],
)  # fmt: skip
def test_what_is_no_signature_is_refused(data: bytes) -> None:
    """A file that is not understood is an error with a reason, and never a signature of nothing."""
    with pytest.raises(NotASignatureError):
        read_signature(data)


def test_what_was_not_checked_is_not_valid() -> None:
    """A missing signature is an information, one for other files an error, one that was not checked is unchecked."""

    def problems(signature: Signature) -> list[tuple[str, str | None, bool]]:
        facts = ModelFacts(id="org/x", used=True, state="present", commit="1" * 40, files=(), signature=signature)
        return [(each.rule, each.severity, each.unchecked is not None) for each in about_signature(facts)]

    assert problems(Signature(is_there=False)) == [("signature-missing", None, False)]
    assert problems(Signature(True, wrong="w")) == [("signature-mismatch", None, False)]
    assert problems(Signature(True, unchecked="u")) == [("signature-mismatch", "info", True)]
    assert problems(Signature(True)) == []


def of(tmp_path: Path, signature: bytes, settings: str = "") -> AuditAnswer:
    """Audit a product whose model has a signature."""
    model = BareRepository(tmp_path / "hub/org/name.git")
    model.commit({WEIGHTS: weights(1), "README.md": CARD, "model.sig": signature})
    folder = product(tmp_path / "product", f'[models."org/name"]\n{settings}')
    return audited(folder, hub_selector=str(tmp_path / "hub"), store_url="memory:")


def test_a_signature_is_unchecked_or_missing(tmp_path: Path) -> None:
    """Whether or not the extra is installed, a signature that nothing verified is unchecked."""
    hashes = {WEIGHTS: hashlib.sha256(weights(1)).hexdigest(), "README.md": hashlib.sha256(CARD).hexdigest()}
    answer = of(tmp_path, bundle(statement(hashes)))
    assert "signature-missing" not in found(answer)["org/name"]
    assert "the signature of org/name" in [each.what for each in answer.unchecked]


def signed_by_key(tmp_path: Path, changed: bytes | None = None, *, other_key: bool = False) -> AuditAnswer:
    """Sign a model by a key with the library, audit it with that public key or another, of weights or changed ones."""
    signing = pytest.importorskip("model_signing.signing", reason="the extra model-lineage[signing] is not installed")
    ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
    keys = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    private = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "private.pem").write_bytes(
        private.private_bytes(keys.Encoding.PEM, keys.PrivateFormat.PKCS8, keys.NoEncryption())
    )
    (tmp_path / "product").mkdir()
    (tmp_path / "product/key.pem").write_bytes(
        (ec.generate_private_key(ec.SECP256R1()) if other_key else private)
        .public_key()
        .public_bytes(keys.Encoding.PEM, keys.PublicFormat.SubjectPublicKeyInfo)
    )
    model = tmp_path / "signed"
    model.mkdir()
    (model / WEIGHTS).write_bytes(changed or weights(1))
    (model / "README.md").write_bytes(CARD)
    config = signing.Config().use_elliptic_key_signer(private_key=tmp_path / "private.pem")
    config.sign(model, tmp_path / "model.sig")
    return of(tmp_path, (tmp_path / "model.sig").read_bytes(), '[signing.org]\nkey = "key.pem"\n')


def test_a_valid_signature_has_no_finding(tmp_path: Path) -> None:
    """The publisher's key made the signature, and each file has the hash that it lists."""
    answer = signed_by_key(tmp_path)
    assert not [each for each in found(answer)["org/name"] if each.startswith("signature")]
    assert "the signature of org/name" not in [each.what for each in answer.unchecked]


def test_a_signature_of_other_weights_is_an_error(tmp_path: Path) -> None:
    """The weights were replaced after they were signed: the Hub's hash shows it without reading them."""
    answer = signed_by_key(tmp_path, weights(9))
    (finding,) = [each for each in answer.findings if each.id == "signature-mismatch"]
    assert (finding.severity, finding.pointer.file) == ("error", "model.sig")
    assert WEIGHTS in finding.message


def test_a_signature_of_someone_else_is_an_error(tmp_path: Path) -> None:
    """The files fit, and another key than the publisher's made the signature."""
    (finding,) = [each for each in signed_by_key(tmp_path, other_key=True).findings if each.id == "signature-mismatch"]
    assert finding.severity == "error"
    assert "not that of the signer" in finding.message

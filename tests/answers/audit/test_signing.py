"""`model.sig`: a signature is compared with the Hub's hashes, and verified where the extra is installed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

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

Edit = Callable[[dict[str, Any]], object]


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


def signed_by_key(
    tmp_path: Path, changed: bytes | None = None, *, other_key: bool = False, edit: Edit = lambda bundle: None,
    settings: str = 'key = "key.pem"', ignore: str = "",
) -> AuditAnswer:  # fmt: skip
    """Sign a model by a key with the library, audit it with that public key or another, of weights or changed ones.

    `edit` changes the bundle, `settings` are those of the signer, and `ignore` is a file that its signer leaves out.
    """
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
    if ignore:
        hashing = pytest.importorskip("model_signing.hashing")
        config.set_hashing_config(hashing.Config().set_ignored_paths(paths=[model / ignore]))
    config.sign(model, tmp_path / "model.sig")
    signature = json.loads((tmp_path / "model.sig").read_bytes())
    edit(signature)
    return of(tmp_path, json.dumps(signature).encode(), f"[signing.org]\n{settings}\n")


def _listing(hashes: Mapping[str, str], of: str) -> Edit:
    """Put a statement that lists other hashes into a bundle; with another name in `of`, beside the signed one."""

    def edit(signature: dict[str, Any]) -> None:
        kept = signature["dsseEnvelope"]
        forged = {**kept, "payload": base64.b64encode(json.dumps(statement(hashes)).encode()).decode()}
        signature["dsseEnvelope"] = forged
        if of != "dsseEnvelope":
            signature[of] = kept

    return edit


CERTIFICATE = {"certificate": {"rawBytes": "AA"}, "tlogEntries": []}

FITS = {WEIGHTS: hashlib.sha256(weights(1)).hexdigest(), "README.md": hashlib.sha256(CARD).hexdigest()}


@pytest.mark.parametrize(
    ("edit", "wrong"),
    [
        pytest.param(_listing(FITS, "dsseEnvelope"), "not that of the signer", id="other-statement"),
        pytest.param(_listing(FITS, "dsse_envelope"), None, id="two-statements"),
        pytest.param(lambda bundle: bundle["dsseEnvelope"].update(signatures=[]), None, id="no-signature"),
        pytest.param(lambda bundle: bundle.update(verificationMaterial={}), None, id="no-material"),
        pytest.param(lambda bundle: bundle.update(verificationMaterial=None), None, id="null-material"),
        pytest.param(
            lambda bundle: (_listing(FITS, "dsseEnvelope")(bundle), bundle.update(verificationMaterial=CERTIFICATE)),
            "with a certificate", id="certificate",
        ),
    ],
)  # fmt: skip
def test_a_bundle_that_was_changed_is_never_valid(tmp_path: Path, edit: Edit, wrong: str | None) -> None:
    """The files that count are those of the statement that was verified, however often a bundle has one."""
    answer = signed_by_key(tmp_path, weights(9), edit=edit)
    if wrong is None:
        assert "the signature of org/name" in [each.what for each in answer.unchecked] or _mismatch(answer)
    else:
        assert wrong in _mismatch(answer)


def _mismatch(answer: AuditAnswer) -> str:
    """Return what is wrong with a signature; empty if nothing is."""
    found = [each for each in answer.findings if each.id == "signature-mismatch" and each.severity == "error"]
    return found[0].message if found else ""


@pytest.mark.parametrize(
    "settings", ['key = "none.pem"', 'key = "lineage.toml"', 'key = "."', 'key = "../private.pem"']
)
def test_a_key_that_cannot_be_used_is_unchecked(tmp_path: Path, settings: str) -> None:
    """A file that is not a public key is a fault of the settings, and says nothing of the signature."""
    answer = signed_by_key(tmp_path, settings=settings)
    assert _mismatch(answer) == ""
    (reason,) = [each.reason for each in answer.unchecked if each.what == "the signature of org/name"]
    assert "cannot be used" in reason


def test_weights_that_a_signer_leaves_out_are_not_signed(tmp_path: Path) -> None:
    """A signature that excludes the weights by name does not speak of them, whoever made it."""
    answer = signed_by_key(tmp_path, ignore=WEIGHTS)
    (reason,) = [each.reason for each in answer.unchecked if each.what == "the signature of org/name"]
    assert WEIGHTS in reason


def test_an_older_signature_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The library prints a warning about a bundle without a hint to the key: it would be inside of the answer."""
    answer = signed_by_key(tmp_path, edit=lambda bundle: bundle["verificationMaterial"]["publicKey"].pop("hint"))
    assert "the signature of org/name" not in [each.what for each in answer.unchecked]
    assert capsys.readouterr().out == ""


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

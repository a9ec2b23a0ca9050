"""Signatures of OpenSSF Model Signing: what `model.sig` lists, compared with the hashes that a Hub lists.

The file is a Sigstore bundle: a DSSE envelope with an in-toto statement, which lists files with their SHA-256.
Nothing here verifies who signed; it says which files the signature is about.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lineage.audit.policy.facts import ModelFacts, Problem
from lineage.fingerprint.weight_files import is_weight_file
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage_schemas.file import FileEntry

NAME = "model.sig"
"""The file's name at the root of a repository."""

PREDICATE = "https://model_signing/signature/v1.0"

MAX_FILES = 100_000
"""Files that a signature may list."""

CODE = (".py", ".so", ".json", ".jinja", ".model", ".bin", ".pkl")
"""How the names of files end that a loader reads or runs beside the weights."""

MAX_NAMED = 5
"""Files that a message names."""


class SignedFiles(NamedTuple):
    """Hold the SHA-256 of each file that a signature lists, and the files that its signer left out by name."""

    files: Mapping[str, str]
    ignored: tuple[str, ...] = ()


class NotASignatureError(ValueError):
    """Report a file that is not a signature that is understood, with what is wrong."""


class Comparison(NamedTuple):
    """Hold the files that differ from a signature, those that it lists and that are gone, and those not compared."""

    differing: tuple[str, ...]
    gone: tuple[str, ...]
    unsigned: tuple[str, ...]
    unknown: tuple[str, ...]


def read_signature(data: bytes) -> SignedFiles:
    """Read the files that a signature lists. Raises NotASignatureError for everything that is not understood."""
    try:
        bundle = json.loads(data)
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True))
        return _signed(statement)
    except NotASignatureError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotASignatureError("it is not a bundle with a signed statement") from error


def kind_of(data: bytes) -> Literal["key", "certificate"] | None:
    """Return what a bundle says that it was signed with; None if it says neither."""
    material = json.loads(data).get("verificationMaterial")
    if not isinstance(material, dict):
        return None
    if material.get("publicKey") is not None:
        return "key"
    return "certificate" if material.get("certificate") or material.get("x509CertificateChain") else None


def _signed(statement: Mapping[str, Any]) -> SignedFiles:
    if statement["predicateType"] != PREDICATE:
        raise NotASignatureError("its statement is not one of OpenSSF Model Signing 1.0")
    predicate = statement["predicate"]
    serialization, resources = predicate["serialization"], predicate["resources"]
    if serialization["method"] != "files" or len(resources) > MAX_FILES:
        raise NotASignatureError("it lists parts of files, or too many of them")
    digests = hashlib.sha256()
    files: dict[str, str] = {}
    for each in resources:
        name, digest = each["name"], str(each["digest"]).lower()
        if each["algorithm"] != "sha256" or len(digest) != 64 or name in files:
            raise NotASignatureError("it lists a file twice, or with another hash than SHA-256")
        digests.update(bytes.fromhex(digest))
        files[str(name)] = digest
    if digests.hexdigest() != statement["subject"][0]["digest"]["sha256"]:
        raise NotASignatureError("the files that it lists do not give the digest that was signed")
    return SignedFiles(files, tuple(str(each) for each in serialization.get("ignore_paths") or ()))


def compared(signed: SignedFiles, files: Mapping[str, FileEntry], known: Mapping[str, str]) -> Comparison:
    """Compare a signature with the files of a commit; `known` are hashes of files that the Hub lists without one."""
    hashes = {path: entry.sha256 or known.get(path) for path, entry in files.items()}
    differing = [path for path, digest in signed.files.items() if hashes.get(path) not in (None, digest)]
    gone = [path for path in signed.files if path not in files]
    unknown = [path for path in signed.files if path in files and hashes[path] is None]
    unsigned = [path for path in files if path not in signed.files and not _is_ignored(path, signed.ignored)]
    return Comparison(*(tuple(sorted(each)) for each in (differing, gone, unsigned, unknown)))


def _is_ignored(path: str, ignored: Iterable[str]) -> bool:
    if path in (NAME, ".gitattributes", ".gitignore"):
        return True
    if is_weight_file(path) or path.endswith(CODE):
        return False  # what is loaded and run is unsigned, also if its signer left it out
    return any(path == name or path.startswith(f"{name}/") for name in ignored)


def about_signature(model: ModelFacts) -> Iterator[Problem]:
    """Find models without a signature, and signatures of other files; of used models only."""
    found = model.signature
    if not model.used or found is None or not model.is_readable:
        return
    if not found.is_there:
        yield Problem("signature-missing", f"{model.id} has no {NAME}", model.pointer())
    elif found.wrong is not None:
        yield Problem("signature-mismatch", f"{NAME} of {model.id}: {found.wrong}", model.pointer(NAME))
    elif found.unchecked is not None:
        what = f"the signature of {model.id}"
        item = Unchecked(what=what, reason=found.unchecked, decide_with=found.hint)
        message = f"{what} was not checked: {found.unchecked}"
        yield Problem("signature-mismatch", message, model.pointer(NAME), severity="info", unchecked=item)


def named(paths: tuple[str, ...]) -> str:
    """Name the first of some files."""
    more = f" and {len(paths) - MAX_NAMED} more" if len(paths) > MAX_NAMED else ""
    return ", ".join(paths[:MAX_NAMED]) + more

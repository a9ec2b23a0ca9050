"""Checking `model.sig` of a model: its files against the Hub's hashes, and who signed it, without reading weights.

Only this module imports model_signing, which the extra `model-lineage[signing]` installs.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.audit.policy.facts import Signature
from lineage.audit.policy.signature import (
    NAME,
    NotASignatureError,
    SignedFiles,
    compared,
    named,
    read_signature,
)
from lineage.errors import LineageError, UnexpectedError
from lineage.unexpected import contained

if TYPE_CHECKING:
    from lineage.settings.project_file import Project
    from lineage_schemas.file import FileEntry
    from lineage_schemas.project_file import Signer

EXTRA = "model-lineage[signing]"

Read = Callable[["FileEntry"], tuple[bytes | None, str | None]]
"""Return a small file of the model, or why it is not at hand."""


def checked_signature(
    model: str, files: Mapping[str, FileEntry] | None, read: Read, project: Project | None
) -> Signature | None:
    """Check the signature of a model at a commit; None if its files are not known.

    Files that the Hub keeps in git have no SHA-256 in its list: they are read if they are at hand. Without the extra,
    or without a signer in the project file, a signature that fits the files is unchecked.
    """
    if files is None:
        return None
    if NAME not in files:
        return Signature(is_there=False)
    if find_spec("model_signing") is None:
        reason = f"{EXTRA} is not installed"
        return Signature(True, unchecked=reason, hint=f'python -m pip install "{EXTRA}"')
    data, problem = read(files[NAME])
    if data is None:
        return Signature(True, unchecked=f"{NAME} could not be read: {problem}")
    try:
        signed = read_signature(data)
    except NotASignatureError as error:
        return Signature(True, unchecked=f"{NAME} is not understood: {error}")
    wrong, unknown = _files_of(signed, files, read)
    if wrong is not None:
        return Signature(True, wrong=wrong)
    signer = _signer(project, model)
    if signer is None:
        hint = "[signing] of lineage.toml names the publisher's key, or identity and issuer"
        return Signature(True, unchecked="its files fit, and whose signature it must be is not known", hint=hint)
    wrong, unchecked = _verified(model, data, signer, project)
    return Signature(True, wrong=wrong, unchecked=unchecked or unknown)


def _files_of(signed: SignedFiles, files: Mapping[str, FileEntry], read: Read) -> tuple[str | None, str | None]:
    """Compare the files; return what is wrong, and what is not known."""
    small: dict[str, str] = {}
    for path in signed.files:
        entry = files.get(path)
        if entry is not None and entry.sha256 is None and (data := read(entry)[0]) is not None:
            small[path] = hashlib.sha256(data).hexdigest()
    found = compared(signed, files, small)
    if found.differing or found.gone:
        words = [f"{named(found.differing)} has other bytes"] if found.differing else []
        words += [f"{named(found.gone)} is signed and not there"] if found.gone else []
        return "; ".join(words), None
    open_ones = (*found.unknown, *found.unsigned)
    return None, f"it does not say what {named(open_ones)} is" if open_ones else None


def _signer(project: Project | None, model: str) -> Signer | None:
    """Find who must have signed a model: its own entry in the project file, else its owner's."""
    entries = {key.casefold(): each for key, each in project.file.signing.items()} if project else {}
    name = model.rpartition(":")[2].casefold()
    return entries.get(name) or entries.get(name.partition("/")[0])


def _verified(model: str, data: bytes, signer: Signer, project: Project | None) -> tuple[str | None, str | None]:
    """Verify that a signer made a signature: return what is wrong with it, and why that was not checked."""
    folder = project.folder if project else Path()
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / NAME
        file.write_bytes(data)
        try:
            with contained(f"the signature of {model}"):
                from model_signing import verifying

                config = verifying.Config()
                if signer.key is not None:
                    config.use_elliptic_key_verifier(public_key=folder / signer.key)
                else:
                    config.use_sigstore_verifier(identity=signer.identity, oidc_issuer=signer.issuer)
                config.set_hashing_config(_Stop())
                config.verify(Path(place), file)
        except _ValidSignatureError:
            return None, None
        except UnexpectedError as error:
            if type(error.__cause__).__name__ in INVALID:
                return (
                    f"its signature is not that of the signer in {project.shown if project else 'the settings'}",
                    None,
                )
            return None, error.message
    return None, "the library did not finish the check"


INVALID = ("InvalidSignature", "VerificationError", "ValueError")
"""Exceptions by which the library and its backends say that a signature is not valid; others say that they failed."""


class _ValidSignatureError(LineageError):
    """Stop after the signature was verified: files are compared by the Hub's hashes, not by reading them."""


class _Stop:
    """Stand for the library's hashing, which begins when a signature is valid."""

    def add_ignored_paths(self, *, model_path: object, paths: object) -> None:
        """Accept what the signature leaves out."""

    def hash(self, model_path: object, *, files_to_hash: object = None) -> object:
        """Stop before a file is read."""
        raise _ValidSignatureError("valid")

"""Checking `model.sig` of a model: its files against the Hub's hashes, and who signed it, without reading weights.

Only this module imports model_signing, which the extra `model-lineage[signing]` installs.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage.audit.policy.facts import Signature
from lineage.audit.policy.signature import (
    NAME,
    NotASignatureError,
    SignedFiles,
    compared,
    kind_of,
    named,
    read_signature,
)
from lineage.errors import UnexpectedError
from lineage.unexpected import contained

if TYPE_CHECKING:
    from lineage.settings.project_file import Project
    from lineage_schemas.file import FileEntry
    from lineage_schemas.project_file import Signer

EXTRA = "model-lineage[signing]"

MAX_CAUSE = 120
"""Characters of what the library reports that a reason quotes."""

Verified = tuple[str | None, str | None]
"""What is wrong with a signature, and why it was not checked; neither if it is the signer's."""

Read = Callable[["FileEntry"], tuple[bytes | None, str | None]]
"""Return a small file of the model, or why it is not at hand."""


def checked_signature(
    model: str, files: Mapping[str, FileEntry] | None, read: Read, project: Project | None, *, offline: bool = False
) -> Signature | None:
    """Check the signature of a model at a commit; None if its files are not known.

    Files that the Hub keeps in git have no SHA-256 in its list: they are read if they are at hand. Without the extra,
    or without a signer in the project file, a signature that fits the files is unchecked. With `offline`, so is
    one by an identity, whose check asks Sigstore for the roots that it trusts.
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
    if signer.key is None and offline:
        return Signature(True, unchecked="Sigstore is not asked for the roots that it trusts, because of --offline")
    wrong, unchecked = _verified(model, data, signed, signer, project)
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


def _verified(model: str, data: bytes, signed: SignedFiles, signer: Signer, project: Project | None) -> Verified:
    """Verify that a signer made a signature: return what is wrong with it, and why that was not checked."""
    shown = project.shown if project else "the settings"
    if (how := kind_of(data)) is not None and (how == "key") != (signer.key is not None):
        made, named = ("a key", "an identity") if how == "key" else ("a certificate", "a key")
        return f"it was made with {made}, and {shown} names {named}", None
    with tempfile.TemporaryDirectory() as place, _silence():
        file = Path(place) / NAME
        file.write_bytes(data)
        listed = _Listed()
        try:
            with contained(f"the signature of {model}"):
                config = _config(signer, project)
        except UnexpectedError as error:
            what = signer.key if signer.key is not None else "what verifies an identity"
            return None, f"{what} cannot be used: {_cause(error)}"
        try:
            with contained(f"the signature of {model}"):
                config.set_hashing_config(listed)
                config.verify(Path(place), file)
        except UnexpectedError as error:
            if type(error.__cause__).__name__ in INVALID:
                return f"its signature is not that of the signer in {shown}", None
            return None, f"the library cannot read it: {_cause(error)}"
    if listed.files is None:
        return None, "the library did not finish the check"
    if listed.files != dict(signed.files) or not set(signed.ignored) <= set(listed.ignored):
        return "the files that were signed are not those that it lists", None
    return None, None


def _config(signer: Signer, project: Project | None) -> Any:
    """Make the library's verifier of a signer, which reads the key, or what is known of identities."""
    from model_signing import verifying

    config = verifying.Config()
    if signer.key is not None:
        folder = project.folder if project else Path()
        return config.use_elliptic_key_verifier(public_key=folder / signer.key)
    return config.use_sigstore_verifier(identity=signer.identity, oidc_issuer=signer.issuer)


def _cause(error: UnexpectedError) -> str:
    """Write what the library reports, in one short line."""
    cause = error.__cause__
    words = " ".join(str(cause).split()) or type(cause).__name__
    return words if len(words) <= MAX_CAUSE else words[: MAX_CAUSE - 1] + "…"


@contextmanager
def _silence() -> Iterator[None]:
    """Drop what the library prints: it would be in the middle of an answer."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield


INVALID = ("InvalidSignature", "VerificationError", "ValueError")
"""Exceptions by which the library and its backends say that a signature is not valid; others say that they failed."""


class _Listed:
    """Stand for the library's hashing and its result: keep the files of the statement that was verified.

    The library hashes a model after it has verified who signed, and compares. Here nothing is hashed: `files` are what
    the verified statement lists, None before that, so that another reading of the same bytes cannot pass as verified.
    """

    def __init__(self) -> None:
        self.files: dict[str, str] | None = None
        self.ignored: tuple[str, ...] = ()

    def add_ignored_paths(self, *, model_path: object, paths: Iterable[object]) -> None:
        """Keep what the signer left out by name."""
        self.ignored = tuple(map(str, paths))

    def hash(self, model_path: object, *, files_to_hash: object = None) -> _Listed:
        """Return itself as what the library compares with the verified statement."""
        return self

    def __eq__(self, other: Any) -> bool:
        """Keep the files of the verified statement; the comparison with the Hub's hashes is made elsewhere."""
        self.files = {each.identifier: each.digest.digest_hex for each in other.resource_descriptors()}
        return True

    __hash__ = None  # type: ignore[assignment]  # it is compared only

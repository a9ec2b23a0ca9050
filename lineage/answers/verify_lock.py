"""`lineage verify --lock`: whether local files are those of a model in a lock file; no Hub and no store is asked."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.audit.lock.documents import is_document
from lineage.audit.lock.read import load_lock
from lineage.collect.measuring import measure_path
from lineage.errors import InputError, LineageError, few
from lineage.file_chunks import file_chunks
from lineage.fingerprint.groups import INDEX, is_weight_file, weight_groups
from lineage.fingerprint.main_group import missing_groups
from lineage.hub.lfs import MAX_POINTER_BYTES, Placeholder, parse_placeholder, pointer_blob_id
from lineage.hub.revisions import is_commit_id
from lineage.hub.target import PathTarget, parse_target
from lineage.unexpected import contained
from lineage_schemas.answers.verify import Difference, VerifyAnswer, VerifyVerdict
from lineage_schemas.digests import Digests
from lineage_schemas.file import FileEntry
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.collect.measuring import Measured
    from lineage_schemas.lock import LockedModel

MAX_DIFFERENCES = 1_000
MAX_FILES = 100_000

_NOT_THE_MODEL = frozenset({".git", ".cache"})
"""Folders that git and the Hub's client keep beside a model's files."""

_WITHOUT_CODE = frozenset({"safetensors", "gguf"})
"""Formats of weights that hold nothing but parameters and metadata."""


@dataclass(frozen=True)
class _LocalFile:
    """Hold a file on this machine; what it is is computed once, when it is first asked for."""

    place: Path

    @cached_property
    def hashes(self) -> tuple[str, str]:
        """Return the SHA-256 of a file and its git blob id, read in one pass. Raises OSError."""
        with self.place.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
            for chunk in file_chunks(file.fileno(), 0, size):
                sha256.update(chunk)
                blob.update(chunk)
        return sha256.hexdigest(), blob.hexdigest()

    @cached_property
    def placeholder(self) -> Placeholder | None:
        """Return what a download left instead of the file; None for a file with its content. Raises OSError."""
        with self.place.open("rb") as file:
            return parse_placeholder(file.read(MAX_POINTER_BYTES + 1))

    @cached_property
    def lack(self) -> str | None:
        """Return why the content is not here; None for a file that has it. Raises OSError."""
        if not self.place.is_file():
            if self.place.is_dir():
                return "it is a link to a folder, whose files were not compared"
            return "it is not a regular file" if self.place.exists() else "it is a link to nothing"
        found = self.placeholder
        return f"it is {found.kind}, and the content is missing ({found.hint})" if found else None

    def is_called(self, identity: str) -> bool:
        """Return whether this is the file that a lock names, or what a download left instead of it. Raises OSError."""
        if self.place.is_file() and self.placeholder is not None:
            return identity == f"sha256:{self.placeholder.sha256}"
        return self.is_file(identity)

    def is_file(self, identity: str) -> bool:
        """Return whether this is the file that a lock names. Raises OSError."""
        kind, _, value = identity.partition(":")
        if self.lack is not None:
            return False
        if kind == "sha256":
            return self.hashes[0] == value
        return kind == "gitblob" and value in (
            self.hashes[1],
            pointer_blob_id(self.hashes[0], self.place.stat().st_size),
        )

    def identity_like(self, identity: str | None) -> str:
        """Name this file by the kind of hash that a lock uses for it. Raises OSError."""
        is_blob = identity is not None and identity.startswith("gitblob:")
        return f"gitblob:{self.hashes[1]}" if is_blob else f"sha256:{self.hashes[0]}"


def verify_lock(session: Session, path: str, lock_file: Path, *, against: str | None = None) -> VerifyAnswer:
    """Compare a local folder or file with a model of a lock file: `against`, or the one that has its files.

    Files that the lock has and the folder does not are unchecked if a loader would read them. Weights in other files
    are equal if the lock has the digest of their parameters. Raises InputError if one of the two cannot be read, or
    the lock does not have the model.
    """
    with contained(path):
        target = parse_target(path if path.startswith((".", "/", "~")) else f"./{path}")
        assert isinstance(target, PathTarget)
        local = _local_files(target.path, path)
        lock = load_lock(lock_file)
        if lock is None:
            raise InputError(f"{lock_file} does not exist", hint="`lineage lock` writes it")
        models = _named(lock.model, against, lock_file) if against else lock.model
        try:
            best = _best(models, local, target.path) or _of_parameters(session, models, target.path)
            return _verified(session, path, target.path, local, lock_file, best)
        except OSError as error:
            raise InputError(f"{error.filename or path} cannot be read: {error.strerror}") from error


def _local_files(path: Path, shown: str) -> dict[str, _LocalFile]:
    """List a folder's files by their paths in it, or a file alone. Raises InputError if there is none."""
    if path.is_file():
        return {path.name: _LocalFile(path)}
    found: dict[str, _LocalFile] = {}
    for folder, inner, names in os.walk(path, onerror=_refuse_unreadable):
        inner[:] = sorted(set(inner) - _NOT_THE_MODEL)
        for name in sorted(names):
            place = Path(folder, name)
            found[place.relative_to(path).as_posix()] = _LocalFile(place)
        found |= {each.relative_to(path).as_posix(): _LocalFile(each) for each in _links(folder, inner)}
        if len(found) > MAX_FILES:
            raise InputError(f"{shown} has more than {MAX_FILES:,} files", hint="name the folder of one model")
    if not found:
        raise InputError(f"{shown} holds no file", hint="name a file, or the folder of a model")
    return found


def _links(folder: str, inner: Iterable[str]) -> Iterator[Path]:
    """Return the links to folders among the folders in one: `os.walk` does not enter them, and a loader does."""
    return (place for name in inner if (place := Path(folder, name)).is_symlink())


def _refuse_unreadable(error: OSError) -> None:
    """Raise InputError: `os.walk` leaves out a folder that it cannot read."""
    hint = "name a file, or the folder of a model"
    raise InputError(f"{error.filename} cannot be read: {error.strerror}", hint=hint) from error


def _named(models: Sequence[LockedModel], name: str, lock_file: Path) -> list[LockedModel]:
    """Find the entries for `org/name[@revision]`. Raises InputError if the lock has none."""
    wanted, _, revision = name.partition("@")
    found = [
        model
        for model in models
        if wanted.lower() in {each.lower() for each in (model.id, *model.names)}
        and (not revision or revision == model.revision or (model.commit or "").startswith(revision.lower()))
    ]
    if not found:
        raise InputError(f"{lock_file} does not lock {name}", hint=f"it locks {few([each.id for each in models])}")
    return found


def _best(models: Sequence[LockedModel], local: Mapping[str, _LocalFile], path: Path) -> LockedModel | None:
    """Choose the model that has most of the local weight files; if none has any, the name decides, or the only model.

    A file alone may be any file of a model, and have another name or be in another folder than there.
    """
    alone = next(iter(local.values())) if path.is_file() else None
    counts: Counter[int] = Counter()
    for number, model in enumerate(models):
        for name, identity in model.files.items():
            file = alone or (local.get(name) if is_weight_file(name) else None)
            if file is not None and file.is_called(identity):
                counts[number] += 1
    if counts:
        return models[counts.most_common(1)[0][0]]
    by_name = [model for model in models if _is_in_path(model.id, path)]
    if len(by_name) == 1:
        return by_name[0]
    return models[0] if len(models) == 1 else None


def _is_in_path(model: str, path: Path) -> bool:
    """Return whether a path names a model as people and the Hub's client do: `name`, `models--org--name`."""
    parts = {part.lower() for part in path.absolute().parts}
    return bool({model.lower().rpartition("/")[2], "models--" + model.lower().replace("/", "--")} & parts)


def _verified(
    session: Session,
    shown: str,
    path: Path,
    local: Mapping[str, _LocalFile],
    lock_file: Path,
    model: LockedModel | None,
) -> VerifyAnswer:
    """Compare the local files with those of a locked model."""
    compared = _Comparison(model, local, alone=path.is_file()) if model else None
    verdict: VerifyVerdict = compared.verdict if compared else "not_known"
    digests = Digests()
    if compared and verdict == "equal" and not compared.alone:
        digests = Digests(files=compared.model.files_digest, weights=compared.model.weights_digest)
    elif compared and verdict == "different" and (found := _same_parameters(session, path, compared)):
        compared.unchecked = [each for each in compared.unchecked if not _is_of_weights(each.what)]
        verdict, digests = "unchecked" if compared.unchecked else "reserialised", found
    return VerifyAnswer(
        **session.header("verify.v1", None, hub=None),
        path=shown,
        against=model.id if model else None,
        revision=model.commit if model else None,
        verdict=verdict,
        digests=digests,
        matches=(),
        differences=tuple(compared.differences[:MAX_DIFFERENCES]) if compared else (),
        unchecked=tuple(compared.unchecked) if compared else (),
        notes=tuple(compared.notes) if compared else (),
        lock=str(lock_file),
    )


class _Comparison:
    """Compare local files with those of a locked model, one by one."""

    def __init__(self, model: LockedModel, local: Mapping[str, _LocalFile], *, alone: bool) -> None:
        self.model, self.alone = model, alone
        self.differences: list[Difference] = []
        self.unchecked: list[Unchecked] = []
        self.notes: list[str] = []
        if not model.files:
            what = f"the files of {model.id}"
            self.unchecked.append(Unchecked(what=what, reason=model.incomplete or "the lock does not list them"))
        elif alone:
            self._compare_alone(next(iter(local.items())))
        else:
            self._compare_folder(local)

    @property
    def verdict(self) -> VerifyVerdict:
        """Return what the comparison gives: a difference takes precedence over what is unchecked."""
        return "different" if self.differences else "unchecked" if self.unchecked else "equal"

    def _compare_alone(self, item: tuple[str, _LocalFile]) -> None:
        """Compare a file alone with the file that it is, or with those of its name."""
        name, file = item
        if any(file.is_file(identity) for identity in self.model.files.values()):
            return
        named = [path for path in self.model.files if path.rpartition("/")[2] == name]
        if not named:
            self._add_extra(name, file)
        for path in named[:1]:
            self._compare(path, file)

    def _compare_folder(self, local: Mapping[str, _LocalFile]) -> None:
        files = self.model.files
        for path in sorted(files.keys() & local.keys()):
            self._compare(path, local[path])
        extra = sorted(local.keys() - files.keys())
        for path in extra:
            if not is_document(path):
                self._add_extra(path, local[path])
        documents = [path for path in extra if is_document(path)]
        if documents:
            self.notes.append(f"not in the locked commit: {few(documents)}")
        self._add_missing(sorted(files.keys() - local.keys()), set(local))

    def _compare(self, path: str, file: _LocalFile) -> None:
        identity = self.model.files[path]
        if file.lack is not None:
            self.unchecked.append(Unchecked(what=path, reason=file.lack))
        elif identity == "unknown":
            self.unchecked.append(Unchecked(what=path, reason="the lock does not have its hash"))
        elif not file.is_file(identity):
            self.differences.append(Difference(what=path, expected=identity, found=file.identity_like(identity)))

    def _add_extra(self, path: str, file: _LocalFile) -> None:
        if file.lack is not None:
            self.unchecked.append(Unchecked(what=path, reason=f"the locked commit does not have it, and {file.lack}"))
        else:
            self.differences.append(Difference(what=path, expected=None, found=file.identity_like(None)))

    def _add_missing(self, missing: Sequence[str], here: set[str]) -> None:
        """Report locked files that are not here: unchecked if a loader reads them, else in a note."""
        entries = [FileEntry(path=path) for path in sorted(self.model.files)]
        groups = weight_groups(entries)
        had = {group.name for group in groups if set(group.files) & here}
        lacking = {path for group in groups if group.name in had for path in group.files if path not in here}
        lacking |= {path for group in missing_groups(groups, sorted(self.model.files), had) for path in group.files}
        weights = {path for group in groups for path in group.files}
        needed = [path for path in missing if path in lacking or not (path in weights or is_document(path))]
        fetch = (
            f"hf download {self.model.id} --revision {self.model.commit}" if is_commit_id(self.model.commit) else None
        )
        for path in needed:
            reason = "the locked commit has it, and it is not here"
            self.unchecked.append(Unchecked(what=path, reason=reason, decide_with=fetch))
        others = [path for path in missing if path not in needed]
        if others:
            self.notes.append(f"locked, and not here: {few(others)}")


def _of_parameters(session: Session, models: Sequence[LockedModel], path: Path) -> LockedModel | None:
    """Find the model whose parameters local weights have in other files."""
    measured = _measured(session, path) if any(model.weights_digest for model in models) else None
    held = {group.digests.weights for group in measured.groups} - {None} if measured else set()
    return next((model for model in models if model.weights_digest in held), None)


def _measured(session: Session, path: Path) -> Measured | None:
    """Read local weights in full; None if that is not possible."""
    try:
        return measure_path(session.files_on_disk, path, "full", session.progress)
    except LineageError:
        return None


def _is_of_weights(path: str) -> bool:
    """Return whether a file holds weights, or lists the files that do."""
    return is_weight_file(path) or INDEX.search(path) is not None


def _same_parameters(session: Session, path: Path, compared: _Comparison) -> Digests | None:
    """Return the digests of local weights that are the locked parameters in other files; None if they are not.

    Nothing but weights may differ, and every group must have the locked digest: a loader might take any of them. A
    pickle with the same parameters may also call something, so it is never equal in other bytes.
    """
    locked = compared.model.weights_digest
    others = [each.what for each in compared.differences if not _is_of_weights(each.what)]
    measured = _measured(session, path) if locked and not others else None
    if measured is None:
        return None
    formats = {group.group.format for group in measured.groups}
    if measured.problems or measured.incomplete or measured.gone or not formats or formats - _WITHOUT_CODE:
        return None
    if {group.digests.weights for group in measured.groups} != {locked}:
        return None
    return (measured.main or measured.groups[0]).digests

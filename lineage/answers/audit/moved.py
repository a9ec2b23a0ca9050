"""What changed between the files that a lock has of a model and those of the commit that a product loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage.audit.lock.documents import is_document
from lineage.audit.used_files import main_weights, used_weights
from lineage.errors import few
from lineage.fingerprint.groups import INDEX
from lineage.fingerprint.weight_files import weight_format

if TYPE_CHECKING:
    from lineage.answers.audit.facts import Known
    from lineage.audit.policy.facts import Asked
    from lineage_schemas.answers.audit import AuditedWeights
    from lineage_schemas.lock import LockedModel

UNKNOWN = "unknown"
"""What a lock has for a file whose hash the Hub did not give."""

WITHOUT_CODE = frozenset({"safetensors", "gguf"})
"""Formats whose files are the same to a loader if their tensors are."""


@dataclass(frozen=True)
class Moved:
    """Hold which files of a locked model have another content now, by what a loader does with them.

    `same` is whether the weights that the product loads are the locked ones, by files or else by tensors; None if that
    is not known. `weights` are changed files among them, `others` all further files that a loader may read, `documents`
    those that none reads. `unseen` says why it is not known which files changed. `other_digests` is whether the main
    weights have another digest than the lock.
    """

    same: bool | None
    weights: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    unseen: str | None = None
    other_digests: bool = False

    @property
    def changed(self) -> tuple[str, ...]:
        """All files that changed."""
        return self.weights + self.others + self.documents

    @staticmethod
    def of(entry: LockedModel, known: Known, asked: Asked) -> Moved:
        """Compare the files of a lock with those of a commit, as far as both are known."""
        main = next((each for each in known.weights if each.main), None)
        by_digest = _same_weights(entry, main)
        if known.facts.files is None or not entry.files:
            words = "its files are not known" if entry.files else "the lock does not list them"
            return Moved(by_digest, unseen=words, other_digests=by_digest is False)
        locked, now = entry.files, {path: identity or UNKNOWN for path, identity in known.files.items()}
        paths = sorted(locked) if entry.incomplete else sorted(locked.keys() | now.keys())
        unseen = {path for path in paths if UNKNOWN in (locked.get(path), now.get(path))}
        changed = [path for path in paths if path not in unseen and locked.get(path) != now.get(path)]
        used = used_weights(asked.references, locked) | used_weights(asked.references, now)
        weights = tuple(path for path in changed if path in used)
        if weights and not used <= main_weights(locked) | main_weights(now):
            same: bool | None = False  # the lock has no digest of the tensors of these
        else:
            same = by_digest if weights or used & unseen else True
        rest = [path for path in changed if not weights or not (path in weights or INDEX.search(path))]
        if same:  # in other files, or a pickle that may call something else now
            rest = sorted({*rest, *(path for path in weights if weight_format(path) not in WITHOUT_CODE)})
        hidden = [path for path in sorted(unseen) if path not in used and not is_document(path)]
        return Moved(
            same,
            weights,
            tuple(path for path in rest if not is_document(path)),
            tuple(path for path in rest if is_document(path)),
            f"the hash of {few(hidden)} is not known" if hidden else entry.incomplete,
            _has_other_digests(entry, main),
        )


def _has_other_digests(entry: LockedModel, main: AuditedWeights | None) -> bool:
    """Return whether a digest that both sides know differs: of one commit they are the same."""
    if main is None:
        return entry.files_digest is not None
    pairs = ((entry.files_digest, main.files or None), (entry.weights_digest, main.weights))
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def _same_weights(entry: LockedModel, main: AuditedWeights | None) -> bool | None:
    """Return whether the main weights are the locked ones, by files or else by tensors; None if that is not known."""
    if main is None:
        return None
    if entry.files_digest is not None and entry.files_digest == main.files:
        return True
    if entry.weights_digest is not None and main.weights is not None:
        return entry.weights_digest == main.weights
    return False if entry.files_digest is not None and main.files and entry.weights_digest is None else None

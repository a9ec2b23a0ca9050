"""The models of a product against its lock file: what is not locked, what moved, and whether that was announced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.answers.audit.history import changes_since
from lineage.answers.sources import hubs_of_project
from lineage.audit.lock.read import load_lock
from lineage.audit.lock.wanted import entry_of, wanted_models
from lineage.audit.policy.facts import Problem, places_of
from lineage.errors import InputError, few
from lineage.fingerprint.weight_files import is_weight_file
from lineage_schemas.lock import LOCK_FILE
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.audit.facts import Known
    from lineage.answers.audit.used import UsedModel
    from lineage.answers.session import Session
    from lineage.audit.policy.facts import Asked
    from lineage.collect.options import CollectOptions
    from lineage.store.interface import StoreView
    from lineage_schemas.answers.answer import Severity
    from lineage_schemas.answers.audit import AuditedWeights
    from lineage_schemas.lock import Lock, LockedModel
    from lineage_schemas.reference import Place


def read_lock_of(path: Path, file: Path | None) -> tuple[Lock, Path]:
    """Read the lock file of a product. Raises InputError if there is none, and if it is not understood."""
    where = file or path / LOCK_FILE
    found = load_lock(where)
    if found is None:
        raise InputError(f"there is no lock file {where}", hint=f"`lineage lock {path}` writes it")
    return found, where


@dataclass(frozen=True)
class Locked:
    """Compare used models with a lock; `file` is how messages name it."""

    session: Session
    view: StoreView
    lock: Lock
    file: str
    options: CollectOptions

    def problems(self, used: UsedModel, known: Known) -> Iterator[Problem]:
        """Find what differs between the lock and a used model at the commit that is judged."""
        for asked in used.asked:
            entry = self._entry(asked)
            if entry is None:
                words = f"{known.facts.id}{f'@{asked.revision}' if asked.revision else ''} is not in {self.file}"
                yield Problem("not-locked", words, known.facts.pointer(), places=places_of(asked.references))
            elif asked.commit is not None:
                yield from self._compared(used, known, asked, entry)

    def _entry(self, asked: Asked) -> LockedModel | None:
        """Find the entry of a lock for a revision, under any name by which the product asks for it."""
        wanted = wanted_models(asked.references, hubs_of_project(self.session))
        return next((entry for each in wanted if (entry := entry_of(self.lock, each)) is not None), None)

    def _compared(self, used: UsedModel, known: Known, asked: Asked, entry: LockedModel) -> Iterator[Problem]:
        facts, places = known.facts, places_of(asked.references)
        main = next((each for each in known.weights if each.main), None)
        if entry.commit is None or entry.incomplete is not None:
            what = f"whether {facts.id} is what was locked"
            reason = entry.incomplete or f"{self.file} has no commit of it"
            item = Unchecked(what=what, reason=reason, decide_with=f"lineage lock --upgrade {facts.id}")
            message = f"{what} is not known: {reason}"
            yield Problem("locked-model-changed", message, facts.pointer(), "info", places, item)
        if entry.commit is not None:
            same = _same_weights(entry, main)
            if entry.commit != asked.commit:
                yield from self._moved(used, known, asked, entry, same=same)
            elif same is False:
                message = f"{facts.id} has other weights at {asked.commit} than {self.file} has"
                yield Problem("weights-changed-since-lock", message, facts.pointer(), places=places)
            else:
                yield from self._altered(known, entry, places)
        if entry.licence != facts.licences.text and facts.is_readable:
            was, now = entry.licence or "no licence", facts.licences.text or "no licence"
            message = f"the licence of {facts.id} was {was} when it was locked, and is {now}"
            yield Problem("locked-model-changed", message, facts.pointer("README.md", "license"), "warning", places)

    def _altered(self, known: Known, entry: LockedModel, places: tuple[Place, ...]) -> Iterator[Problem]:
        """Report files that have other hashes in the lock than at the same commit: the lock itself was changed."""
        facts = known.facts
        if facts.files is None:
            return
        unseen = "unknown" if entry.incomplete else None  # what could not be seen when it was locked
        altered = [path for path, now in known.files.items() if now and entry.files.get(path, now) not in (now, unseen)]
        altered += entry.files.keys() - known.files.keys()
        absent = [] if entry.incomplete else sorted(known.files.keys() - entry.files.keys())
        for paths, words in ((sorted(altered), "does not have the hash"), (absent, "does not list the file")):
            if paths:
                rule = "weights-changed-since-lock" if any(map(is_weight_file, paths)) else "locked-model-changed"
                message = f"{self.file} {words} that {facts.id} has at {entry.commit}: {few(paths)}"
                yield Problem(rule, message, facts.pointer(), places=places)

    def _moved(
        self, used: UsedModel, known: Known, asked: Asked, entry: LockedModel, *, same: bool | None
    ) -> Iterator[Problem]:
        """Report a revision that points at another commit than when it was locked."""
        facts, places = known.facts, places_of(asked.references)
        assert entry.commit is not None
        moved = f"{facts.id} was locked at {entry.commit} and is at {asked.commit}"
        if same:
            yield Problem("locked-model-changed", f"{moved}, with the same weights", facts.pointer(), "info", places)
            return
        since = changes_since(self.session, self.view, used, entry.commit, self.options)
        if since.is_lost:
            words = f"{moved}; the locked commit is not in its history any more"
            yield Problem("pinned-commit-vanished", words, facts.pointer(), places=places)
            return
        item = None
        if same is None and not since.changes:
            item = Unchecked(
                what=f"whether the weights of {facts.id} are those that were locked",
                reason="neither a digest nor a recorded change decides it",
                decide_with=f"lineage compare {facts.id}@{entry.commit} {facts.id}@{asked.commit}",
            )
        how = f": {since.words}" if since.changes else ""
        rule = "weights-changed-since-lock" if since.changes or same is False else "locked-model-changed"
        severity: Severity | None = "warning" if since.changes and not since.silent else None
        yield Problem(rule, f"{moved}{how}", facts.pointer(), severity, places, item)


def _same_weights(entry: LockedModel, main: AuditedWeights | None) -> bool | None:
    """Return whether the main weights are the locked ones, by files or else by tensors; None if that is not known."""
    if main is None:
        return None
    if entry.files_digest is not None and entry.files_digest == main.files:
        return True
    if entry.weights_digest is not None and main.weights is not None:
        return entry.weights_digest == main.weights
    return False if entry.files_digest is not None and main.files and entry.weights_digest is None else None

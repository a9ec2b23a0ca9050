"""The models of a product against its lock file: what is not locked, what moved, and whether that was announced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.answers.audit.history import changes_since
from lineage.answers.audit.moved import Moved
from lineage.answers.locking import parents_of
from lineage.answers.sources import hubs_of_project
from lineage.audit.lock.compare import parent_differences
from lineage.audit.lock.read import load_lock
from lineage.audit.lock.settle import settled_parents
from lineage.audit.lock.wanted import entry_of, wanted_models
from lineage.audit.policy.facts import Problem, places_of
from lineage.errors import InputError, few
from lineage.fingerprint.weight_files import is_weight_file
from lineage_schemas.ids import split_model_key
from lineage_schemas.lock import LOCK_FILE
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.audit.facts import Known
    from lineage.answers.audit.history import Since
    from lineage.answers.audit.used import UsedModel
    from lineage.answers.session import Session
    from lineage.audit.policy.facts import Asked, ModelFacts
    from lineage.collect.options import CollectOptions
    from lineage.store.interface import StoreView
    from lineage_schemas.answers.finding import Severity
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
        if entry.commit is None or entry.incomplete is not None:
            what = f"whether {facts.id} is what was locked"
            reason = entry.incomplete or f"{self.file} has no commit of it"
            item = Unchecked(what=what, reason=reason, decide_with=f"lineage lock --upgrade {facts.id}")
            message = f"{what} is not known: {reason}"
            yield Problem("locked-model-changed", message, facts.pointer(), "info", places, item)
        if entry.commit is not None:
            moved = Moved.of(entry, known, asked)
            if entry.commit != asked.commit:
                yield from self._moved(used, known, asked, entry, moved)
            elif moved.other_digests and not moved.changed:
                message = f"{self.file} has other digests of the weights of {facts.id} than {asked.commit} has"
                yield Problem("weights-changed-since-lock", message, facts.pointer(), places=places)
            else:
                yield from self._altered(known, entry, places)
        if entry.licence != facts.licences.text and facts.is_readable:
            was, now = entry.licence or "no licence", facts.licences.text or "no licence"
            message = f"the licence of {facts.id} was {was} when it was locked, and is {now}"
            yield Problem("locked-model-changed", message, facts.pointer("README.md", "license"), "warning", places)
        yield from self._parents(known, entry, places)

    def _parents(self, known: Known, entry: LockedModel, places: tuple[Place, ...]) -> Iterator[Problem]:
        """Report parents that are not the locked ones, as `lock --check` does; edges are of the commit read last."""
        facts = known.facts
        node = self.view.nodes("Model", [known.key]).get(known.key) or {}
        if facts.commit is None or node.get("head") != facts.commit:
            return
        found = parents_of(self.view, known.key, split_model_key(known.key)[0])
        now = entry.model_copy(update={"parents": settled_parents(entry, entry.model_copy(update={"parents": found}))})
        for each in parent_differences(entry, now):
            was, seen = each.locked or "no parent", each.now or "no parent"
            message = f"{each.name} was locked as a parent of {facts.id}: {was}; now {seen}"
            yield Problem("locked-model-changed", message, facts.pointer(), "warning", places)

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
        self, used: UsedModel, known: Known, asked: Asked, entry: LockedModel, moved: Moved
    ) -> Iterator[Problem]:
        """Report a revision that points at another commit than when it was locked, and which files changed."""
        facts, places = known.facts, places_of(asked.references)
        assert entry.commit is not None
        words = f"{facts.id} was locked at {entry.commit} and is at {asked.commit}"
        if not moved.same:
            since = changes_since(self.session, self.view, used, entry.commit, self.options)
            yield from self._other_weights(facts, entry, asked, moved, since)
            if since.is_lost:
                return
        if moved.others:
            message = f"{words}; these files changed: {few(moved.others)}"
            yield Problem("locked-model-changed", message, facts.pointer(moved.others[0]), places=places)
        elif moved.same and moved.unseen:
            item = Unchecked(
                what=f"which files of {facts.id} changed since it was locked",
                reason=moved.unseen,
                decide_with=f"lineage diff {facts.id}@{entry.commit} {facts.id}@{asked.commit}",
            )
            message = f"{words}, with the same weights; which other files changed is not known: {moved.unseen}"
            yield Problem("locked-model-changed", message, facts.pointer(), "info", places, item)
        elif moved.same:
            documents = f"; {few(moved.documents)} changed" if moved.documents else ""
            message = f"{words}, with the same weights, configs and code{documents}"
            yield Problem("locked-model-changed", message, facts.pointer(), "info", places)

    def _other_weights(
        self, facts: ModelFacts, entry: LockedModel, asked: Asked, moved: Moved, since: Since
    ) -> Iterator[Problem]:
        """Report weights that are not the locked ones, or are not known to be; a warning if that was announced."""
        places = places_of(asked.references)
        words = f"{facts.id} was locked at {entry.commit} and is at {asked.commit}"
        if since.is_lost:
            words = f"{words}; the locked commit is not in its history any more"
            yield Problem("pinned-commit-vanished", words, facts.pointer(), places=places)
            return
        item = None
        if moved.same is None and not since.changes:
            item = Unchecked(
                what=f"whether the weights of {facts.id} are those that were locked",
                reason="neither a digest nor a recorded change decides it",
                decide_with=f"lineage compare {facts.id}@{entry.commit} {facts.id}@{asked.commit}",
            )
        how = f": {since.words}" if since.changes else ""
        files = f"; the product loads {few(moved.weights)}" if moved.weights else ""
        rule = "weights-changed-since-lock" if since.changes or moved.same is False else "locked-model-changed"
        announced = since.changes and not since.silent and since.files.issuperset(moved.weights)
        severity: Severity | None = "warning" if announced else None
        yield Problem(rule, f"{words}{how}{files}", facts.pointer(), severity, places, item)

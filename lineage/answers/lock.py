"""`lineage lock`: pin the models that a source tree uses, or check that they are pinned."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.answers.locking import Locking, lock_models
from lineage.answers.project import used_settings
from lineage.answers.sources import hubs_of_project, search_sources
from lineage.atomic import replacing
from lineage.audit.lock.compare import compare
from lineage.audit.lock.read import load_lock
from lineage.audit.lock.wanted import Wanted, entry_of, is_entry_of, unresolved_places, wanted_models
from lineage.audit.lock.write import write_lock
from lineage.errors import InputError, few
from lineage_schemas.answers.lock import LockAnswer, LockOutcome, LockState, LockVerdict
from lineage_schemas.lock import LOCK_FILE, Lock, LockDifference, LockedModel
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.audit.discovery.discover import Discovery

COMMAND = "lineage lock"

MAX_UNREAD = 20
"""Files of the sources that were not read and are listed one by one."""


def lock(
    session: Session,
    path: Path,
    *,
    lock_file: Path | None = None,
    check: bool = False,
    upgrade: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> LockAnswer:
    """Lock the models that the sources in `path` use, in `lock_file` or `lineage.lock` there.

    A model that is locked stays at its commit; those in `upgrade` move to where their revision points now. `check`
    writes nothing. `exclude` are patterns of files that are not searched. A model whose commit cannot be found keeps
    its entry, and so does one that is no longer found while some files could not be read. Raises InputError for a lock
    file that is not understood, a model to upgrade that is not used, and sources that use no model.
    """
    file = lock_file or path / LOCK_FILE
    if lock_file is None:
        _refuse_link_out_of(path, file)
    locked = load_lock(file)
    found = search_sources(session, path, exclude)
    wanted = wanted_models(found.references, hubs_of_project(session))
    if not wanted:
        raise InputError(
            f"no model was found in {path}{_unread_note(found)}",
            hint="name its models under [models] of lineage.toml, or give the folder of the sources",
        )
    before = locked or Lock()
    locking = lock_models(session, wanted, before, upgrade=_to_upgrade(upgrade, wanted, before))
    orphans = [each for each in before.model if not any(is_entry_of(each, one) for one in wanted)]
    kept = orphans if found.unread else []
    after = Lock(model=tuple(sorted((*locking.models, *kept), key=lambda model: model.key)))
    differences = _differences(before, after, locking, check=check)
    written = not check and bool(after.model) and (bool(differences) or locked is None)
    if written:
        with replacing(file, "name another file: --lock FILE") as opened:
            opened.write(write_lock(after).encode())
    options = f" {shlex.quote(str(path))}" if path != Path() else ""
    options += f" --lock {shlex.quote(str(lock_file))}" if lock_file is not None else ""
    hub = f" --hub {shlex.quote(session.hub_selector)}" if session.hub_selector is not None else ""
    unchecked = tuple(_of_this_run(each, options, hub) for each in (*locking.unchecked, *_unread(found, kept)))
    return LockAnswer(
        **session.header("lock.v1", datetime.now(UTC), settings=used_settings(session.project)),
        path=str(path),
        file=str(file),
        verdict=_verdict(differences, unchecked),
        written=written,
        models=tuple(_states(before, after, locking, orphans, kept)),
        differences=differences,
        behind=tuple(locking.behind),
        unchecked=unchecked,
        notes=tuple(_notes(found)),
    )


def _refuse_link_out_of(path: Path, file: Path) -> None:
    """Raise InputError if a product's own lock file is a link out of its repository: a stranger chose the target."""
    folder = path.resolve()
    tree = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)
    target = Path(os.path.realpath(file))
    if file.is_symlink() and not target.is_relative_to(tree):
        message = f"{file} is a link to {target}, which is outside of {tree}"
        raise InputError(message, hint="copy the file here, or name it: --lock FILE")


def _of_this_run(each: Unchecked, options: str, hub: str) -> Unchecked:
    """Write the command that decides something for the folder, the lock file and the Hub of this run."""
    command = each.decide_with
    if command is None:
        return each
    if command.startswith(COMMAND):
        command = f"{COMMAND}{options}{command.removeprefix(COMMAND)}"
    return each.model_copy(update={"decide_with": f"{command}{hub}"})


def _to_upgrade(names: Sequence[str], wanted: Sequence[Wanted], locked: Lock) -> Iterator[Wanted]:
    """Find the wanted models that are to move. Raises InputError for a name that no source uses."""
    for name in names:
        found = [each for each in wanted if each.is_named(name) or _is_id_of(name, entry_of(locked, each))]
        if not found:
            near = get_close_matches(name, [each.name for each in wanted], n=1)
            hint = f"did you mean {near[0]}?" if near else f"the sources use {few([each.name for each in wanted])}"
            raise InputError(f"--upgrade {name}: the sources do not use this model", hint=hint)
        yield from found


def _is_id_of(name: str, entry: LockedModel | None) -> bool:
    return entry is not None and entry.id.lower() == name.lower()


def _differences(before: Lock, after: Lock, locking: Locking, *, check: bool) -> tuple[LockDifference, ...]:
    """List what changes in the lock; a commit that the Hub no longer has is a difference that only a check reports."""
    return (*compare(before, after), *(locking.vanished if check else ()))


def _verdict(differences: Sequence[LockDifference], unchecked: Sequence[Unchecked]) -> LockVerdict:
    return "changed" if differences else "unchecked" if unchecked else "current"


def _states(
    before: Lock, after: Lock, locking: Locking, orphans: Iterable[LockedModel], kept: Collection[LockedModel]
) -> Iterator[LockState]:
    """Name each model with what happened to it: those of the new lock, those that were never resolved, removed ones."""
    locked = {model.key: model for model in before.model}
    for model in after.model:
        by = [wanted for wanted, entry in locking.entries.items() if entry.key == model.key]
        places = tuple(dict.fromkeys(place for each in by for place in each.places))
        unresolved = any(each in locking.unresolved for each in by)
        outcome = "unresolved" if unresolved else _outcome(locked.get(model.key), model)
        yield _state(model, outcome).model_copy(update={"places": places})
    for wanted in sorted(locking.unresolved - locking.entries.keys(), key=lambda each: each.name):
        yield LockState(
            id=wanted.name, hub=wanted.hub, revision=wanted.revision, outcome="unresolved", places=wanted.places
        )
    for model in orphans:
        if model not in kept:
            yield _state(model, "removed")


def _outcome(before: LockedModel | None, after: LockedModel) -> LockOutcome:
    if before is None:
        return "added"
    return "kept" if before.commit == after.commit else "moved"


def _state(model: LockedModel, outcome: LockOutcome) -> LockState:
    return LockState(id=model.id, hub=model.hub, revision=model.revision, commit=model.commit, outcome=outcome)


def _unread(found: Discovery, kept: Sequence[LockedModel]) -> Iterator[Unchecked]:
    """Report the files that could not be read, and the models that stay locked because these may use them."""
    for each in found.unread[:MAX_UNREAD]:
        exclude = f"lineage lock --exclude {shlex.quote(f'/{each.file}')}"
        yield Unchecked(what=each.file, reason=f"it was not read: {each.reason}", decide_with=exclude)
    if len(found.unread) > MAX_UNREAD:
        yield Unchecked(what=f"{len(found.unread) - MAX_UNREAD} further files", reason="they were not read either")
    for model in kept:
        yield Unchecked(
            what=f"whether {model.id} is still used",
            reason="no file that was read uses it, and some were not read; it stays as it is locked",
        )


def _notes(found: Discovery) -> Iterator[str]:
    """Name the places that load a model and do not say which one, which no lock can pin, and what was excluded."""
    excluded = _excluded(found)
    if excluded:
        yield f"not searched, because of --exclude: {few(excluded)}"
    places = [f"{place.file}:{place.line}" for place, _ in unresolved_places(found.references)]
    if places:
        yield f"not locked, because the sources do not show which model is loaded: {few(places)}"


def _unread_note(found: Discovery) -> str:
    count = len(found.unread)
    unread = f", and {count} file{'s' if count > 1 else ''} could not be read" if count else ""
    excluded = _excluded(found)
    return unread + (f"; not searched, because of --exclude: {few(excluded)}" if excluded else "")


def _excluded(found: Discovery) -> list[str]:
    return [each.path for each in found.left_out if each.reason == "excluded"]

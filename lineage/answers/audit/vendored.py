"""Weights that lie in a product's own tree: which recorded model they are, and what loading them would call."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lineage.answers.search import search
from lineage.audit.policy.facts import Problem
from lineage.collect.measuring import measure_path
from lineage.errors import LineageError, ends_the_run
from lineage.unexpected import contained
from lineage_schemas.answers.audit import AuditUnchecked
from lineage_schemas.pointer import Pointer
from lineage_schemas.reference import Place, Reference

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.collect.measuring import Measured
    from lineage_schemas.answers.verify import Match

MAX_NAMES = 5
"""Names of a pickle that a message lists."""


class Vendored(NamedTuple):
    """Hold the references that weights in the tree stand for, what is wrong with them, and those that are not known."""

    references: tuple[Reference, ...] = ()
    problems: tuple[Problem, ...] = ()
    unchecked: tuple[AuditUnchecked, ...] = ()


def identify(session: Session, root: Path, weights: Sequence[str], used: Iterable[str]) -> Vendored:
    """Find the recorded revisions that hold the weights of a tree, by fingerprint; `used` are preferred.

    Weights that no recorded revision has are unchecked: they may be changed ones.
    """
    references: list[Reference] = []
    problems: list[Problem] = []
    unchecked: list[AuditUnchecked] = []
    wanted = {model.lower() for model in used}
    for path in weights:
        place = Place(file=path, line=1, column=1)
        shown = str(root / path)
        try:
            with contained(shown):
                local = measure_path(session.files_on_disk, root / path, "full", session.progress)
                found = search(session, shown, local) if local.groups else None
        except LineageError as error:
            if ends_the_run(error):
                raise
            unchecked.append(_unknown(path, shown, error.in_one_line, place))
            continue
        problems += _calls(local, path, place)
        if found is None:
            unchecked.append(_unknown(path, shown, f"no weight file could be read{local.missing_note}", place))
        elif found.verdict == "known" and (match := _chosen(found.matches, wanted)) is not None:
            references.append(_reference(match, place))
        elif found.verdict == "known":
            names = ", ".join(dict.fromkeys(each.model for each in found.matches[:MAX_NAMES]))
            unchecked.append(_unknown(path, shown, f"only models of other Hubs have these weights: {names}", place))
        else:
            reason = "; ".join(f"{each.what}: {each.reason}" for each in found.unchecked[:MAX_NAMES])
            words = f"no recorded revision has these weights{f' ({reason})' if reason else ''}"
            unchecked.append(_unknown(path, shown, words, place))
    return Vendored(tuple(references), tuple(problems), tuple(unchecked))


def _chosen(matches: Sequence[Match], wanted: set[str]) -> Match | None:
    """Choose one of the models that have the same weights: one that the product names, else the first.

    None if they are all on other Hubs, whose models answers show with a prefix.
    """
    own = [match for match in matches if ":" not in match.model]
    return next((match for match in own if match.model.lower() in wanted), own[0] if own else None)


def _reference(match: Match, place: Place) -> Reference:
    pinned = len(match.revision) == 40
    return Reference(
        model=match.model, canonical=match.model, revision=match.revision, pinned=pinned, grade="certain",
        **place.model_dump(),
    )  # fmt: skip


def _unknown(path: str, shown: str, reason: str, place: Place) -> AuditUnchecked:
    return AuditUnchecked(
        what=f"which model the weights in {path} are", reason=reason,
        decide_with=f"lineage verify {shlex.quote(shown)} --against ORG/NAME", places=(place,),
    )  # fmt: skip


def _calls(local: Measured, path: str, place: Place) -> list[Problem]:
    """Find pickles that call more than checkpoints need."""
    found = []
    for group in local.groups:
        if group.calls:
            left = len(group.calls) - MAX_NAMES
            names = ", ".join(group.calls[:MAX_NAMES]) + (f" and {left} more" if left > 0 else "")
            message = f"loading {group.group.name} in {path} would call {names}"
            pointer = Pointer(model=path, file=group.group.name)
            found.append(Problem("pickle-calls", message, pointer, places=(place,)))
    return found

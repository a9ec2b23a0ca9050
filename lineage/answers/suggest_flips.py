"""The flip rate of a new version, from per-instance results, as a rule of levels needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.versioning.compat.limit import DEFAULT_LIMIT
from lineage.versioning.suggest.level import Flips

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage_schemas.pointer import Pointer


def flips_of(session: Session, evals: tuple[str, str], pointer: Pointer) -> tuple[Flips, ...]:
    """Judge each task of two results by the limit of the project file, or by the default of 2 %.

    What could not be compared is open. Raises InputError for a path without results.
    """
    from lineage.answers.compat import compat
    from lineage.answers.compat_tasks import CompatOptions

    project = session.project.file.compat.max_nfr if session.project else None
    limit = DEFAULT_LIMIT if project is None else project
    answer = compat(session, *evals, options=CompatOptions(limit=limit))
    found = []
    for task in answer.tasks:
        if task.nfr is None or task.verdict == "unjudged":
            found.append(Flips(None, pointer, f"{task.task}: the negative flip rate could not be judged", task.task))
            continue
        low, value = 100 * task.nfr.low, 100 * task.nfr.value
        text = f"{task.task}: {value:.2f} % negative flips, lower bound {low:.2f} %, limit {100 * limit:g} %"
        found.append(Flips(task.verdict == "above", pointer, text, task.task))
    found += [Flips(None, pointer, f"{each.what}: {each.reason}") for each in answer.unchecked]
    return tuple(found)

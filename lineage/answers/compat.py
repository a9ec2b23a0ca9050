"""`lineage compat`: does a new version still answer right where the old one did?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lineage.answers.compat_regime import regime_of
from lineage.answers.compat_tasks import (
    CompatOptions,
    PairedTask,
    compare_task,
    interval,
    nfr_of,
    printed_mean,
    side_of,
)
from lineage.answers.project import used_settings
from lineage.errors import few
from lineage.evals.read import Results, read_results
from lineage.evals.row import UNNAMED_TASK
from lineage.evals.tables import TableKey, Tables
from lineage.versioning.compat.limit import overall
from lineage.versioning.compat.pairing import pair
from lineage.versioning.compat.quadrants import change_of_nfr
from lineage_schemas.answers.compat import ComparedTask, CompatAnswer, Compatible, CompatibleTask, ResultsSource
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage_schemas.answers.compat import CompatVerdict


def compat(
    session: Session,
    old: str,
    new: str,
    *,
    compatible: str | None = None,
    models: tuple[str, str] | None = None,
    tasks: Sequence[str] = (),
    options: CompatOptions | None = None,
) -> CompatAnswer:
    """Compare the results of an old and a new version, instance by instance.

    `old`, `new` and `compatible`, a third model's, are paths of files or folders of results. Without `models` neither a
    store nor a Hub is opened; with the two models, their tokenizers are compared. A limit in `options` takes
    precedence over that of the project file. Raises InputError for a path without results, HubError for a model
    that cannot be read.
    """
    chosen = _with_limit(session, options or CompatOptions())
    sides = [read_results(path, tasks=tasks, progress=session.progress) for path in (old, new)]
    third = read_results(compatible, tasks=tasks, progress=session.progress) if compatible is not None else None
    _name_alike([side for side in (*sides, third) if side])
    before, after = sides
    paired = [PairedTask(key, before, after) for key in before.tables if key in after.tables]
    compared = tuple(compare_task(task, before, after, chosen) for task in paired)
    against = _compatible(third, paired, chosen) if third else None
    unchecked = (
        *_unchecked(before, after, third, paired, compared, chosen),
        *_unknown_tasks(tasks, before, after),
        *(_unchecked_third(against) if against else ()),
    )
    regime, reason = regime_of(session, before.summary, after.summary, models)
    return CompatAnswer(
        **session.header("compat.v1", None, hub=None, settings=used_settings(session.project)),
        old=source_of(before),
        new=source_of(after),
        epsilon=chosen.epsilon,
        confidence=chosen.confidence,
        seed=chosen.seed,
        resamples=chosen.resamples,
        tasks=compared,
        compatible=against,
        regime=regime,
        regime_reason=reason,
        limit=chosen.limit,
        verdict=_verdict(compared, unchecked),
        notes=tuple(dict.fromkeys(_notes(before, after, third, paired, compared, chosen.limit))),
        unchecked=unchecked,
    )


def source_of(results: Results) -> ResultsSource:
    """Describe where results come from."""
    models = results.summary.models or {file.model for file in results.files if file.model}
    return ResultsSource(
        path=results.path,
        files=len(results.files),
        rows=results.rows,
        models=tuple(sorted(models)),
        programs=tuple(sorted(results.summary.programs)),
    )


def reading_problems(results: Results) -> Iterator[Unchecked]:
    """List what could not be read of one side."""
    return (Unchecked(what=problem.what, reason=problem.reason) for problem in results.problems)


def _with_limit(session: Session, options: CompatOptions) -> CompatOptions:
    """Take the limit of the project file if the caller gives none."""
    if options.limit is not None or session.project is None:
        return options
    return options._replace(limit=session.project.file.compat.max_nfr)


def _name_alike(sides: Sequence[Results]) -> None:
    """Give a side whose only task has no name the task of the other sides, if they have one.

    The user names two files that belong together, whatever they are called.
    """
    named = {key.task for side in sides for key in side.tables} - {UNNAMED_TASK}
    if len(named) != 1:
        return
    (task,) = named
    for side in sides:
        if {key.task for key in side.tables} == {UNNAMED_TASK}:
            side.tables = Tables({key._replace(task=task): table for key, table in side.tables.items()})


def _verdict(compared: Sequence[ComparedTask], unchecked: Sequence[Unchecked]) -> CompatVerdict:
    """Combine the tasks: within the limit only if everything was checked."""
    found = overall(task.verdict for task in compared)
    return "unjudged" if found == "within" and unchecked else found


def _unchecked(
    old: Results,
    new: Results,
    third: Results | None,
    paired: Sequence[PairedTask],
    compared: Sequence[ComparedTask],
    options: CompatOptions,
) -> Iterator[Unchecked]:
    """List what could not be read or not be compared."""
    for side in (old, new, third):
        yield from reading_problems(side) if side else ()
    for key in old.tables:
        if key not in new.tables:
            yield Unchecked(what=name_of(key), reason=f"only {old.path} has results of it")
    for name in sorted({name for name, _ in old.aggregated} - {key.task for key in old.tables}):
        yield Unchecked(what=name, reason="it has no scores of single instances")
    for task, found in zip(paired, compared, strict=True):
        if not task.n:
            yield Unchecked(what=name_of(task.key), reason=f"no instance could be compared: {_why_none(task)}")
        elif options.limit is not None and found.verdict == "unjudged":
            reason = (
                f"{task.missing:,} instances of the old version were not compared; "
                "if they are flips, the rate is above the limit"
            )
            yield Unchecked(what=name_of(task.key), reason=reason)
        if third and task.key not in third.tables:
            yield Unchecked(what=name_of(task.key), reason=f"{third.path} has no results of it")
    if not paired:
        yield Unchecked(what=f"{old.path} and {new.path}", reason=_nothing_common(old, new))


def _unknown_tasks(tasks: Sequence[str], old: Results, new: Results) -> Iterator[Unchecked]:
    """List tasks that the user named and neither side has."""
    known = {key.task for side in (old, new) for key in side.tables}
    known |= {task for side in (old, new) for task, _ in side.aggregated}
    for task in dict.fromkeys(tasks):
        if task not in known:
            yield Unchecked(what=task, reason="neither side has results of this task; check --task")


def _unchecked_third(found: Compatible) -> Iterator[Unchecked]:
    """List tasks of which the third model answered no instance that the other two have."""
    for task in found.tasks:
        if task.missing and not task.n:
            key = TableKey(task.task, task.metric, task.filter)
            yield Unchecked(what=name_of(key), reason=f"{found.results.path} has none of the compared instances")


def _why_none(task: PairedTask) -> str:
    """Say why no pair was found."""
    pairs, tables = task.pairs, task.tables
    if not len(tables[0]) or not len(tables[1]):
        return "a side has no score that is a number"
    if pairs.other_prompt:
        return f"{pairs.other_prompt:,} were asked with another prompt (templates or examples differ)"
    return "the two sides have no id in common"


def _nothing_common(old: Results, new: Results) -> str:
    """Describe two sides without a common task, metric and filter."""
    left, right = (few([name_of(key) for key in side.tables]) or "nothing" for side in (old, new))
    return f"they have no task, metric and filter in common: {left}; {right}"


def name_of(key: TableKey) -> str:
    """Name a task with its metric, and its filter if it has one."""
    return f"{key.task} {key.metric}" + (f" ({key.filter})" if key.filter != "none" else "")


def _notes(
    old: Results,
    new: Results,
    third: Results | None,
    paired: Sequence[PairedTask],
    compared: Sequence[ComparedTask],
    limit: float | None,
) -> Iterator[str]:
    """List what the reader should know."""
    for side in (old, new, third):
        yield from side.notes if side else ()
    if {file.path.resolve() for file in old.files} == {file.path.resolve() for file in new.files}:
        yield "the old and the new results are the same files"
    extra = [name_of(key) for key in new.tables if key not in old.tables]
    if extra:
        yield f"only {new.path} has results of {few(extra)}: there is nothing to compare them with"
    overall_only = sorted({" ".join(each) for each in old.aggregated | new.aggregated})
    if overall_only:
        yield f"no scores of single instances, so not compared: {few(overall_only)}"
    yield from _version_notes(old, new)
    yield from _task_notes(paired, compared, limit)


def _version_notes(old: Results, new: Results) -> Iterator[str]:
    """Report different versions of the evaluation program and of tasks."""
    before, after = (", ".join(sorted(side.summary.programs)) for side in (old, new))
    if before and after and before != after:
        yield f"the results were written by different versions: {before} and {after}"
    changed = [
        f"{task} ({version} and {new.summary.versions[task]})"
        for task, version in old.summary.versions.items()
        if new.summary.versions.get(task, version) != version
    ]
    if changed:
        yield f"tasks whose version differs: {few(changed)}; their scores may not mean the same"


def _task_notes(paired: Sequence[PairedTask], compared: Sequence[ComparedTask], limit: float | None) -> Iterator[str]:
    """Report assumptions about directions, unknown answers, and rates above the limit that chance may explain."""
    for task, found in zip(paired, compared, strict=True):
        name = name_of(task.key)
        if not task.binary and task.n and not task.is_direction_known and not task.is_likelihood:
            yield f"{name}: a higher score counts as better; higher_is_better, or the harness' results_*.json, decides"
        if found.quadrants and found.nfr_mc is None and bool(task.answers()[1].any()):
            yield f"{name}: some answers are not in the files, so NFRmc is not known"
        if found.verdict == "within" and found.nfr and limit is not None and found.nfr.high > limit:
            bound = f"{100 * found.nfr.high:.1f} %"
            yield f"{name}: {found.n:,} instances do not exclude an NFR of up to {bound}, above the limit"


def _compatible(third: Results, paired: Iterable[PairedTask], options: CompatOptions) -> Compatible:
    """Compare the third model's negative flips with the new version's."""
    tasks = tuple(_third_task(third, task, options) for task in paired if task.key in third.tables)
    return Compatible(results=source_of(third), tasks=tasks)


def _third_task(third: Results, task: PairedTask, options: CompatOptions) -> CompatibleTask:
    """Compare one task on the instances that all three have."""
    import numpy

    table = third.tables[task.key]
    found = pair(side_of(task.tables[0]), side_of(table))
    _, in_pairs, in_third = numpy.intersect1d(task.pairs.old, found.old, assume_unique=True, return_indices=True)
    old, new, own = task.old[in_pairs], task.new[in_pairs], table.scores()[found.new[in_third]]
    plain, compatible = (nfr_of(old, scores, task, options) for scores in (new, own))
    delta, percent = change_of_nfr(plain and plain.value, compatible and compatible.value)
    return CompatibleTask(
        task=task.key.task,
        metric=task.key.metric,
        filter=task.key.filter,
        n=len(old),
        missing=task.n - len(old),
        acc=printed_mean(own, task),
        nfr=interval(plain),
        nfr_c=interval(compatible),
        delta=delta,
        delta_percent=percent,
    )

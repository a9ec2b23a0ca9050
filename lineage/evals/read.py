"""Read the results of one model: find the files, read them into tables, report what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lineage.errors import InputError, few
from lineage.evals.files import ACCEPTED, Found, ResultFile, find_results, task_of
from lineage.evals.records import NotResultsError, read_file
from lineage.evals.row import Row, Skipped
from lineage.evals.summary import Summary, read_summaries
from lineage.evals.tables import Place, Tables
from lineage.progress import SILENT, Progress

SHOWN_POSITIONS = 3


class Problem(NamedTuple):
    """Report what could not be read: the file or its rows, and why."""

    what: str
    reason: str


@dataclass
class Results:
    """Hold the results of one model.

    `tables` are what can be compared, `aggregated` tasks and metrics without scores for single instances. `problems`
    are what could not be read, `notes` what changes nothing and the user should know. Places number the `files`.
    """

    path: str
    files: tuple[ResultFile, ...]
    summary: Summary
    is_folder: bool
    tables: Tables = field(default_factory=Tables)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: int = 0
    aggregated: set[tuple[str, str]] = field(default_factory=set)

    def rows_of(self, file: int) -> Iterator[Row | Skipped]:
        """Read the rows of a file again, in the same order."""
        found = self.files[file]
        return read_file(found, task_of(found, is_folder=self.is_folder), self.summary.delimiters)


def read_results(path: str, *, tasks: Iterable[str] = (), progress: Progress = SILENT) -> Results:
    """Read the results at a path, of the named tasks only, or of all.

    Raises InputError if the path holds no results that can be read.
    """
    if not path.strip():
        raise InputError("the path of the results is empty", hint=f"{ACCEPTED}; check the variables of your script")
    found = find_results(Path(path))
    results = Results(path, found.files, read_summaries(found.summaries), found.is_folder)
    results.problems += [Problem(*problem) for problem in (*results.summary.problems, *found.unread)]
    wanted = frozenset(tasks)
    with progress.task(f"reading {path}", total=len(found.files)) as task:
        for number, file in enumerate(found.files):
            _read_one(results, number, file, wanted)
            task.advance(1)
    results.tables.drop_repeated_scores()
    if not results.rows:
        _refuse_empty(results, wanted)
    results.notes += _notes(found)
    return results


def _read_one(results: Results, number: int, file: ResultFile, wanted: frozenset[str]) -> None:
    """Read one file; one file of a folder that cannot be read does not end the reading of the others."""
    if wanted and file.task and file.task not in wanted:
        return
    skipped: list[Skipped] = []
    count = 0
    try:
        for position, row in enumerate(results.rows_of(number)):
            if isinstance(row, Skipped):
                count += 1
                skipped += [row] if count <= SHOWN_POSITIONS else []
            elif not wanted or row.task in wanted:
                _take(results, row, Place(number, position))
    except InputError as error:
        if not results.is_folder:
            raise
        if isinstance(error, NotResultsError) and file.task is None:
            results.notes.append(f"skipped: {error.message}")
        else:
            results.problems.append(Problem(str(file.path), error.in_one_line))
    results.problems += _skipped(file, skipped, count)


def _take(results: Results, row: Row, place: Place) -> None:
    """Add a row."""
    results.tables.add(row, place)
    results.rows += 1
    if row.higher_is_better is not None:
        for metric in row.scores:
            results.summary.higher[row.task, metric] = row.higher_is_better
    if row.aggregated:
        results.aggregated.update((row.task, metric) for metric in row.aggregated)


def _skipped(file: ResultFile, skipped: Sequence[Skipped], count: int) -> list[Problem]:
    """Report the records of a file that were skipped, with the reason of the first."""
    if not skipped:
        return []
    positions = ", ".join(str(each.position) for each in skipped)
    more = f" and {count - len(skipped):,} more" if count > len(skipped) else ""
    noun = "record" if count == 1 else "records"
    return [Problem(f"{file.path}, {noun} {positions}{more}", skipped[0].reason)]


def _refuse_empty(results: Results, wanted: frozenset[str]) -> None:
    """Raise InputError for results without any row."""
    if results.problems:
        first = results.problems[0]
        raise InputError(
            f"nothing of {results.path!r} could be read; {first.what}: {first.reason}", hint="write it again"
        )
    of_tasks = f" of {', '.join(sorted(wanted))}" if wanted else ""
    raise InputError(f"{results.path!r} has no results{of_tasks}", hint="check --task, and that the evaluation ended")


def _notes(found: Found) -> list[str]:
    """Report runs that were left out because a newer one of the same task is there."""
    if not found.earlier:
        return []
    names = few([each.path.name for each in found.earlier])
    return [f"of several runs of one task the newest is used; not read: {names}"]

"""Which files below a path hold results, in which format, and of which task."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from lineage.errors import InputError, few
from lineage.evals.row import UNNAMED_TASK

Format = Literal["lines", "csv", "parquet"]

_DATE = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?"
_HARNESS = re.compile(rf"samples_(?P<task>.+)_(?P<date>{_DATE})\.jsonl", re.DOTALL)
_LIGHTEVAL = re.compile(rf"details_(?P<task>.+)_(?P<date>{_DATE})\.parquet", re.DOTALL)
SUMMARY = re.compile(rf"results(_{_DATE})?\.json")
"""The harness' file of settings and aggregated results; early versions wrote no date."""

FORMATS: dict[str, Format] = {
    ".jsonl": "lines", ".ndjson": "lines", ".json": "lines", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet",
}  # fmt: skip

COMPRESSED = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})

MAX_FIRST_LINE = 64_000_000
"""Bytes that are read to see whether a `.json` file holds one object a line: a row may have some megabytes."""

MAX_FILES = 20_000
"""Files below one folder beyond which it is refused: it is not a folder of results."""

ACCEPTED = "results are .jsonl, .json, .csv or .parquet files, or a folder of them"


class ResultFile(NamedTuple):
    """Hold a file of results; `task` and `date` come from its name, and are None if it has another form.

    `model` is the name of the folder that the evaluation program made for the model.
    """

    path: Path
    format: Format
    task: str | None
    date: str | None
    model: str | None


class Found(NamedTuple):
    """Hold the files to read, the harness' summaries, and the files of earlier runs, which are left out.

    `unread` are entries of a folder that may hold results and cannot be read, with the reason.
    """

    files: tuple[ResultFile, ...]
    summaries: tuple[Path, ...]
    earlier: tuple[ResultFile, ...]
    is_folder: bool
    unread: tuple[tuple[str, str], ...] = ()


def find_results(path: Path) -> Found:
    """List the files of results at a path: the file itself, or all files below a folder.

    Where a folder has several runs of one task, the newest counts. Raises InputError if there is no such path, if it
    holds no results, or if the results are those of several models.
    """
    try:
        if path.is_file():
            return Found((_result_file(path),), _summaries_beside(path), (), is_folder=False)
        if not path.is_dir():
            problem = "is not a file or a folder" if path.exists() else "does not exist"
            raise InputError(f"{str(path)!r} {problem}", hint=ACCEPTED)
        paths, unread = _below(path)
        files = [_result_file(each) for each in paths if _may_hold_results(each)]
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}", hint=ACCEPTED) from error
    if not files:
        why = f"; {unread[0][0]}: {unread[0][1]}" if unread else ""
        raise InputError(
            f"{str(path)!r} holds no results{why}", hint=f"{ACCEPTED}; the harness writes them with --log_samples"
        )
    newest, earlier = _newest(path, files)
    summaries = tuple(each for each in paths if SUMMARY.fullmatch(each.name))
    return Found(tuple(newest), summaries, tuple(earlier), is_folder=True, unread=tuple(unread))


def _below(folder: Path) -> tuple[list[Path], list[tuple[str, str]]]:
    """List the files below a folder in the order of their names, and what may hold results and cannot be read.

    Raises OSError for a folder that cannot be listed.
    """
    found: list[Path] = []
    unread: list[tuple[str, str]] = []
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        links = [Path(parent, name) for name in folders if Path(parent, name).is_symlink()]
        unread += [(str(link), "links to folders are not followed; name the folder itself") for link in links]
        for path in (Path(parent, name) for name in sorted(names)):
            reason = _why_unread(path)
            if reason is None:
                found.append(path)
            else:
                unread.append((str(path), reason))
        if len(found) > MAX_FILES:
            raise InputError(
                f"{str(folder)!r} has more than {MAX_FILES:,} files", hint="name the folder of the results"
            )
    return found, unread


def _raise(error: OSError) -> None:
    raise error


def _why_unread(path: Path) -> str | None:
    """Return why a file that may hold results cannot be read; None for every other file."""
    if path.suffix.lower() in COMPRESSED and Path(path.stem).suffix.lower() in FORMATS:
        return "it is compressed; decompress it first"
    if path.suffix.lower() in FORMATS and not path.is_file():
        return "it is not a file, or a link to a missing one"
    return None


def _may_hold_results(path: Path) -> bool:
    """Return whether a file of a folder is read: any of the formats, but of `.json` only arrays and JSON lines.

    Other `.json` files are settings and summaries, which go over several lines or have the name of a summary.
    """
    if path.suffix.lower() != ".json":
        return path.suffix.lower() in FORMATS
    if SUMMARY.fullmatch(path.name):
        return False
    with path.open("rb") as file:
        line = file.readline(MAX_FIRST_LINE).removeprefix(b"\xef\xbb\xbf").strip()
    return line.startswith(b"[") or (line.startswith(b"{") and line.endswith(b"}"))


def _result_file(path: Path) -> ResultFile:
    """Describe a file by its name."""
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise InputError(f"{str(path)!r} is not a file of results", hint=ACCEPTED)
    for pattern in (_HARNESS, _LIGHTEVAL):
        match = pattern.fullmatch(path.name)
        if match:
            folder = path.parent.parent if pattern is _LIGHTEVAL else path.parent
            return ResultFile(path, form, match["task"], match["date"], folder.name or None)
    return ResultFile(path, form, None, None, None)


def task_of(file: ResultFile, *, is_folder: bool) -> str:
    """Name the task of a file: as the evaluation program did, else after the file in a folder of several."""
    return file.task or (file.path.stem.removeprefix("samples_") if is_folder else UNNAMED_TASK)


def _newest(folder: Path, files: Iterable[ResultFile]) -> tuple[list[ResultFile], list[ResultFile]]:
    """Split files into the newest of each task and earlier runs; files without a date all count."""
    of_task: dict[tuple[str, str], list[ResultFile]] = defaultdict(list)
    newest, earlier = [], []
    for file in files:
        if file.task is None or file.date is None:
            newest.append(file)
        else:
            of_task[file.task, file.format].append(file)
    for (task, _), runs in of_task.items():
        _refuse_several_models(folder, task, runs)
        runs.sort(key=lambda run: (run.date or "", str(run.path)))
        newest.append(runs[-1])
        earlier += runs[:-1]
    return newest, earlier


def _refuse_several_models(folder: Path, task: str, runs: list[ResultFile]) -> None:
    """Raise InputError if one task was run with several models: rows of two models would be mixed."""
    models = sorted({str(run.model) for run in runs})
    if len(models) > 1:
        shown = few([repr(model) for model in models])
        raise InputError(
            f"{str(folder)!r} holds results of several models for the task {task!r}: {shown}",
            hint="name the folder of one model",
        )


def _summaries_beside(path: Path) -> tuple[Path, ...]:
    """Find the summary of the same run in the file's folder."""
    match = _HARNESS.fullmatch(path.name)
    summary = path.with_name(f"results_{match['date']}.json") if match else None
    return (summary,) if summary and summary.is_file() else ()

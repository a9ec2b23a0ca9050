"""`lineage store copy`, `export` and `import`: move the graph between stores and files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lineage_cli._options import LOGGED, Command, Run, _store, _talk, runs

if TYPE_CHECKING:
    from lineage_schemas.answers.store import ExportFormat

PATH = click.Path(path_type=Path, allow_dash=True)


def _moves(*formats: str) -> Callable[[Command], Command]:
    """Add PATH, `--format` for the file and `--json` for the report to a command, which gets `path` and `run`."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_run(*, as_json: bool, store: str | None, quiet: bool, verbose: int, **given: Any) -> None:
            to_format = "json" if as_json else "table"
            run = Run(to_format=to_format, output=None, quiet=quiet, store=store, verbose=verbose)
            command(run=run, **given)

        options: list[Callable[[Command], Command]] = [
            click.argument("path", metavar="PATH", type=PATH),
            click.option(
                "--format", "file_format", type=click.Choice(formats), default=formats[0], show_default=True,
                help="File format.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
            _store(),
            *_talk(LOGGED),
        ]  # fmt: skip
        wrapped: Command = with_run
        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped

    return decorate


@click.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@runs("table", "json", store=False, hub=False)
def copy(*, run: Run, source: str, target: str) -> None:
    """Copy a whole store into an empty one of any kind.

    FROM and TO are files or URLs, as for --store. A damaged store is not copied. An interrupted copy continues when it
    is run again. At the end both stores are compared by counts and digests.
    """
    from lineage.answers.moving import store_copy

    with run._replace(store=target).session() as session:
        answer = store_copy(session, source, target)
    run.finish(answer)


@click.command("export")
@_moves("jsonl", "neo4j-csv", "graphml")
def export(*, run: Run, path: Path, file_format: ExportFormat) -> None:
    """Write the graph to a file, for backup or other programs.

    \b
    jsonl      everything, one JSON object per line, always in the same order: the backup
    neo4j-csv  everything, as a folder PATH for `neo4j-admin database import full`
    graphml    models and what they derive from, for Gephi and networkx

    Use - as PATH for standard output.
    """  # noqa: D301 - click's own mark for lines that are not filled
    from lineage.answers.moving import store_export

    to_stdout = str(path) == "-"
    with run.session() as session:
        answer = store_export(session, file_format, sys.stdout.buffer if to_stdout else path)
    if not to_stdout:
        run.finish(answer)


@click.command("import")
@_moves("jsonl")
def import_(*, run: Run, path: Path, file_format: str) -> None:
    """Add the graph in a file written by `lineage store export` to the store.

    Rejects a damaged file, or one with a row that is not a valid record, before anything is written, and writes all of
    it or nothing. Existing records stay; importing the same file twice changes nothing. Use - as PATH for standard
    input. Exit code 2 if the store was empty before and differs from the file afterwards.
    """
    from lineage.answers.moving import store_import

    with run.session() as session:
        answer = store_import(session, sys.stdin.buffer if str(path) == "-" else path)
    run.finish(answer, 2 if answer.equal is False else 0)

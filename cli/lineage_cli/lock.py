"""`lineage lock`: pin the models that a source tree uses, or check that they are pinned. Made for CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lineage_cli._options import Run, runs

if TYPE_CHECKING:
    from lineage_schemas.answers.lock import LockAnswer


@click.command("lock")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the lock file would change.")
@click.option(
    "--upgrade", multiple=True, metavar="MODEL",
    help="Move this model to the commit that its revision points at now; the others stay. May be repeated.",
)  # fmt: skip
@click.option(
    "--lock", "lock_file", metavar="FILE", type=click.Path(path_type=Path),
    help="The lock file.  [default: lineage.lock in PATH]",
)  # fmt: skip
@click.option(
    "--exclude", multiple=True, metavar="PATTERN",
    help="Do not search files that match this pattern of a .gitignore. May be repeated.",
)  # fmt: skip
@runs("table", "json", config=True)
def command(
    *, run: Run, path: Path, check: bool, upgrade: tuple[str, ...], lock_file: Path | None, exclude: tuple[str, ...]
) -> None:
    """Pin the models that a source tree uses to commits, or check that they are pinned.

    For each model the file has its commit, the hashes of its files, its licence and its parents. A model that is locked
    stays at its commit until --upgrade names it. With --check, exit code 1 if the lock file is not what the sources
    ask for; exit code 2 if something could not be read: what was locked of it stays. PATH is the current folder.
    """
    from lineage.answers.lock import lock

    with run.session(start=path) as session:
        answer = lock(session, path, lock_file=lock_file, check=check, upgrade=upgrade, exclude=exclude)
    run.finish(answer, exit_code(answer, check=check))


def exit_code(answer: LockAnswer, *, check: bool) -> int:
    """Return the exit code: with `--check` a lock that would change takes precedence over what is unchecked."""
    if check and answer.verdict == "changed":
        return 1
    return 2 if answer.unchecked else 0

"""`lineage verify`: check whether local weights are those of a model."""

from __future__ import annotations

from pathlib import Path

import click

from lineage_cli._options import Run, runs

CODES = {"equal": 0, "reserialised": 0, "known": 0, "different": 1, "not_known": 1, "unchecked": 2}


@click.command("verify")
@click.argument("path")
@click.option("--against", metavar="ORG/NAME[@REV]", help="Compare with this model. Without it, search the store.")
@click.option(
    "--lock", "lock_file", metavar="FILE", type=click.Path(path_type=Path),
    help="Compare all files with a model of this lock file: --against, or the one that has most of them.",
)  # fmt: skip
@runs("table", "json")
def command(*, run: Run, path: str, against: str | None, lock_file: Path | None) -> None:
    """Check whether local weights are those of a model.

    Reads the folder or file PATH in full and compares it with a model on the Hub, or without --against names the
    known revision that has these weights. With --lock it compares every file with the hashes in a lock file, and asks
    neither a Hub nor the store. Exit code 1 if they differ or are not known, 2 if it cannot be decided.
    """
    with run.session() as session:
        if lock_file is not None:
            from lineage.answers.verify_lock import verify_lock

            answer = verify_lock(session, path, lock_file, against=against)
        else:
            from lineage.answers.verify import verify

            answer = verify(session, path, against=against)
    run.finish(answer, CODES[answer.verdict])

"""`lineage verify`: check whether local weights are those of a model."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs

CODES = {"equal": 0, "reserialised": 0, "known": 0, "different": 1, "not_known": 1, "unchecked": 2}


@click.command("verify")
@click.argument("path")
@click.option("--against", metavar="ORG/NAME[@REV]", help="Compare with this model. Without it, search the store.")
@runs("table", "json")
def command(*, run: Run, path: str, against: str | None) -> None:
    """Check whether local weights are those of a model.

    Reads the folder or file PATH in full and compares it with a model on the Hub, or without --against names the
    known revision that has these weights. Exit code 1 if they differ or are not known, 2 if it cannot be decided.
    """
    from lineage.answers.verify import verify

    with run.session() as session:
        answer = verify(session, path, against=against)
    run.finish(answer, CODES[answer.verdict])

"""`lineage fingerprint`: the digests of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lineage_cli._options import Run, level, runs

if TYPE_CHECKING:
    from lineage_schemas.level import Level


@click.command("fingerprint")
@click.argument("target")
@level("Read weights to this level.  [default: full for a local path, header for a model on the Hub]")
@click.option("--sample", is_flag=True, help="Also read a sample of the values (at most 16 MB) and print its digest.")
@runs("table", "json", store=False)
def command(*, run: Run, target: str, level: Level | None, sample: bool) -> None:
    """Compute the digests of weights in a file, a folder or a model.

    Prints reproducible digests of the files, the parameters, their values and their layout for each weight group.
    TARGET is ORG/NAME[@REVISION], or a path to a folder or one weight file. Needs no store. Exit code 2 if something
    could not be read to that level.
    """
    from lineage.answers.fingerprint import fingerprint

    with run.session() as session:
        answer = fingerprint(session, target, level=level, sample=sample)
    run.finish(answer, 2 if answer.unchecked else 0)

"""`lineage fingerprint`: the digests of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lineage_cli._options import Run, level, runs

if TYPE_CHECKING:
    from lineage_schemas.level import Level


@click.command("fingerprint")
@click.argument("target")
@level("Read weights this deep.  [default: full for a local path, header for a model on the Hub]")
@runs("table", "json", store=False)
def command(*, run: Run, target: str, level: Level | None) -> None:
    """Compute the digests of weights: a file, a folder or a model.

    Tells for each weight group what its files, its parameters, their values and their layout are, as digests that
    anybody can compute again. TARGET is ORG/NAME[@REVISION], or a path to a folder or one weight file. Needs no
    store. Exit code 2 where something could not be read so deep.
    """
    from lineage.answers.fingerprint import fingerprint

    with run.session() as session:
        answer = fingerprint(session, target, level=level)
    run.finish(answer, 2 if answer.unchecked else 0)

"""`lineage diff`: what differs between two revisions or models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lineage_cli._options import Run, level, runs

if TYPE_CHECKING:
    from lineage_schemas.level import Level


@click.command("diff")
@click.argument("target")
@click.argument("other", metavar="[OTHER]", required=False)
@level("Read weights to this level.  [default: full if they are local or small, else header]")
@runs("table", "json", "markdown", config=True)
def command(*, run: Run, target: str, other: str | None, level: Level | None) -> None:
    """Compare two revisions or two models.

    Compares weights by tensor, config and card by field, and reports what changed in each facet: architecture,
    tokenizer, chat template, licence and others. With TARGET alone, compares the states before and after the last
    change of its weights; with OTHER, compares TARGET with OTHER (ORG/NAME@REVISION names a revision). Exit code 2
    if something could not be compared.
    """
    from lineage.answers.diff import diff

    with run.session() as session:
        answer = diff(session, target, other, level=level)
    unjudged = any(facet.unjudged for facet in answer.by_facet)
    run.finish(answer, 2 if answer.unchecked or unjudged else 0)

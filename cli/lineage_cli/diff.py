"""`lineage diff`: what differs between two revisions or models."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs


@click.command("diff")
@click.argument("target")
@click.argument("other", metavar="[OTHER]", required=False)
@runs("table", "json", "markdown")
def command(*, run: Run, target: str, other: str | None) -> None:
    """Compare two revisions or two models.

    Compares weights by tensor, config and card by field, tokenizers by hash. With TARGET alone, compares the last
    two changes of its weights; with OTHER, goes from TARGET to OTHER (ORG/NAME@REVISION names a revision).
    """
    from lineage.answers.diff import diff

    with run.session() as session:
        answer = diff(session, target, other)
    run.finish(answer)

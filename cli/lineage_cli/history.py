"""`lineage history`: every push of a model."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs


@click.command("history")
@click.argument("target")
@click.option("--all-branches", is_flag=True, help="Show every branch, not only the default one or TARGET's.")
@click.option("--commits", is_flag=True, help="Classify each commit by what it changes, with counts over time.")
@runs("table", "json", "markdown", config=True)
def command(*, run: Run, target: str, all_branches: bool, commits: bool) -> None:
    """List every push of a model and what it did to the weights.

    A push is a series of commits less than an hour apart, as in an upload of sharded weights. TARGET@BRANCH shows a
    branch other than the default one. Exit code 2 if something could not be determined or looked up.
    """
    from lineage.answers.history import history

    with run.session() as session:
        answer = history(session, target, all_branches=all_branches, commits=commits)
    run.finish(answer, 2 if answer.unchecked else 0)

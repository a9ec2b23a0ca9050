"""`lineage history`: every push of a model."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs


@click.command("history")
@click.argument("target")
@click.option("--all-branches", is_flag=True, help="Show every branch, not only the default one or TARGET's.")
@click.option("--commits", is_flag=True, help="Classify each commit by what it changes, with counts over time.")
@click.option("--pushes", is_flag=True, help="List every push, not only those that changed weights or behaviour.")
@click.option("--releases", is_flag=True, help="List the declared releases: tags, new versions and DOIs of the card.")
@runs("table", "json", "markdown", config=True)
def command(*, run: Run, target: str, all_branches: bool, commits: bool, pushes: bool, releases: bool) -> None:
    """Write the release notes of a model: what each push changed in its weights and behaviour.

    A push is a series of commits less than an hour apart, as in an upload of sharded weights. Pushes that no version
    announced get the version that their changes are worth. With --format markdown the notes are a changelog that a
    publisher can paste. TARGET@BRANCH shows a branch other than the default one. Exit code 2 if something could not be
    determined or looked up.
    """
    from lineage.answers.history import history

    with run.session() as session:
        answer = history(session, target, all_branches=all_branches, commits=commits, pushes=pushes, releases=releases)
    run.finish(answer, 2 if answer.unchecked else 0)

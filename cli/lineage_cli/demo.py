"""`lineage demo`: the main commands on models that come with the package."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs


@click.command("demo")
@runs("table", "json", store=False, hub=False)
def command(*, run: Run) -> None:
    """Run the main commands on models that come with the package, offline.

    Collects them into a temporary store, traces a merge, checks a real history in which all weights were replaced
    without any announcement, audits a product that uses them, and prints what to try next. Needs no network and no
    token, and does not touch your own store.
    """
    from lineage.answers.demo import demo

    with run.session() as session:
        answer = demo(session)
    run.finish(answer)

"""`lineage demo`: the whole job on what the package carries."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs


@click.command("demo")
@runs("table", "json", store=False, hub=False)
def command(*, run: Run) -> None:
    """Run the whole job on models that the package carries, offline.

    Collects them into a store of its own, traces a merge, checks a real history in which all weights were replaced
    without a word, and says what to try next. Needs no network and no token, and leaves your own store alone.
    """
    from lineage.answers.demo import demo

    with run.session() as session:
        answer = demo(session)
    run.finish(answer)

"""`lineage store`: what the store holds, and how to make it forget."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs, targets


@click.group("store")
def command() -> None:
    """Look after the store."""


@command.command("info")
@runs("table", "json", hub=False)
def info(*, run: Run) -> None:
    """Tell where the store is and how much it holds."""
    from lineage.answers.store import store_info

    with run.session() as session:
        answer = store_info(session)
    run.finish(answer)


@command.command("forget")
@targets
@runs("table", "json")
def forget(*, run: Run, targets: list[str]) -> None:
    """Erase models from the store.

    Everything that was recorded of them goes, also what the Hub no longer has. A model that others derive from
    stays as a name. Exit code 2 where the store holds nothing of a TARGET.
    """
    if not targets:
        raise click.UsageError("name a TARGET or --from-file", click.get_current_context())
    from lineage.answers.store import store_forget

    with run.session() as session:
        answer = store_forget(session, targets)
    run.finish(answer, 2 if answer.not_found else 0)

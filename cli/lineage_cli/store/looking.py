"""`lineage store info`, `check` and `forget`: what is there, whether it is whole, and what shall go."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs, targets


@click.command("info")
@runs("table", "json", hub=False)
def info(*, run: Run) -> None:
    """Tell where the store is and how much it holds."""
    from lineage.answers.store import store_info

    with run.session() as session:
        answer = store_info(session)
    run.finish(answer)


@click.command("check")
@runs("table", "json", hub=False)
def check(*, run: Run) -> None:
    """Look for what must not be in a store.

    Ends of edges that are not there, half-written collections, digests that do not fit. Nothing is changed. Exit
    code 1 with findings.
    """
    from lineage.answers.store import store_check

    with run.session() as session:
        answer = store_check(session)
    run.finish(answer, 1 if answer.verdict == "findings" else 0)


@click.command("forget")
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

"""`lineage store info`, `check`, `rederive` and `forget`: describe, check and update a store, and delete from it."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs, targets


@click.command("info")
@runs("table", "json", hub=False)
def info(*, run: Run) -> None:
    """Show where the store is and how much it holds. Exit code 2 if there is no store."""
    from lineage.answers.store import store_info

    with run.session() as session:
        answer = store_info(session)
    run.finish(answer)


@click.command("check")
@runs("table", "json", hub=False)
def check(*, run: Run) -> None:
    """Check the store for inconsistencies.

    Reads everything: damaged files, rows that are not valid records, edges with a missing end, half-written
    collections and wrong hashes are found. Changes nothing. Exit code 1 with findings, 2 if there is no store.
    """
    from lineage.answers.store import store_check

    with run.session() as session:
        answer = store_check(session)
    run.finish(answer, 1 if answer.verdict == "findings" else 0)


@click.command("rederive")
@runs("table", "json", hub=False)
def rederive(*, run: Run) -> None:
    """Work out all edges between models again.

    Uses the evidence in the store: no Hub is asked, and the result is that of collecting every model again. Worth
    running after an upgrade that weighs evidence differently. It may be interrupted and run again.
    """
    from lineage.answers.rederiving import store_rederive

    with run.session() as session:
        answer = store_rederive(session)
    run.finish(answer)


@click.command("forget")
@targets
@click.option(
    "--product", "products", metavar="NAME", multiple=True,
    help="Delete a product that `lineage audit --record` wrote; may be repeated.",
)  # fmt: skip
@runs("table", "json")
def forget(*, run: Run, targets: list[str], products: tuple[str, ...]) -> None:
    """Delete models and products from the store.

    Deletes everything that was recorded of them, including what the Hub no longer has. Of a model that others derive
    from, or that a product uses, the name stays. Exit code 2 if the store holds nothing of a TARGET or a product.
    """
    if not targets and not products:
        raise click.UsageError("name a TARGET, use --from-file or --product", click.get_current_context())
    from lineage.answers.store import store_forget

    with run.session() as session:
        answer = store_forget(session, targets, products=products)
    run.finish(answer, 2 if answer.not_found else 0)

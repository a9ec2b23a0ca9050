"""`lineage collect`: read models into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lineage.collect.options import DEFAULT_MAX_MODELS
from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage_cli._options import Run, jobs, level, max_bytes, pinned_targets, runs

if TYPE_CHECKING:
    from lineage.answers.listed import ListedTarget
    from lineage_schemas.answers.collect import CollectAnswer
    from lineage_schemas.level import Level


@click.command("collect")
@pinned_targets
@click.option(
    "--author", "authors", multiple=True, metavar="NAME",
    help="Also collect all models of this author; may be given several times.",
)  # fmt: skip
@click.option("--refresh", is_flag=True, help="Read models again even if the store has them and they have not changed.")
@level("Read weights to this level, regardless of --max-bytes.")
@max_bytes(DEFAULT_MAX_BYTES)
@click.option(
    "--max-models", type=click.IntRange(min=1), default=DEFAULT_MAX_MODELS, show_default=True, metavar="N",
    help="Stop following ancestors and descendants after N models.",
)  # fmt: skip
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="Follow declared ancestors at most N steps up.")
@click.option("--children", is_flag=True, help="Also collect models that the Hub lists as derived from the targets.")
@click.option("--pull-requests", is_flag=True, help="Also read the commits of pull requests.")
@click.option(
    "--samples/--no-samples", default=True, show_default=True,
    help="Read a sample of the values of each model's weights, to compare models by (at most 16 MB each).",
)  # fmt: skip
@jobs
@runs("table", "json", config=True)
def command(
    *,
    run: Run,
    targets: list[str | ListedTarget],
    authors: tuple[str, ...],
    refresh: bool,
    level: Level | None,
    max_bytes: int,
    max_models: int,
    depth: int | None,
    children: bool,
    pull_requests: bool,
    samples: bool,
    jobs: int | None,
) -> None:
    """Read models from the Hub into the store, with their ancestors.

    Reads history, cards, configs, the headers of weight files and a sample of their values. Skips what the store
    already has, so an interrupted run can be continued by running it again. Exit code 2 if a target could not be
    read, or not whole.
    """
    if not targets and not authors:
        raise click.UsageError("name a TARGET, or use --from-file or --author", click.get_current_context())
    from lineage.answers.collect import collect

    texts = list(dict.fromkeys(map(str, targets)))  # where a check would start makes no difference here
    with run.session() as session:
        answer = collect(
            session, texts, author=authors, refresh=refresh, level=level, max_bytes=max_bytes,
            max_models=max_models, depth=depth, children=children, pull_requests=pull_requests,
            samples=samples, jobs=jobs,
        )  # fmt: skip
    run.finish(answer, exit_code(answer))


def exit_code(answer: CollectAnswer) -> int:
    """Return the exit code: 2 if a target could not be read, or not so far as the answer depends on it.

    What leaves open where a target comes from is the same as for `trace`; weights that are missing count here too.
    """
    failed = any(model.outcome == "failed" for model in answer.models)
    unread = (each for each in answer.incomplete if each.reason in {"partial", "error"} and each.decides)
    return 2 if failed or any(unread) else 0

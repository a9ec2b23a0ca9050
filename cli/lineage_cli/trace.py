"""`lineage trace`: where a model comes from, who stands on it, or what lies between two models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lineage.collect.options import DEFAULT_MAX_MODELS
from lineage_cli._options import Run, runs

if TYPE_CHECKING:
    from lineage_schemas.answers.trace import TraceAnswer


@click.command("trace")
@click.argument("target")
@click.argument("other", metavar="[OTHER]", required=False)
@click.option("--down", is_flag=True, help="Show descendants instead of ancestors, with counts by relation.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Show N steps, not all.")
@click.option(
    "--max-models", type=click.IntRange(min=1), default=DEFAULT_MAX_MODELS, show_default=True, metavar="N",
    help="Show at most N models, and say that there are more.",
)  # fmt: skip
@runs("tree", "json", "markdown", "mermaid", "dot")
def command(*, run: Run, target: str, other: str | None, down: bool, depth: int | None, max_models: int) -> None:
    """Show where a model comes from, or who stands on it.

    Each edge of the tree tells its relation, its status and the evidence for it; each ancestor its licence and
    family. With OTHER, shows the ways between the two models. TARGET may be a folder with a model of one's own.
    A model that is not in the store yet is collected first.
    """
    if other is not None and down:
        raise click.UsageError("--down goes with one TARGET only", click.get_current_context())
    from lineage.answers.trace import trace

    with run.session() as session:
        answer = trace(session, target, to=other, down=down, depth=depth, max_models=max_models)
    run.finish(answer, exit_code(answer))


def exit_code(answer: TraceAnswer) -> int:
    """Find the exit code: 2 where a model that was asked for could not be read, whatever is known of others."""
    asked = {answer.root, answer.to}
    return 2 if any(each.model in asked and each.reason != "limit" for each in answer.incomplete) else 0

"""`lineage trace`: where a model comes from, which models are built on it, or the paths between two models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lineage.collect.options import DEFAULT_MAX_MODELS
from lineage_cli._options import Run, runs

if TYPE_CHECKING:
    from lineage_schemas.answers.trace import TraceAnswer

MAY_PASS = ("unreachable", "rate_limited", "error")
"""Reasons why a model was not read although the Hub has it and may give it at another time."""


@click.command("trace")
@click.argument("target")
@click.argument("other", metavar="[OTHER]", required=False)
@click.option("--down", is_flag=True, help="Show descendants instead of ancestors, with counts by relation.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Show at most N steps.")
@click.option(
    "--max-models", type=click.IntRange(min=1), default=DEFAULT_MAX_MODELS, show_default=True, metavar="N",
    help="Show at most N models, and report that there are more.",
)  # fmt: skip
@runs("tree", "json", "markdown", "mermaid", "dot", config=True)
def command(*, run: Run, target: str, other: str | None, down: bool, depth: int | None, max_models: int) -> None:
    """Show where a model comes from, or which models are built on it.

    The tree shows the relation, the status and the evidence of each edge, and the licence and family of each
    ancestor. With OTHER, shows the paths between the two models. TARGET may be a local folder that holds a model. A
    model that is not in the store yet is collected first.
    """
    if other is not None and down:
        raise click.UsageError("--down takes one TARGET only", click.get_current_context())
    from lineage.answers.trace import trace

    with run.session() as session:
        answer = trace(session, target, to=other, down=down, depth=depth, max_models=max_models)
    run.finish(answer, exit_code(answer))


def exit_code(answer: TraceAnswer) -> int:
    """Return the exit code: 2 if a requested model could not be read so far as the answer depends on it.

    Of the other models, 2 only if the Hub did not give them and may do so at another time: a gated model stays gated.
    """
    asked = {answer.root, answer.to}
    never_read = {model.id for model in answer.models if model.revision is None}
    unread = [each for each in answer.incomplete if each.reason != "limit" and each.decides]
    failed = (
        each for each in unread if each.reason in MAY_PASS and (each.reason != "error" or each.model in never_read)
    )
    return 2 if any(each.model in asked for each in unread) or any(failed) else 0

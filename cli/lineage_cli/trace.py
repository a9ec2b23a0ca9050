"""`lineage trace`: where a model comes from, which models are built on it, or the paths between two models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lineage.collect.options import DEFAULT_MAX_MODELS
from lineage_cli._options import Run, fail_on, runs

if TYPE_CHECKING:
    from lineage_schemas.answers.trace import TraceAnswer
    from lineage_schemas.derivation import Status

STATUSES = ("confirmed", "inferred", "declared", "indirect", "contradicted")
"""The statuses of edges, the most certain first; written here because the module that has them starts slowly."""

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
@click.option(
    "--min-status",
    type=click.Choice(STATUSES),
    help="Hide edges of a weaker status, and what only they lead to; contradicted is the weakest.",
)
@click.option("--unrelated", is_flag=True, help="Also list declared parents whose weights are foreign.")
@fail_on(None)
@runs("tree", "json", "markdown", "mermaid", "dot", config=True)
def command(
    *, run: Run, target: str, other: str | None, down: bool, depth: int | None, max_models: int,
    min_status: Status | None, unrelated: bool, fail_on: str | None,
) -> None:  # fmt: skip
    """Show where a model comes from, or which models are built on it.

    The tree shows the relation, the status and the evidence of each edge, and the licence and family of each
    ancestor; findings do not change the exit code without --fail-on. Contradicted edges are shown, and not followed.
    With OTHER, shows the paths between the two models. TARGET may be a local folder that holds a model. A model that
    is not in the store yet is collected first.
    """
    if other is not None and down:
        raise click.UsageError("--down takes one TARGET only", click.get_current_context())
    from lineage.answers.trace import trace

    with run.session() as session:
        answer = trace(
            session, target, to=other, down=down, depth=depth, max_models=max_models,
            min_status=min_status, unrelated=unrelated, fail_on=fail_on,
        )  # fmt: skip
    run.finish(answer, exit_code(answer))


def exit_code(answer: TraceAnswer) -> int:
    """Return the exit code: 1 if a finding counts by --fail-on, else 2 if a requested model could not be read.

    Of what could not be read, only what the answer depends on counts. Of the other models, 2 only if the Hub did not
    give them and may do so at another time: a gated model stays gated.
    """
    if answer.fail_on is not None:
        from lineage.answers.findings import FailOn, counting

        if counting(answer.findings, FailOn(answer.fail_on, frozenset(answer.fail_on_rules))):
            return 1
    asked = {answer.root, answer.to}
    never_read = {model.id for model in answer.models if model.revision is None}
    unread = [each for each in answer.incomplete if each.reason != "limit" and each.decides]
    failed = (
        each for each in unread if each.reason in MAY_PASS and (each.reason != "error" or each.model in never_read)
    )
    return 2 if any(each.model in asked for each in unread) or any(failed) else 0

"""`lineage impact`: which models are hit by changes of a model's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lineage.collect.options import DEFAULT_MAX_MODELS
from lineage_cli._options import Run, fail_on, runs

if TYPE_CHECKING:
    from lineage_schemas.answers.impact import ImpactAnswer


@click.command("impact")
@click.argument("target")
@click.option("--since", metavar="REV|TAG|DATE", help="Look only at changes after a commit, a tag or a date.")
@click.option(
    "--max-models", type=click.IntRange(min=1), default=DEFAULT_MAX_MODELS, show_default=True, metavar="N",
    help="Show at most N models, and report that there are more.",
)  # fmt: skip
@fail_on("error")
@runs("table", "json", "markdown", config=True)
def command(*, run: Run, target: str, since: str | None, max_models: int, fail_on: str) -> None:
    """Show which models stand on a model and are hit by changes of its weights.

    Adapters come first, because they break first. The answer knows the descendants in the store; `lineage collect
    --children` reads more. Exits with 1 if a silent change hits a descendant, with --fail-on warning also if a change
    does that an understated version announced.
    """
    from lineage.answers.impact import impact

    with run.session() as session:
        answer = impact(session, target, since=since, max_models=max_models, fail_on=fail_on)
    run.finish(answer, exit_code(answer))


def exit_code(answer: ImpactAnswer) -> int:
    """Return the exit code: 1 if a silent change hits a model, 2 if the changes could not be looked up or judged.

    A change that an understated version announced is like a silent one if the finding counts.
    """
    from lineage.answers.findings import FailOn, counting

    cut = any(each.reason == "limit" for each in answer.incomplete)
    verdicts = {change.verdict for change in answer.changes}
    if any(each.silent for each in answer.hit) or (cut and "silent" in verdicts):
        return 1
    understated = counting(answer.findings, FailOn(answer.fail_on, frozenset(answer.fail_on_rules)))
    if understated and (any(each.understated for each in answer.hit) or cut):
        return 1
    unjudged = bool(answer.hit) and (None in verdicts or bool(answer.unchecked))
    return 2 if unjudged or any(each.reason != "limit" for each in answer.incomplete) else 0

"""`lineage rules`: list and explain the rules of findings and of evidence."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs


@click.command("rules")
@click.argument("rule", required=False, metavar="[RULE]")
@runs("table", "json", "markdown", store=False, hub=False)
def command(*, run: Run, rule: str | None) -> None:
    """List all rules, or explain one.

    RULE is a name (silent-weight-change), a code (LW001), or a rule of evidence (card.base_model).
    """
    from lineage.answers.rules import rules

    run.finish(rules(rule))

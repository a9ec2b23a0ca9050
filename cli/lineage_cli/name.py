"""`lineage name`: what the names of models say."""

from __future__ import annotations

import click

from lineage_cli._options import Run, runs, targets


@click.command("name")
@targets
@runs("table", "json", "jsonl", "csv", store=False, hub=False)
def command(*, run: Run, targets: list[str]) -> None:
    """Read the names of models: their segments, their version, and which parts are missing.

    Each TARGET is ORG/NAME or NAME. The twelve types of segments are those of a study of 52,227 names. No network and
    no store is used. Exit code 2 if a name has no segments, or cannot be the id of a model.
    """
    if not targets:
        raise click.UsageError("give a name, or --from-file", click.get_current_context())
    from lineage.answers.name import read_names

    answer = read_names(targets)
    run.finish(answer, 2 if any(name.problem or not name.segments for name in answer.names) else 0)

"""`lineage suggest`: which version the changes of a model deserve."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lineage_cli._options import Run, level, runs

if TYPE_CHECKING:
    from lineage_schemas.level import Level


@click.command("suggest")
@click.argument("target")
@click.argument("other", metavar="[OTHER]", required=False)
@click.option("--from", "since", metavar="REV|ORG/NAME", help="Compare with this revision; for a folder, this model.")
@click.option("--to", metavar="REV", help="Compare up to this revision.  [default: the head]")
@click.option("--announce", metavar="VERSION", help="Judge a planned version: exit code 1 unless it matches.")
@click.option(
    "--evals", nargs=2, metavar="OLD NEW", help="Judge the flip rate by per-instance results, as `lineage compat` does."
)
@click.option("--tag", "only_tag", is_flag=True, help="Print only the commands that publish the version.")
@click.option("--card", is_flag=True, help="Print only the block for the front matter of the card.")
@click.option(
    "--write", "folder", metavar="FOLDER", type=click.Path(path_type=Path), help="Put the block into FOLDER's card."
)
@level("Read weights to this level.  [default: full if they are local or small, else header]")
@runs("table", "json", "markdown", config=True)
def command(
    *,
    run: Run,
    target: str,
    other: str | None,
    since: str | None,
    to: str | None,
    announce: str | None,
    evals: tuple[str, str] | None,
    only_tag: bool,
    card: bool,
    folder: Path | None,
    level: Level | None,
) -> None:
    """Suggest the version that an update of a model deserves.

    Compares a model with its last announced version: a tag, a version in the card, or in the name; without any, with
    the first upload. Lists each rule that fired (`lineage rules` explains them), what could not be judged, and how the
    versions that were announced before fit what changed. TARGET may be a folder before it is uploaded, with --from
    ORG/NAME; TARGET OTHER compares two repositories. Exit code 1 if --announce does not match, 2 if that could not be
    judged.
    """
    from lineage.answers.suggest import exit_code, suggest

    if only_tag and (card or folder):
        raise click.UsageError("--tag does not go with --card and --write", click.get_current_context())
    wants_card = card or folder is not None
    with run.session() as session:
        answer = suggest(
            session, target, other, since=since, to=to, announce=announce, evals=evals or None, level=level,
            card=wants_card,
        )  # fmt: skip
        if folder is not None:
            from lineage.answers.card_block import write_block

            session.progress.note(f"the block is in {write_block(folder, answer.card or '')}")
    part = "commands" if only_tag else "card" if card else run.to_format
    run = run if run.to_format == "json" else run._replace(to_format=part)
    run.finish(answer, exit_code(answer))

"""`lineage check`: find weight changes that were not announced. Made for CI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lineage.errors import LineageError
from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage_cli._errors import report
from lineage_cli._options import LOGGED, Run, fail_on, jobs, level, max_bytes, pinned_targets, runs

if TYPE_CHECKING:
    from lineage.answers.listed import ListedTarget
    from lineage_schemas.answers.check import CheckAnswer, CheckAnswers
    from lineage_schemas.level import Level

NOTHING_NAMED = "name a TARGET, use --from-file, or list models under [models] of a project file (lineage.toml)"

VERBOSE = f"{LOGGED}. Of several models, show the details of clean ones too"

CODES = {"clean": 0, "findings": 1, "unchecked": 2}


@click.command("check")
@pinned_targets
@click.option(
    "--since", metavar="REV|TAG|DATE|last",
    help="Check only what came after a commit, a tag, a date (2024-09-06, yesterday, 7d, 3w), or the last check.",
)  # fmt: skip
@level("Read weights to this level to find what changed in them, regardless of --max-bytes.")
@max_bytes(DEFAULT_MAX_BYTES)
@click.option(
    "--derivation", is_flag=True,
    help="Also compare the weights with those of the declared parents, and look for parents that nothing names.",
)  # fmt: skip
@fail_on("error")
@jobs
@runs("table", "json", "jsonl", "markdown", "sarif", "github", config=True, verbose=VERBOSE)
def command(
    *,
    run: Run,
    targets: list[str | ListedTarget],
    since: str | None,
    level: Level | None,
    max_bytes: int,
    fail_on: str,
    jobs: int | None,
    derivation: bool,
) -> None:
    """Find weight changes that no version or note announced.

    Reads the model's history again and lists every change of its weights after the first upload: announced by a
    version, documented in a text, or silent. Without a TARGET, checks the models of the project file. Exit code 1 with
    findings, 2 if something could not be checked. `lineage rules` explains each finding.
    """
    context = click.get_current_context()
    if not targets and context.params.get("from_file") is not None:
        raise click.UsageError("--from-file names no TARGET", context)
    from lineage.answers.check import check
    from lineage.answers.marks import confirm

    with run.session() as session:
        if not targets and not (session.project and session.project.file.models):
            raise click.UsageError(NOTHING_NAMED, context)
        lines = run.lines()
        answer = check(
            session, targets, since=since, level=level, max_bytes=max_bytes, fail_on=fail_on, jobs=jobs,
            derivation=derivation, on_answer=lines.add if lines else None,
        )  # fmt: skip
        code = exit_code(answer)
        if lines.are_whole if lines else run.show(answer):
            try:
                confirm(session, answer)
            except LineageError as error:  # the answer is out, and its findings take precedence
                failed = report(error)
                code = code or failed
    context.exit(code)


def exit_code(answer: CheckAnswer | CheckAnswers) -> int:
    """Return the exit code: findings take precedence over unchecked, and unchecked over clean."""
    from lineage_schemas.answers.check import CheckAnswers

    answers = answer.answers if isinstance(answer, CheckAnswers) else (answer,)
    codes = {CODES[each.verdict] for each in answers}
    return next((code for code in (1, 2) if code in codes), 0)

"""`lineage audit`: what the models of a product are, and what is wrong with them. Made for CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage_cli._options import LOGGED, Run, fail_on, jobs, level, max_bytes, runs

if TYPE_CHECKING:
    from lineage_schemas.level import Level

VERBOSE = f"{LOGGED}. Show all models and all that was not checked"

CODES = {"clean": 0, "findings": 1, "unchecked": 2, "nothing_to_audit": 2}


@click.command("audit")
@click.argument("path", default=".", metavar="[PATH]", type=click.Path(path_type=Path))
@click.option(
    "--exclude", metavar="PATTERN", multiple=True,
    help="Leave files and folders out, by a pattern as in .gitignore; may be repeated.",
)  # fmt: skip
@click.option("--allow-empty", is_flag=True, help="Exit with 0 if no reference to a model is found.")
@click.option(
    "--baseline", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Accept the findings that FILE lists (rule, model and file), and fail on new ones.",
)  # fmt: skip
@click.option(
    "--update-baseline",
    is_flag=True,
    help="Write today's findings to the --baseline FILE. The exit code of this run still counts them.",
)
@click.option("--locked", is_flag=True, help="Also compare with the lock file: lineage.lock of PATH, or --lock.")
@click.option(
    "--lock", "lock_file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Compare with this lock file, as --locked does.",
)  # fmt: skip
@click.option(
    "--record", metavar="NAME",
    help="Write the product to the store under NAME, for `lineage impact`; an earlier record is replaced.",
)  # fmt: skip
@level("Read weights to this level, regardless of --max-bytes.")
@max_bytes(DEFAULT_MAX_BYTES)
@fail_on("warning")
@jobs
@runs("table", "json", "jsonl", "markdown", "sarif", "github", config=True, verbose=VERBOSE)
def command(
    *,
    run: Run,
    path: Path,
    exclude: tuple[str, ...],
    allow_empty: bool,
    baseline: Path | None,
    update_baseline: bool,
    record: str | None,
    locked: bool,
    lock_file: Path | None,
    level: Level | None,
    max_bytes: int,
    fail_on: str,
    jobs: int | None,
) -> None:
    """Find the models that a source tree uses, and what is wrong with them.

    Reads code, notebooks, configs and scripts for references to models, then the models and their ancestors: whether
    they are pinned, whether their weights moved, who they descend from and whether that is true, under which licences,
    and what loading them runs. Exit code 1 with findings, 2 if something could not be checked or no model is named.
    `lineage rules` explains each finding.
    """
    if update_baseline and baseline is None:
        raise click.UsageError("--update-baseline needs --baseline FILE", click.get_current_context())
    from lineage.answers.audit.audit import AuditOptions, audit

    options = AuditOptions(
        exclude=exclude, fail_on=fail_on, baseline=baseline, update_baseline=update_baseline, record=record,
        allow_empty=allow_empty, locked=locked, lock_file=lock_file, level=level,
        max_bytes=max_bytes, jobs=jobs,
    )  # fmt: skip
    with run.session(start=path) as session:
        answer = audit(session, path, options)
    empty = answer.verdict == "nothing_to_audit"
    run.finish(answer, 0 if empty and allow_empty else CODES[answer.verdict])

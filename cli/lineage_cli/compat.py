"""`lineage compat`: does a new version still answer right where the old one did?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NoReturn

import click

from lineage_cli._options import Run, runs

if TYPE_CHECKING:
    from lineage.answers.compat_tasks import CompatOptions
    from lineage_schemas.answers.compat import CompatAnswer

CLAIM_CODES = {"confirmed": 0, "contradicted": 1, "unverified": 2}


@click.command("compat")
@click.argument("results", nargs=-1, metavar="OLD NEW")
@click.option("--compatible", metavar="RESULTS", help="Compare a third model, trained to be compatible with OLD.")
@click.option(
    "--claims", metavar="ORG/NAME", help="Check the results that this model's card claims; takes one RESULTS."
)
@click.option(
    "--task", "tasks", metavar="TASK", multiple=True, help="Compare only this task; may be given several times."
)
@click.option(
    "--max-nfr",
    type=click.FloatRange(0, 1),
    metavar="FRACTION",
    help="Exit with 1 if more than this share of answers turned wrong: 0.02 is 2 %.  [default: [compat] max-nfr]",
)
@click.option(
    "--show-flips", type=click.IntRange(0), default=0, metavar="N", help="List N flipped instances of each task."
)
@click.option(
    "--epsilon",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Changes of graded scores up to this are ties; the paper has none.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Level of the intervals.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the resampling.")
@click.option(
    "--models", nargs=2, metavar="OLD NEW", help="Compare the tokenizers of these two models, read from a Hub."
)
@runs("table", "json", "markdown", "csv", "html", config=True)
def command(
    *,
    run: Run,
    results: tuple[str, ...],
    compatible: str | None,
    claims: str | None,
    tasks: tuple[str, ...],
    max_nfr: float | None,
    show_flips: int,
    epsilon: float,
    confidence: float,
    seed: int,
    models: tuple[str, str] | None,
) -> None:
    """Measure what a new version answers wrong where the old one was right.

    OLD and NEW are results of evaluations, instance by instance: files or folders of lm-evaluation-harness
    (--log_samples), of lighteval, or JSON lines and CSV with the columns id, and correct or score. Exit code 1 if the
    lower bound of a negative flip rate is above --max-nfr or a claim is contradicted, 2 if something could not be
    compared.
    """
    from lineage.answers.compat_tasks import CompatOptions

    context = click.get_current_context()
    for name, value in (("--epsilon", epsilon), ("--max-nfr", max_nfr), ("--confidence", confidence)):
        if value is not None and not math.isfinite(value):  # NaN passes every range
            raise click.UsageError(f"{name} is not a finite number", context)
    options = CompatOptions(
        epsilon=epsilon, confidence=confidence, seed=seed, limit=max_nfr, show_flips=show_flips
    )  # fmt: skip
    if claims is not None:
        if len(results) != 1 or compatible is not None or models is not None:
            raise click.UsageError("with --claims, name one RESULTS, and neither --compatible nor --models", context)
        for name in ("max_nfr", "epsilon", "show_flips"):
            if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name.replace('_', '-')} has no effect with --claims", context)
        _check_claims(run, claims, results[0], tasks, options)
    if len(results) != 2:
        raise click.UsageError("name two results: OLD and NEW", context)
    from lineage.answers.compat import compat

    with run.session() as session:
        answer = compat(
            session, *results, compatible=compatible, models=models, tasks=tasks, options=options
        )  # fmt: skip
    run.finish(answer, exit_code(answer))


def _check_claims(run: Run, model: str, results: str, tasks: tuple[str, ...], options: CompatOptions) -> NoReturn:
    """Compare a card's claims with results, and end the command."""
    from lineage.answers.compat_claims import check_claims

    with run.session() as session:
        answer = check_claims(session, model, results, tasks=tasks, options=options)
    run.finish(answer, 2 if answer.unchecked and answer.verdict != "contradicted" else CLAIM_CODES[answer.verdict])


def exit_code(answer: CompatAnswer) -> int:
    """Return 1 above the limit, 2 if something was not checked, else 0."""
    if answer.verdict == "above":
        return 1
    return 2 if answer.unchecked else 0

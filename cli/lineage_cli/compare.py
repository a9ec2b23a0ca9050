"""`lineage compare`: how two models are related by their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage_cli._options import Run, level, max_bytes, runs

if TYPE_CHECKING:
    from lineage_schemas.answers.compare import CompareAnswer
    from lineage_schemas.level import Level


@click.command("compare")
@click.argument("a")
@click.argument("b")
@click.option(
    "--with", "others", multiple=True, metavar="MODEL",
    help="Another parent of A, or the adapter that was merged into it; may be given several times.",
)  # fmt: skip
@level("Read weights to this level, regardless of --max-bytes.")
@max_bytes(DEFAULT_MAX_BYTES)
@runs("table", "json", "markdown", config=True)
def command(*, run: Run, a: str, b: str, others: tuple[str, ...], level: Level | None, max_bytes: int) -> None:
    """Compare two models by their weights.

    Says whether they have the same weights, whether one was made from the other and how, whether they are related, or
    unrelated. A and B are ORG/NAME[@REVISION], folders or weight files. Reads local weights in full, and of a
    model on the Hub headers and a sample of at most 16 MB. Exit code 1 if a card or config declares one as the parent
    of the other and the weights contradict it, 2 if the verdict is unclear or something was not compared.
    """
    from lineage.answers.compare import compare

    with run.session() as session:
        answer = compare(session, a, b, others=others, level=level, max_bytes=max_bytes)
    run.finish(answer, exit_code(answer))


def exit_code(answer: CompareAnswer) -> int:
    """Return 1 for a contradicted declaration, 2 for a comparison that decides nothing or lacks something."""
    if any(each.agrees is False for each in answer.declared):
        return 1
    return 2 if answer.unchecked or answer.verdict in ("unclear", "not_comparable") else 0

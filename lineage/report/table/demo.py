"""The answer to `demo`: its steps, each under its command, and what to try next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.table.audit import audit
from lineage.report.table.check import check
from lineage.report.table.collect import collect
from lineage.report.text import EMPTY, Document, Line, dim, line, strong
from lineage.report.tree import trace

if TYPE_CHECKING:
    from lineage_schemas.answers.demo import DemoAnswer


def demo(answer: DemoAnswer) -> Document:
    """Write the demo's answers and the commands to try next."""
    lines: list[Line] = [
        line(dim(f"On the models that come with the package, in {answer.hub_folder}:")),
        EMPTY,
        *_step("1", f"lineage collect {_targets(answer.collected.targets)}", collect(answer.collected)),
        *_step("2", f"lineage trace {answer.trace.root}", trace(answer.trace)),
        *_step("3", f"lineage trace {answer.contradicted.root}", trace(answer.contradicted)),
        *_step("4", f"lineage check {answer.check.model}", check(answer.check)),
        *_step("5", f"lineage audit {answer.product_folder}", audit(answer.audit)),
        line(strong("Try next:")),
    ]
    return [*lines, *(line(command, indent="  ") for command in answer.next_commands)]


def _step(number: str, command: str, document: Document) -> list[Line]:
    return [line(strong(f"{number}. {command}")), EMPTY, *document, EMPTY]


def _targets(targets: tuple[str, ...]) -> str:
    return " ".join(targets[:2]) + (" …" if len(targets) > 2 else "")

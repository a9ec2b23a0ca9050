"""Choose among the bindings of a name those that can reach a use of it: what was assigned before is gone."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage.audit.discovery.flow.scopes import Binding

Span = tuple[int, int]
"""The first and the last line of statements that run together, or do not run: a branch or the body of a loop."""

_Position = tuple[int, int]


def branches_of(node: ast.AST) -> list[Span]:
    """Return the branches of a statement."""
    if isinstance(node, ast.With | ast.AsyncWith | ast.Module):
        return []
    if isinstance(node, ast.Match):
        return [_span(case.body) for case in node.cases]
    lists = [getattr(node, name, None) for name in ("body", "orelse", "finalbody")]
    return [_span(each) for each in lists if isinstance(each, list) and each and isinstance(each[0], ast.stmt)]


def _span(statements: list[ast.stmt]) -> Span:
    return statements[0].lineno, statements[-1].end_lineno or statements[-1].lineno


class Branches:
    """Hold the branches of a module."""

    def __init__(self) -> None:
        """Begin without any."""
        self.spans: list[Span] = []
        self._innermost: dict[int, Span | None] = {}

    def around(self, line: int) -> Span | None:
        """Return the innermost branch that a line is in; None for a line that is in none."""
        if line not in self._innermost:
            found = [span for span in self.spans if span[0] <= line <= span[1]]
            self._innermost[line] = min(found, key=lambda span: span[1] - span[0], default=None)
        return self._innermost[line]

    def reaching(self, bindings: list[Binding], use: ast.AST) -> list[Binding]:
        """Return the bindings of one scope that can reach a use in the same scope.

        The last binding before the use that runs whenever the use runs replaces all earlier ones; what comes later does
        not count. If no binding is sure to run before the use, all of them are returned.
        """
        line = getattr(use, "lineno", None)
        if line is None or len(bindings) < 2:
            return bindings
        at = (line, getattr(use, "col_offset", 0))
        positions = [_position(each) for each in bindings]
        before = [
            (place, each) for place, each in zip(positions, bindings, strict=True) if place is None or place <= at
        ]
        sure = [place for place, each in before if place is not None and self._covers(each, place, line)]
        if not sure:
            return bindings
        last = max(sure)
        return [each for place, each in before if place is None or place >= last]

    def _covers(self, binding: Binding, place: _Position, line: int) -> bool:
        owner = binding.owner
        if owner is not None and hasattr(owner, "lineno"):
            return bool(owner.lineno <= line <= (getattr(owner, "end_lineno", None) or line))
        branch = self.around(place[0])
        return branch is None or branch[0] <= line <= branch[1]


def _position(binding: Binding) -> _Position | None:
    """Return where a binding has taken effect: behind the value, so that `m = m or 'x'` reads the one before."""
    owner, node = binding.owner, binding.node
    if owner is not None and hasattr(owner, "lineno"):
        return owner.lineno, 0
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.lineno, node.col_offset
    line = getattr(node, "end_lineno", None)
    return (line, getattr(node, "end_col_offset", None) or 0) if line is not None else None

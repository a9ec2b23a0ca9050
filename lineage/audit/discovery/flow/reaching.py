"""Choose among the bindings of a name those that can reach a use of it: what was assigned before is gone."""

from __future__ import annotations

import ast
from bisect import bisect_right
from typing import Generic, Protocol, TypeVar

Span = tuple[int, int]
"""The first and the last line of statements that run together, or do not run: a branch or the body of a loop."""

_Position = tuple[int, int]


class Bound(Protocol):
    """Describe what binds a name: an expression, perhaps through a loop."""

    @property
    def node(self) -> ast.AST:
        """The expression."""

    @property
    def owner(self) -> ast.AST | None:
        """The loop that binds the name to the elements of the expression; None without one."""


B = TypeVar("B", bound=Bound)


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


class Branches(Generic[B]):
    """Hold the branches of a module, whose names are bound by `B`."""

    def __init__(self) -> None:
        """Begin without any."""
        self.spans: list[Span] = []
        self.choices: list[tuple[Span, Span]] = []
        self._innermost: dict[int, Span | None] = {}
        self._ordered: dict[int, tuple[int, list[_Position], list[B]]] = {}

    def around(self, line: int) -> Span | None:
        """Return the innermost branch that a line is in; None for a line that is in none."""
        if line not in self._innermost:
            found = [span for span in self.spans if span[0] <= line <= span[1]]
            self._innermost[line] = min(found, key=lambda span: span[1] - span[0], default=None)
        return self._innermost[line]

    def reaching(self, bindings: list[B], use: ast.AST) -> list[B]:
        """Return the bindings of one scope that can reach a use in the same scope.

        The last binding before the use that runs whenever the use runs replaces all earlier ones; what comes later does
        not count. If no binding is sure to run before the use, all of them are returned.
        """
        line = getattr(use, "lineno", None)
        if line is None or len(bindings) < 2:
            return bindings
        places, ordered = self._in_order(bindings)
        until = bisect_right(places, (line, getattr(use, "col_offset", 0)))
        least = max((place for place in self._either(places[:until], line)), default=None)
        for at in range(until - 1, -1, -1):
            if (least is not None and places[at] < least) or self._covers(ordered[at], places[at], line):
                start = at + 1 if least is not None and places[at] < least else at
                return [*ordered[start:until], *(each for each in bindings[:1] if _position(each) is None)]
        return bindings

    def _in_order(self, bindings: list[B]) -> tuple[list[_Position], list[B]]:
        """Return the bindings that have a place by their places, and these."""
        known = self._ordered.get(id(bindings))
        if known is None or known[0] != len(bindings):
            pairs = [(place, each) for each in bindings if (place := _position(each)) is not None]
            pairs.sort(key=lambda pair: pair[0])
            known = len(bindings), [place for place, _ in pairs], [each for _, each in pairs]
            self._ordered[id(bindings)] = known
        return known[1], known[2]

    def add(self, node: ast.AST) -> None:
        """Note the branches of a statement, and that one of the two of an `if` with `else` runs."""
        found = branches_of(node)
        self.spans += found
        if isinstance(node, ast.If) and len(found) == 2:
            self.choices.append((found[0], found[1]))

    def _either(self, places: list[_Position], line: int) -> list[_Position]:
        """Return where an `if` begins both of whose branches bind the name before a line."""
        found = []
        for first, second in self.choices if len(places) > 2 else ():
            around = self.around(first[0] - 1)
            if second[1] < line and (around is None or around[0] <= line <= around[1]):
                lines = [place[0] for place in places]
                if all(any(span[0] <= each <= span[1] for each in lines) for span in (first, second)):
                    found.append((first[0], 0))
        return found

    def _covers(self, binding: B, place: _Position, line: int) -> bool:
        owner = binding.owner
        if owner is not None and hasattr(owner, "lineno"):
            return bool(owner.lineno <= line <= (getattr(owner, "end_lineno", None) or line))
        branch = self.around(place[0])
        return branch is None or branch[0] <= line <= branch[1]


def _position(binding: Bound) -> _Position | None:
    """Return where a binding has taken effect: behind the value, so that `m = m or 'x'` reads the one before."""
    owner, node = binding.owner, binding.node
    if owner is not None and hasattr(owner, "lineno"):
        return owner.lineno, 0
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.lineno, node.col_offset
    line = getattr(node, "end_lineno", None)
    return (line, getattr(node, "end_col_offset", None) or 0) if line is not None else None

"""What the parts of the resolver share: expressions with their scope and frame, and what a resolver answers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lineage.audit.discovery.flow.scopes import Scope

if TYPE_CHECKING:
    from lineage.audit.discovery.flow.program import Program

Given = dict[str, "Spot"]
"""What one call gives to the parameters of a function, or to the fields of a class."""

Frame = Mapping[ast.AST, "Given | Spot"]
"""What a function's parameters and a loop's variable are, by the function and the loop."""


class Spot(NamedTuple):
    """Name an expression, the scope and frame in which it is evaluated, and whether no name led to it."""

    node: ast.AST
    scope: Scope
    frame: Frame = {}  # noqa: RUF012 - never changed
    direct: bool = False


class Instance(ast.expr):
    """Stand for an object of a class of the tree, with the call that makes it where that is known."""

    def __init__(self, definition: ast.ClassDef, call: Spot | None) -> None:
        """`call` is the spot of an `ast.Call`."""
        super().__init__()
        self.definition, self.call = definition, call


class Follows(Protocol):
    """Describe what the parts of the resolver ask of it; `resolving.Resolver` answers.

    The parts follow what is inside an expression by the resolver, which uses the parts: they know it by this protocol.
    `choices` are the functions and loops that a value depends on, `steps` the expressions that may still be looked at.
    """

    program: Program
    choices: dict[ast.AST, Scope]
    steps: int

    def spots(self, spot: Spot, depth: int = 0) -> Iterator[Spot]:
        """Follow an expression to the constants, literals, definitions and unknown expressions that it may be."""

    def elements(self, spot: Spot, depth: int) -> Iterator[Spot]:
        """Return what a loop over an expression gives, one element after another."""

    def keys(self, spot: Spot, depth: int) -> tuple[list[object], bool]:
        """Return the values that a key may have, and whether it may have others."""

    def items(self, base: Spot, keys: list[object], depth: int, *, is_open: bool, literal: bool) -> Iterator[Spot]:
        """Follow the items of a dictionary or list that keys name, or all if the key may be any or is another one."""

    def values(self, base: Spot, depth: int) -> Iterator[Spot]:
        """Follow all items of a dictionary or list."""


def called_name(call: ast.Call) -> str:
    """Return the last name of what is called: `from_pretrained` of `AutoModel.from_pretrained(…)`."""
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""

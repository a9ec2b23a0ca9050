"""What the parts of the resolver share: expressions with their scope and frame, and what a resolver answers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lineage.audit.discovery.flow.scopes import Binding, Module, Scope

if TYPE_CHECKING:
    from lineage.audit.discovery.flow.program import Program

Given = dict[str, "Spot"]
"""What one call gives to the parameters of a function, or to the fields of a class."""

Frame = Mapping[ast.AST, "Given | Spot"]
"""What a function's parameters and a loop's variable are, by the function and the loop."""


class Spot(NamedTuple):
    """Name an expression, the scope and frame in which it is evaluated, and whether no name led to it.

    `member_of` is set for the value of a member of an enumeration: the enumeration, and the value.
    """

    node: ast.AST
    scope: Scope
    frame: Frame = {}  # noqa: RUF012 - never changed
    direct: bool = False
    member_of: tuple[Spot, ast.AST] | None = None

    @property
    def enumeration(self) -> Spot | None:
        """Return the enumeration of which this is a member; None for a part of its value, and for other values."""
        return self.member_of[0] if self.member_of is not None and self.member_of[1] is self.node else None


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

    def bound(self, bindings: list[Binding], frame: Frame, depth: int) -> Iterator[Spot]:
        """Follow what bindings bind."""

    def exported(self, name: str, module: Module, depth: int) -> list[Binding]:
        """Return the bindings of a name that another module takes from a module."""

    def attribute(self, base: Spot, name: str, depth: int) -> Iterator[Spot]:
        """Follow an attribute of a value."""


def called_name(call: ast.Call) -> str:
    """Return the last name of what is called: `from_pretrained` of `AutoModel.from_pretrained(…)`."""
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""

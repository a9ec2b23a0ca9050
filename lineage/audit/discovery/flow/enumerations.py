"""Enumerations: their members are values that stand together, and a name of their type may be any of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage.audit.discovery.flow.spots import Spot


def is_enumeration(node: ast.AST) -> bool:
    """Tell whether a class is an enumeration, by the names of its bases: `Enum`, `StrEnum`, `enum.Enum`."""
    return isinstance(node, ast.ClassDef) and any(
        (base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")).endswith("Enum")
        for base in node.bases
    )


def members_of(definition: ast.ClassDef) -> list[ast.expr]:
    """Return the values of an enumeration's members, in order."""
    return [
        each.value
        for each in definition.body
        if isinstance(each, ast.Assign)
        and any(isinstance(target, ast.Name) and not target.id.startswith("_") for target in each.targets)
    ]


def member(value: Spot, enumeration: Spot) -> Spot:
    """Mark a value as that of a member of an enumeration, so that its attributes are those of the member."""
    definition = enumeration.node
    if not is_enumeration(definition) or isinstance(value.node, ast.FunctionDef | ast.AsyncFunctionDef):
        return value
    return value._replace(member_of=(enumeration._replace(member_of=None), value.node))


def types_in(annotation: ast.expr) -> Iterator[ast.expr]:
    """Return the names of the types that an annotation allows: two for `A | B`, one for `Optional[A]`."""
    match annotation:
        case ast.Name() | ast.Attribute():
            yield annotation
        case ast.BinOp(op=ast.BitOr()):
            yield from types_in(annotation.left)
            yield from types_in(annotation.right)
        case ast.Subscript(value=ast.Name(id="Optional" | "Union" | "Annotated" | "Final" | "ClassVar")):
            inner = annotation.slice
            for each in inner.elts if isinstance(inner, ast.Tuple) else [inner]:
                yield from types_in(each)


def annotation_of(definition: ast.ClassDef, name: str) -> ast.expr | None:
    """Return the type of a class's field; None if it has none."""
    for each in definition.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.target.id == name:
            return each.annotation
    return None

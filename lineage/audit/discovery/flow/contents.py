"""What is in a value: the items of a dictionary or list, what a property gives, and the frame that goes with them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lineage.audit.discovery.flow.enumerations import is_enumeration, members_of

if TYPE_CHECKING:
    from lineage.audit.discovery.flow.scopes import Scope
    from lineage.audit.discovery.flow.spots import Frame, Spot


def items_of(node: ast.AST) -> list[ast.expr]:
    """Return the values of a dictionary or enumeration, or the elements of a list; nothing of anything else."""
    if isinstance(node, ast.ClassDef):
        return members_of(node) if is_enumeration(node) else []
    return node.values if isinstance(node, ast.Dict) else node.elts if isinstance(node, ast.Tuple | ast.List) else []


def given_in(argument: Spot, frame: Frame, called: ast.AST) -> Spot:
    """Return an argument with what is known of the loops and functions around the call, but not of what is called."""
    outer = {owner: value for owner, value in frame.items() if owner is not called}
    return argument._replace(direct=False, frame={**outer, **argument.frame})


def of_comprehension(base: Spot, node: ast.DictComp) -> Spot:
    """Return the value of a dictionary that a comprehension makes, in the scope of its loops."""
    return base._replace(node=node.value, scope=base.scope.module.scopes[node], direct=False)


def is_property(node: ast.AST, scope: Scope) -> bool:
    """Tell whether a method is read as an attribute."""
    if not isinstance(node, ast.FunctionDef) or node not in scope.module.scopes:
        return False
    names = {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in node.decorator_list}
    return bool(names & {"property", "cached_property", "computed_field"})

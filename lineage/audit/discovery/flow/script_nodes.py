"""Read the nodes that tree-sitter gives of JavaScript: texts, patterns, imports; and give places to what is made."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tree_sitter import Node

FUNCTIONS = frozenset({"arrow_function", "function_expression", "function", "generator_function"})
"""Types of nodes that are functions inside an expression."""

_ESCAPED = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "v": "\v", "\n": ""}

T = TypeVar("T", bound=ast.AST)


def at(made: T, node: Node) -> T:
    """Give a node of the syntax tree the place of a node of tree-sitter, unless it has one."""
    if not hasattr(made, "lineno"):
        made.lineno, made.col_offset = node.start_point[0] + 1, node.start_point[1]  # type: ignore[attr-defined]
        made.end_lineno, made.end_col_offset = node.end_point[0] + 1, node.end_point[1]  # type: ignore[attr-defined]
    return made


def text_of(node: Node) -> str:
    """Return the source of a node."""
    return (node.text or b"").decode(errors="replace")


def unescaped(text: str) -> str:
    """Return the characters that the source of a string stands for."""
    return _ESCAPED.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        number = int(code, 16)
        return chr(number) if number < 0x110000 else ""
    return _LETTERS.get(match[4], match[4])


def unquoted(node: Node) -> str:
    """Return the text of a string, or the source of any other node."""
    return unescaped(text_of(node)[1:-1]) if node.type in {"string", "template_string"} else text_of(node)


def constant(text: str, node: Node) -> ast.expr:
    """Make a constant at the place of a node."""
    return at(ast.Constant(value=text), node)


def assign(name: str, value: ast.expr, node: Node) -> ast.stmt:
    """Make the assignment of a value to a name."""
    return at(ast.Assign(targets=[at(ast.Name(id=name, ctx=ast.Store()), node)], value=value), node)


def properties(pattern: Node) -> Iterator[tuple[str, Node, Node | None]]:
    """Return each property of `{ a, b: c = 1 }`: its key, the pattern that it binds, and its default."""
    for each in pattern.named_children:
        if each.type == "shorthand_property_identifier_pattern":
            yield text_of(each), each, None
        elif each.type == "pair_pattern":
            key, value = each.child_by_field_name("key"), each.child_by_field_name("value")
            if key is not None and value is not None:
                left, right = value.child_by_field_name("left"), value.child_by_field_name("right")
                yield unquoted(key), left or value, right
        elif each.type == "object_assignment_pattern":
            left, right = each.child_by_field_name("left"), each.child_by_field_name("right")
            if left is not None:
                yield text_of(left), left, right


def parameters_of(function: Node) -> list[Node]:
    """Return the parameters of a function."""
    single = function.child_by_field_name("parameter")
    if single is not None:
        return [single]
    given = function.child_by_field_name("parameters")
    return [each for each in given.named_children if each.type != "comment"] if given is not None else []


def type_of(parameter: Node) -> ast.expr | None:
    """Return the type of a parameter if it is one name, such as that of an enumeration."""
    annotation = parameter.child_by_field_name("type")
    named = annotation.named_children if annotation is not None else []
    if len(named) != 1 or named[0].type != "type_identifier":
        return None
    return at(ast.Name(id=text_of(named[0]), ctx=ast.Load()), named[0])


def required(value: Node) -> str | None:
    """Return the module of `require('x')` or `await import('x')`; None for any other value."""
    call = value.named_children[0] if value.type == "await_expression" and value.named_children else value
    function, given = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    if call.type != "call_expression" or function is None or text_of(function) not in {"require", "import"}:
        return None
    first = given.named_children[0] if given is not None and given.named_children else None
    return unquoted(first) if first is not None and first.type == "string" else None


def imports(target: Node, module: str) -> list[ast.stmt]:
    """Make the imports of a pattern or import clause."""
    if target.type == "named_imports":
        names = list(aliases(target))
    elif target.type == "object_pattern":
        names = [ast.alias(name=key, asname=text_of(inner)) for key, inner, _ in properties(target)]
    elif target.type == "namespace_import":
        return [ast.Import(names=[ast.alias(name=module, asname=text_of(target.named_children[0]))])]
    elif target.parent is not None and target.parent.type == "import_clause":
        names = [ast.alias(name="default", asname=text_of(target))]
    elif target.type == "identifier":
        return [ast.Import(names=[ast.alias(name=module, asname=text_of(target))])]
    else:
        names = []
    return [ast.ImportFrom(module=module, names=names, level=0)] if names else []


def aliases(clause: Node) -> Iterator[ast.alias]:
    """Return the names of `{ a, b as c }`."""
    for each in clause.named_children:
        name, alias = each.child_by_field_name("name"), each.child_by_field_name("alias")
        if name is not None:
            yield ast.alias(name=text_of(name), asname=text_of(alias or name))

"""Translate the expressions of JavaScript."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from lineage.audit.discovery.flow import script_nodes as nodes

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_NESTING = 90
"""Expressions inside expressions; deeper ones are left out."""

_LOOPS = {"map", "forEach", "flatMap", "filter"}
_WRAPPED = {
    *("parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression", "type_assertion"),
    *("jsx_expression", "computed_property_name"),
}


class Values(ABC):
    """Translate expressions. Functions that are written inside one are put in front of its statement: `pending`."""

    def __init__(self) -> None:
        """Begin a file."""
        self.pending: list[ast.stmt] = []
        self.too_deep = False
        self._nesting = 0
        self._unnamed = 0

    @abstractmethod
    def function(self, node: Node, name: str, *, method: bool = False) -> ast.stmt:
        """Translate a function."""

    @abstractmethod
    def assigned(self, target: Node, value: ast.expr) -> list[ast.stmt]:
        """Assign a value to a name or pattern."""

    @abstractmethod
    def block(self, node: Node) -> list[ast.stmt]:
        """Translate the body of a function or loop."""

    def expression(self, node: Node) -> ast.expr:
        """Translate an expression; one that is not understood is a constant without a value."""
        if self._nesting > MAX_NESTING:
            self.too_deep = True
            return nodes.at(ast.Constant(value=None), node)
        self._nesting += 1
        try:
            return nodes.at(self._expression(node), node)
        finally:
            self._nesting -= 1

    def _expression(self, node: Node) -> ast.expr:
        handler = self._handlers.get(node.type)
        if handler is not None:
            return handler(self, node)
        if node.type in _WRAPPED and node.named_children:
            return self.expression(node.named_children[0])
        if node.type in nodes.FUNCTIONS:
            self._unnamed += 1
            name = f"<function {self._unnamed}>"
            self.pending.append(self.function(node, name))
            return ast.Name(id=name, ctx=ast.Load())
        for child in node.named_children:  # such as `!load('x')`: what is inside may be a call
            self.pending.append(nodes.at(ast.Expr(value=self.expression(child)), child))
        return ast.Constant(value=None)

    def _name(self, node: Node) -> ast.expr:
        return ast.Name(id="self" if node.type == "this" else nodes.text_of(node), ctx=ast.Load())

    def _string(self, node: Node) -> ast.expr:
        return ast.Constant(value=nodes.unquoted(node))

    def _template(self, node: Node) -> ast.expr:
        """Translate a template into an f-string."""
        values: list[ast.expr] = []
        for each in node.named_children:
            if each.type == "template_substitution" and each.named_children:
                inner = self.expression(each.named_children[0])
                values.append(nodes.at(ast.FormattedValue(value=inner, conversion=-1), each))
            elif each.type in {"string_fragment", "escape_sequence"}:
                values.append(nodes.constant(nodes.unescaped(nodes.text_of(each)), each))
        texts = [each.value for each in values if isinstance(each, ast.Constant)]
        if len(texts) == len(values):
            return ast.Constant(value="".join(str(text) for text in texts))
        return ast.JoinedStr(values=values)

    def _member(self, node: Node) -> ast.expr:
        base, name = node.child_by_field_name("object"), node.child_by_field_name("property")
        if base is None or name is None:
            return ast.Constant(value=None)
        return ast.Attribute(value=self.expression(base), attr=nodes.text_of(name), ctx=ast.Load())

    def _item(self, node: Node) -> ast.expr:
        base, index = node.child_by_field_name("object"), node.child_by_field_name("index")
        if base is None or index is None:
            return ast.Constant(value=None)
        return ast.Subscript(value=self.expression(base), slice=self.expression(index), ctx=ast.Load())

    def _call(self, node: Node) -> ast.expr:
        function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        given = node.child_by_field_name("arguments")
        if function is None or (given is not None and given.type == "template_string"):
            return ast.Constant(value=None)
        arguments = [each for each in given.named_children if each.type != "comment"] if given is not None else []
        callee = self.expression(function)
        if isinstance(callee, ast.Attribute) and callee.attr in _LOOPS and _is_function(arguments):
            self._loop(arguments[0], callee)
            return ast.Call(func=callee, args=[], keywords=[])
        values = [self.expression(each) for each in arguments]
        keywords = _keywords(values[-1]) if values else []
        return ast.Call(func=callee, args=values, keywords=keywords)

    def _loop(self, function: Node, callee: ast.Attribute) -> None:
        """Translate `x.map((a) => …)` into a loop over x."""
        parameters, body = nodes.parameters_of(function), function.child_by_field_name("body")
        if not parameters or body is None:
            return
        pattern = parameters[0].child_by_field_name("pattern") or parameters[0]
        item = f"<item {function.start_byte}>"
        bound = self.assigned(pattern, nodes.at(ast.Name(id=item, ctx=ast.Load()), pattern))
        statements = [nodes.at(each, function) for each in bound]
        target = nodes.at(ast.Name(id=item, ctx=ast.Store()), pattern)
        loop = ast.For(target=target, iter=callee.value, body=[*statements, *self.block(body)], orelse=[])
        self.pending.append(nodes.at(loop, function))

    def _object(self, node: Node) -> ast.expr:
        keys: list[ast.expr | None] = []
        values: list[ast.expr] = []
        for each in node.named_children:
            key, value = each.child_by_field_name("key"), each.child_by_field_name("value")
            if each.type == "pair" and key is not None and value is not None:
                computed = key.type == "computed_property_name"
                keys.append(self.expression(key) if computed else nodes.constant(nodes.unquoted(key), key))
                values.append(self.expression(value))
            elif each.type == "shorthand_property_identifier":
                keys.append(nodes.constant(nodes.text_of(each), each))
                values.append(nodes.at(ast.Name(id=nodes.text_of(each), ctx=ast.Load()), each))
            elif each.type == "spread_element" and each.named_children:
                keys.append(None)
                values.append(self.expression(each.named_children[0]))
            elif each.type == "method_definition":
                name = each.child_by_field_name("name")
                self.pending.append(self.function(each, nodes.text_of(name or each)))
        return ast.Dict(keys=keys, values=values)

    def _array(self, node: Node) -> ast.expr:
        return ast.List(
            elts=[self.expression(each) for each in node.named_children if each.type != "comment"], ctx=ast.Load()
        )

    def _either(self, node: Node) -> ast.expr:
        parts = [node.child_by_field_name(name) for name in ("condition", "consequence", "alternative")]
        test, body, other = (self.expression(part) if part is not None else ast.Constant(value=None) for part in parts)
        return ast.IfExp(test=test, body=body, orelse=other)

    def _binary(self, node: Node) -> ast.expr:
        operator = node.child_by_field_name("operator")
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if operator is None or left is None or right is None:
            return ast.Constant(value=None)
        parts = [self.expression(left), self.expression(right)]
        if nodes.text_of(operator) == "+":
            return ast.BinOp(left=parts[0], op=ast.Add(), right=parts[1])
        if nodes.text_of(operator) in {"||", "??", "&&"}:
            return ast.BoolOp(op=ast.Or(), values=parts)
        return ast.Compare(left=parts[0], ops=[ast.Eq()], comparators=parts[1:])

    def _inner(self, node: Node) -> ast.expr:
        value = self.expression(node.named_children[0]) if node.named_children else ast.Constant(value=None)
        return ast.Starred(value=value, ctx=ast.Load()) if node.type == "spread_element" else ast.Await(value=value)

    def _assigned(self, node: Node) -> ast.expr:
        """Translate an assignment inside an expression."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return ast.Constant(value=None)
        value = self.expression(right)
        self.pending += [nodes.at(each, node) for each in self.assigned(left, value)]
        return value

    def _element(self, node: Node) -> ast.expr:
        """Translate `<Tag name={value}>` into a call with keywords."""
        opening = node.child_by_field_name("open_tag") or node
        name = opening.child_by_field_name("name")
        keywords = []
        for each in opening.named_children:
            if each.type == "jsx_attribute" and len(each.named_children) == 2:
                key, value = each.named_children
                keywords.append(nodes.at(ast.keyword(arg=nodes.text_of(key), value=self.expression(value)), each))
        for child in node.named_children if opening is not node else ():
            if child.type.startswith("jsx") and "tag" not in child.type and child.type != "jsx_text":
                self.pending.append(nodes.at(ast.Expr(value=self.expression(child)), child))
        called = ast.Name(id=nodes.text_of(name) if name is not None else "_", ctx=ast.Load())
        return ast.Call(func=nodes.at(called, node), args=[], keywords=keywords)

    _handlers: ClassVar[dict[str, Callable[[Values, Node], ast.expr]]] = {
        "identifier": _name,
        "this": _name,
        "super": _name,
        "shorthand_property_identifier_pattern": _name,
        "string": _string,
        "template_string": _template,
        "member_expression": _member,
        "subscript_expression": _item,
        "call_expression": _call,
        "new_expression": _call,
        "object": _object,
        "array": _array,
        "ternary_expression": _either,
        "binary_expression": _binary,
        "await_expression": _inner,
        "spread_element": _inner,
        "assignment_expression": _assigned,
        "jsx_element": _element,
        "jsx_self_closing_element": _element,
    }


def _is_function(arguments: list[Node]) -> bool:
    return bool(arguments) and arguments[0].type in nodes.FUNCTIONS


def _keywords(last: ast.expr) -> list[ast.keyword]:
    """Return the properties of an object that is the last argument, as keywords."""
    if not isinstance(last, ast.Dict):
        return []
    found = []
    for key, value in zip(last.keys, last.values, strict=True):
        name = key.value if isinstance(key, ast.Constant) else None
        if key is None or isinstance(name, str):
            found.append(ast.copy_location(ast.keyword(arg=name if isinstance(name, str) else None, value=value), last))
    return found

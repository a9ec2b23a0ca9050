"""Translate JavaScript and TypeScript into Python's syntax tree, so that one resolver follows values in both.

The parser is tree-sitter with its TypeScript grammars: the TSX one reads JavaScript and JSX also, it reads on behind an
error, and it is a wheel without further dependencies. The translation keeps what values flow through, and the places;
it leaves out types and control flow, since a branch that is not taken is read anyway. An object that is the last
argument of a call becomes keywords as well: `pipeline(task, id, { revision })`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from lineage.audit.discovery.flow import script_nodes as nodes
from lineage.audit.discovery.flow.script_values import Values

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_SKIPPED = {"comment", "interface_declaration", "type_alias_declaration", "empty_statement", "hash_bang_line"}
_OPENED = ("_statement", "_clause", "_block", "block", "_body", "switch_case", "switch_default", "internal_module")


def translate(source: str, *, typescript: bool = False) -> ast.Module:
    """Translate a source; what is not valid is left out. `typescript` is for files in which `<T>x` is a cast.

    Raises RecursionError for a source that nests deeper than it can be translated.
    """
    tree = _parser("typescript" if typescript else "tsx").parse(source.encode(errors="replace"))
    translation = _Translation()
    body = translation.statements(tree.root_node)
    if translation.too_deep:
        raise RecursionError("expressions nest too deep")
    return ast.Module(body=body, type_ignores=[])


@cache
def _parser(grammar: str) -> Parser:
    import tree_sitter
    import tree_sitter_typescript

    language = getattr(tree_sitter_typescript, f"language_{grammar}")()
    return tree_sitter.Parser(tree_sitter.Language(language))


class _Translation(Values):
    """Translate the statements of one file."""

    def statements(self, node: Node) -> list[ast.stmt]:
        """Translate the statements in a node, those of blocks inside them included."""
        found: list[ast.stmt] = []
        stack = list(reversed(node.named_children))
        while stack:
            each = stack.pop()
            if each.type in _SKIPPED:
                continue
            handler = self._statement_handlers.get(each.type)
            outer, self.pending = self.pending, []
            if handler is not None:
                made = handler(self, each)
            elif each.type.endswith(_OPENED) or each.type == "ERROR":
                made = []
                stack.extend(reversed(each.named_children))
            else:
                made = [nodes.at(ast.Expr(value=self.expression(each)), each)]
            found += [*self.pending, *made]
            self.pending = outer
        return found

    def _declaration(self, node: Node) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for each in node.named_children:
            name, value = each.child_by_field_name("name"), each.child_by_field_name("value")
            if each.type == "variable_declarator" and name is not None and value is not None:
                module = nodes.required(value)
                if module is not None:
                    found += [nodes.at(made, each) for made in nodes.imports(name, module)]
                elif value.type in nodes.FUNCTIONS and name.type == "identifier":
                    found.append(self.function(value, nodes.text_of(name)))
                else:
                    found += [nodes.at(made, each) for made in self.assigned(name, self.expression(value))]
        return found

    def assigned(self, target: Node, value: ast.expr) -> list[ast.stmt]:
        """Assign to each name of a pattern: `{ a, b: c = 1 }` takes attributes."""
        if target.type == "object_pattern":
            found = []
            for key, inner, default in nodes.properties(target):
                part: ast.expr = nodes.at(ast.Attribute(value=value, attr=key, ctx=ast.Load()), inner)
                if default is not None:
                    part = nodes.at(ast.BoolOp(op=ast.Or(), values=[part, self.expression(default)]), inner)
                found += self.assigned(inner, part)
            return found
        return [nodes.at(ast.Assign(targets=[self._target(target)], value=value), target)]

    def _target(self, node: Node) -> ast.expr:
        if node.type == "array_pattern":
            return nodes.at(ast.Tuple(elts=[self._target(each) for each in node.named_children], ctx=ast.Store()), node)
        made = self.expression(node)
        if isinstance(made, ast.Name | ast.Attribute | ast.Subscript):
            return made
        return nodes.at(ast.Name(id="_", ctx=ast.Store()), node)

    def _expression_statement(self, node: Node) -> list[ast.stmt]:
        if not node.named_children:
            return []
        inner = node.named_children[0]
        left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
        if inner.type == "assignment_expression" and left is not None and right is not None:
            if right.type in nodes.FUNCTIONS:
                return [self.function(right, nodes.text_of(left).rpartition(".")[2])]
            return [nodes.at(each, node) for each in self.assigned(left, self.expression(right))]
        return [nodes.at(ast.Expr(value=self.expression(inner)), node)]

    def _for_each(self, node: Node) -> list[ast.stmt]:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        body = node.child_by_field_name("body")
        if left is None or right is None or body is None:
            return []
        item = f"<item {node.start_byte}>"
        bound = self.assigned(left, nodes.at(ast.Name(id=item, ctx=ast.Load()), left))
        target = nodes.at(ast.Name(id=item, ctx=ast.Store()), left)
        loop = ast.For(target=target, iter=self.expression(right), body=[*bound, *self.block(body)], orelse=[])
        return [nodes.at(loop, node)]

    def block(self, node: Node) -> list[ast.stmt]:
        """Translate a body, which may be one expression."""
        if node.type == "statement_block":
            return self.statements(node)
        outer, self.pending = self.pending, []
        if node.type.endswith("_statement"):
            made = (self._statement_handlers.get(node.type) or type(self).statements)(self, node)
        else:
            made = [nodes.at(ast.Expr(value=self.expression(node)), node)]
        made = [*self.pending, *made]
        self.pending = outer
        return made

    def _return(self, node: Node) -> list[ast.stmt]:
        value = self.expression(node.named_children[0]) if node.named_children else None
        return [nodes.at(ast.Return(value=value), node)]

    def _import(self, node: Node) -> list[ast.stmt]:
        source = node.child_by_field_name("source")
        clause = next((each for each in node.named_children if each.type == "import_clause"), None)
        if source is None or clause is None:
            return []
        module = nodes.unquoted(source)
        return [nodes.at(each, node) for part in clause.named_children for each in nodes.imports(part, module)]

    def _export(self, node: Node) -> list[ast.stmt]:
        source, value = node.child_by_field_name("source"), node.child_by_field_name("value")
        declaration = node.child_by_field_name("declaration")
        clause = next((each for each in node.named_children if each.type == "export_clause"), None)
        if source is not None:
            names = [ast.alias(name="*")] if clause is None else list(nodes.aliases(clause))
            return [nodes.at(ast.ImportFrom(module=nodes.unquoted(source), names=names, level=0), node)]
        if declaration is not None:
            handler = self._statement_handlers.get(declaration.type)
            found = handler(self, declaration) if handler is not None else []
            name = getattr(found[-1], "name", None) if found else None
            if name and any(each.type == "default" for each in node.children):
                found.append(nodes.assign("default", _loaded(name, node), node))
            return found
        if value is not None:
            return [nodes.assign("default", self.expression(value), node)]
        given = nodes.aliases(clause) if clause is not None else ()
        return [
            nodes.assign(each.asname, _loaded(each.name, node), node)
            for each in given
            if each.asname != each.name and each.asname
        ]

    def _named_function(self, node: Node) -> list[ast.stmt]:
        name = node.child_by_field_name("name")
        return [self.function(node, nodes.text_of(name) if name is not None else "default")]

    def function(self, node: Node, name: str, *, method: bool = False) -> ast.stmt:
        """Translate a function; parameters in `{}` become parameters of their own, given by keyword."""
        given = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        if method:
            given.args.append(nodes.at(ast.arg(arg="self"), node))
        for parameter in nodes.parameters_of(node):
            destructured = _pattern_of(parameter).type == "object_pattern"
            for inner, default in self._parameter(parameter):
                annotation = None if destructured else nodes.type_of(parameter)
                argument = nodes.at(ast.arg(arg=nodes.text_of(inner), annotation=annotation), inner)
                if destructured or default is not None or given.defaults:
                    given.kwonlyargs.append(argument)
                    given.kw_defaults.append(default)
                if not destructured:
                    given.args.append(argument)
        _split_defaults(given)
        body = node.child_by_field_name("body")
        statements: list[ast.stmt] = []
        outer, self.pending = self.pending, []
        if body is not None and body.type == "statement_block":
            statements = self.statements(body)
        elif body is not None:
            value = self.expression(body)
            statements = [*self.pending, nodes.at(ast.Return(value=value), body)]
        self.pending = outer
        return nodes.at(ast.FunctionDef(name=name, args=given, body=statements, decorator_list=[]), node)

    def _parameter(self, node: Node) -> Iterator[tuple[Node, ast.expr | None]]:
        """Return the names that a parameter binds, and their defaults."""
        pattern = _pattern_of(node)
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        if pattern.type == "object_pattern":
            for _, inner, default in nodes.properties(pattern):
                yield inner, self.expression(default) if default is not None else None
        elif pattern.type == "identifier":
            yield pattern, self.expression(value) if value is not None else None

    def _class(self, node: Node) -> list[ast.stmt]:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        members: list[ast.stmt] = []
        outer, self.pending = self.pending, []
        for each in body.named_children if body is not None else ():
            key = each.child_by_field_name("name") or each.child_by_field_name("property")
            value = each.child_by_field_name("value")
            if key is None:
                continue
            if each.type == "method_definition":
                called = "__init__" if nodes.text_of(key) == "constructor" else nodes.text_of(key)
                members.append(self.function(each, called, method=True))
            elif value is not None and value.type in nodes.FUNCTIONS:
                members.append(self.function(value, nodes.text_of(key), method=True))
            elif value is not None:
                members.append(nodes.assign(nodes.text_of(key), self.expression(value), each))
        members = [*self.pending, *members]
        self.pending = outer
        bases = [self.expression(each) for each in _heritage(node)]
        if node.type == "enum_declaration":
            bases.append(_loaded("Enum", node))
        called = nodes.text_of(name) if name is not None else "_"
        return [nodes.at(ast.ClassDef(name=called, bases=bases, keywords=[], body=members, decorator_list=[]), node)]

    _statement_handlers: ClassVar[dict[str, Callable[[_Translation, Node], list[ast.stmt]]]] = {
        "lexical_declaration": _declaration,
        "variable_declaration": _declaration,
        "expression_statement": _expression_statement,
        "for_in_statement": _for_each,
        "return_statement": _return,
        "import_statement": _import,
        "export_statement": _export,
        "function_declaration": _named_function,
        "generator_function_declaration": _named_function,
        "class_declaration": _class,
        "abstract_class_declaration": _class,
        "enum_declaration": _class,
    }


def _pattern_of(parameter: Node) -> Node:
    """Return the name or pattern of a parameter, without its type and default."""
    pattern = parameter.child_by_field_name("pattern") or parameter.child_by_field_name("left") or parameter
    return pattern.child_by_field_name("left") or pattern


def _split_defaults(given: ast.arguments) -> None:
    """Leave each parameter once: by position if no default stands before it, else by keyword.

    JavaScript allows a parameter without a default behind one with a default; Python's tree does not.
    """
    names = {argument.arg for argument in given.args}
    defaults = {argument.arg: default for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)}
    kept = [
        (argument, default)
        for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if argument.arg not in names
    ]
    given.kwonlyargs, given.kw_defaults = [each for each, _ in kept], [default for _, default in kept]
    first = next(
        (at for at, argument in enumerate(given.args) if defaults.get(argument.arg) is not None), len(given.args)
    )
    given.defaults = [
        defaults.get(argument.arg) or ast.copy_location(ast.Constant(value=None), argument)
        for argument in given.args[first:]
    ]


def _heritage(node: Node) -> Iterator[Node]:
    """Return the classes that a class extends."""
    for each in node.named_children:
        if each.type == "class_heritage":
            for part in each.named_children:
                yield part.child_by_field_name("value") or part if part.type == "extends_clause" else part


def _loaded(name: str, node: Node) -> ast.expr:
    return nodes.at(ast.Name(id=name, ctx=ast.Load()), node)

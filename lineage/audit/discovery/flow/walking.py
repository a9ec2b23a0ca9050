"""Walk over the syntax tree of a module once, and note what each name is bound to, its calls and its strings.

The walk keeps its own stack: a source may nest deeper than Python's.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Literal

from lineage.audit.discovery.flow.deferred import deferred
from lineage.audit.discovery.flow.scopes import (
    ANY_KEY,
    COMPREHENSIONS,
    FUNCTIONS,
    Binding,
    FunctionNode,
    Imported,
    Literally,
    Module,
    Parameter,
    Scope,
    parameters,
)
from lineage.audit.discovery.texts import Text


def read_module(text: Text, tree: ast.Module, language: Literal["python", "javascript"] = "python") -> Module:
    """Make the module of a text whose syntax tree is given."""
    module = Module(text, tree, language)
    _Walk(module).run()
    return module


_NOTED = {ast.NamedExpr, ast.Call, ast.Dict, ast.List, ast.Tuple, ast.JoinedStr, ast.Constant}
_LEAVES = {ast.Name, ast.Load, ast.Store, ast.Del, ast.Pass, ast.alias, ast.arg, ast.Break, ast.Continue}
_OPERATORS = (ast.operator, ast.cmpop, ast.boolop, ast.unaryop)


def _children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes in a node that may hold something to note."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        for child in value if isinstance(value, list) else (value,):
            kind = type(child)
            if isinstance(child, ast.Constant):
                if isinstance(child.value, str) and ("hf" in child.value or "huggingface" in child.value):
                    found.append(child)
            elif isinstance(child, ast.AST) and kind not in _LEAVES and not isinstance(child, _OPERATORS):
                found.append(child)
    return found


class _Walk:
    """Bind the names of a module."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.stack: list[tuple[ast.AST, Scope]] = [(module.tree, module.scope)]

    def run(self) -> None:
        while self.stack:
            node, scope = self.stack.pop()
            self.visit(node, scope)

    def visit(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, FUNCTIONS):
            self.function(node, scope)
        elif isinstance(node, ast.ClassDef):
            scope.names[node.name].append(Binding(node, scope))
            inner = self.open(node, scope)
            self.push([*node.decorator_list, *node.bases, *node.keywords], scope)
            self.push(node.body, inner)
        elif isinstance(node, COMPREHENSIONS):
            self.comprehension(node, scope)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):  # a docstring uses nothing
            if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
                self.module.branches.add(node)
                if isinstance(node, ast.Global):
                    scope.globals.update(node.names)
                self.bind(node, scope)
            elif type(node) in _NOTED:
                self.note(node, scope)
            self.push(_children(node), scope)

    def push(self, nodes: Sequence[ast.AST], scope: Scope) -> None:
        self.stack.extend((node, scope) for node in reversed(nodes))

    def open(self, node: ast.AST, parent: Scope) -> Scope:
        scope = self.module.scopes[node] = Scope(node, self.module, parent)
        return scope

    def function(self, node: FunctionNode, scope: Scope) -> None:
        inner = self.open(node, scope)
        if isinstance(node, ast.Lambda):
            body: list[ast.stmt] = []
            inner.returns.append(node.body)
            self.push([node.body], inner)
        else:
            scope.names[node.name].append(Binding(node, scope))
            body = node.body
            self.push(node.decorator_list, scope)
        for parameter in parameters(node):
            inner.names[parameter.name].append(Binding(parameter, inner))
            if parameter.default is not None:
                self.label(parameter.name, parameter.default)
                self.push([parameter.default], scope)
        if node.args.vararg is not None:
            rest = Parameter(node.args.vararg.arg, node, None, None)
            inner.names[rest.name].append(Binding(rest, inner))
        self.push(body, inner)

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope) -> None:
        inner = self.open(node, scope)
        for generator in node.generators:
            self.target(generator.target, Binding(generator.iter, inner, "element", owner=generator), inner)
            self.push([generator.iter, *generator.ifs], inner)
        if isinstance(node, ast.DictComp):
            self.push([node.key, node.value], inner)
        else:
            self.push([node.elt], inner)

    def bind(self, node: ast.AST, scope: Scope) -> None:
        """Bind what a statement or expression binds, and note calls and strings."""
        match node:
            case ast.Assign():
                for target in node.targets:
                    self.target(target, Binding(node.value, scope), scope)
            case ast.AnnAssign(value=ast.expr() as value):
                self.target(node.target, Binding(value, scope), scope)
                if isinstance(scope.node, ast.ClassDef) and isinstance(node.target, ast.Name):
                    self.module.fields[node.target.id].append(Binding(value, scope))
            case ast.AugAssign(target=ast.Name(id=base)):
                scope.names[f"{base}+"].append(Binding(node.value, scope))
            case ast.For() | ast.AsyncFor():
                self.target(node.target, Binding(node.iter, scope, "element", owner=node), scope)
            case ast.With() | ast.AsyncWith():
                self.opened(node.items, scope)
            case ast.Import() | ast.ImportFrom():
                self.imports(node, scope)
            case ast.Return(value=ast.expr() as value) | ast.Expr(value=ast.Yield(value=ast.expr() as value)):
                self.returned(value, scope)

    def opened(self, items: list[ast.withitem], scope: Scope) -> None:
        for item in items:
            if item.optional_vars is not None:
                self.target(item.optional_vars, Binding(item.context_expr, scope), scope)

    def returned(self, value: ast.expr, scope: Scope) -> None:
        function = scope.function()
        if function is not None:
            function.returns.append(value)

    def note(self, node: ast.AST, scope: Scope) -> None:
        """Note what an expression is looked at for later."""
        match node:
            case ast.NamedExpr():
                self.target(node.target, Binding(node.value, scope), scope)
            case ast.Call():
                self.call(node, scope)
            case ast.Dict():
                self.keys(node, "")
            case ast.List() | ast.Tuple():
                self.module.lists.append((node, scope))
            case ast.JoinedStr() if any("huggingface" in str(getattr(each, "value", "")) for each in node.values):
                self.module.formatted.append((node, scope))
            case ast.Constant():
                self.module.literals.append(Literally(node, ""))

    def call(self, node: ast.Call, scope: Scope) -> None:
        self.module.calls += [(each, scope) for each in (node, *deferred(node))]
        for keyword in node.keywords:
            if keyword.arg:
                self.label(keyword.arg, keyword.value)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            self.grown(node.func.value.id, name, node, scope)
        if name in {"add_argument", "DEFINE_string", "DEFINE_enum", "set_defaults"}:
            for option, default in _options(node, name):
                self.module.fields[option].append(Binding(default, scope))
                self.label(option, default)

    def grown(self, base: str, name: str, call: ast.Call, scope: Scope) -> None:
        """Bind what a call adds to a list or dictionary, under its name and a plus."""
        added: ast.expr | None = None
        if name in {"append", "add", "push", "insert"} and call.args:
            added = ast.List(elts=[call.args[-1]], ctx=ast.Load())
        elif name in {"extend", "update"} and call.args:
            added = call.args[0]
        elif name == "update" and call.keywords:
            keys: list[ast.expr | None] = [ast.Constant(value=each.arg) if each.arg else None for each in call.keywords]
            added = ast.Dict(keys=keys, values=[each.value for each in call.keywords])
        if added is not None:
            scope.names[f"{base}+"].append(Binding(added, scope))

    def target(self, target: ast.expr, binding: Binding, scope: Scope) -> None:
        """Bind a target; what is assigned to an attribute or item is bound under its text."""
        match target:
            case ast.Name():
                (self.module.scope if target.id in scope.globals else scope).names[target.id].append(binding)
                self.label(target.id, binding.node)
            case ast.Tuple() | ast.List():
                for index, part in enumerate(target.elts):
                    self.target(part, binding._replace(path=(*binding.path, index)), scope)
            case ast.Attribute(value=ast.Name(id=base)):
                owner = scope.enclosing_class() if base in {"self", "cls", "this"} else scope
                name = target.attr if base in {"self", "cls", "this"} else f"{base}.{target.attr}"
                (owner or scope).names[name].append(binding)
                self.label(target.attr, binding.node)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self" | "cls" | "this"), attr=held)):
                (scope.enclosing_class() or scope).names[f"{held}.{target.attr}"].append(binding)
                self.label(target.attr, binding.node)
            case ast.Subscript(value=ast.Name(id=base), slice=ast.Constant(value=str() as key)):
                scope.names[f"{base}[{key}]"].append(binding)
                self.label(key, binding.node)
            case ast.Subscript(value=ast.Name(id=base)):
                holder: Scope | None = scope
                while holder is not None and base not in holder.names:
                    holder = holder.parent
                (holder or scope).names[f"{base}[{ANY_KEY}]"].append(binding)

    def imports(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                bound, module = alias.asname or alias.name.partition(".")[0], alias.name
                imported = Imported(module if alias.asname else bound, 0, None)
            elif alias.name == "*":
                self.module.stars.append(Imported(node.module or "", node.level, None))
                continue
            else:
                bound, imported = alias.asname or alias.name, Imported(node.module or "", node.level, alias.name)
            scope.names[bound].append(Binding(ast.copy_location(imported, node), scope))

    def label(self, label: str, node: ast.AST) -> None:
        """Note the strings that an expression puts under a name."""
        match node:
            case ast.Constant(value=str()):
                self.module.literals.append(Literally(node, label))
            case ast.List() | ast.Tuple() | ast.Set():
                for element in node.elts[:1000]:
                    self.label(label, element)
            case ast.IfExp():
                self.label(label, node.body)
                self.label(label, node.orelse)
            case ast.BoolOp():
                self.label(label, node.values[-1])
            case ast.Dict():
                self.keys(node, label)

    def keys(self, node: ast.Dict, label: str) -> None:
        """Note the strings of a dictionary under its keys, and with `label` also under the name of the dictionary."""
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                own = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
                self.module.literals.extend(Literally(value, each) for each in (label or own,) if each)


def _options(call: ast.Call, name: str) -> list[tuple[str, ast.expr]]:
    """Return the options that a call declares, and their defaults."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    if name == "set_defaults":
        return list(keywords.items())
    texts = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if name.startswith("DEFINE"):
        return [(texts[0], call.args[1])] if texts and len(call.args) > 1 else []
    choices = keywords.get("choices")
    listed = list(choices.elts) if isinstance(choices, ast.List | ast.Tuple) else []
    default = keywords.get("default") or keywords.get("const") or next(iter(listed), None)
    dest = keywords.get("dest")
    if default is None or not (texts or dest):
        return []
    if isinstance(dest, ast.Constant) and isinstance(dest.value, str):
        return [(dest.value, default)]
    option = next((text for text in texts if text.startswith("--")), texts[0] if texts else "")
    return [(option.lstrip("-").replace("-", "_"), value) for value in [default, *listed]]

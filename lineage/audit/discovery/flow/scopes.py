"""Scopes: what each name of a module is bound to, as `walking` finds it.

JavaScript is translated into the same syntax tree, so that one walk and one resolver serve both languages.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cached_property
from typing import Literal, NamedTuple

from lineage.audit.discovery.flow.reaching import Branches
from lineage.audit.discovery.texts import Text

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)

ANY_KEY = "?"
"""The key under which an item is bound that is assigned by a key that is not a text: `REGISTRY[name] = …`."""

Path = tuple[int | str, ...]
"""How a target is taken out of a value: `a, (b, c) = v` binds c to `(1, 1)` of v."""


class Imported(ast.expr):
    """Stand for what an import binds: a module, or with `name` something of a module."""

    def __init__(self, module: str, level: int, name: str | None) -> None:
        """`level` counts the dots in front of the module's name."""
        super().__init__()
        self.module, self.level, self.name = module, level, name


class Parameter(ast.expr):
    """Stand for what a call gives to a parameter of a function."""

    def __init__(
        self, name: str, function: FunctionNode, default: ast.expr | None, annotation: ast.expr | None
    ) -> None:
        """`default` is None if the parameter has none."""
        super().__init__()
        self.name, self.function, self.default, self.annotation = name, function, default, annotation


class Binding(NamedTuple):
    """Say what a name is bound to: an expression and the scope in which it is evaluated.

    Of kind `element`, the name is bound to the elements of the expression, one after another, by the loop `owner`.
    """

    node: ast.AST
    scope: Scope
    kind: Literal["value", "element"] = "value"
    path: Path = ()
    owner: ast.AST | None = None


class Scope:
    """Hold the names of a module, class, function or comprehension. `node` is what opened it."""

    def __init__(self, node: ast.AST, module: Module, parent: Scope | None = None) -> None:
        """A module's own scope has no parent."""
        self.node, self.module, self.parent = node, module, parent
        self.names: defaultdict[str, list[Binding]] = defaultdict(list)
        self.returns: list[ast.expr] = []
        self.returned: ast.List | None = None
        self.globals: set[str] = set()

    def lookup(self, name: str, use: ast.AST | None = None) -> list[Binding]:
        """Return the bindings of a name that is used here; methods do not see the names of their class.

        With `use`, the expression that uses it, bindings of the same scope that cannot reach it are left out.
        """
        scope: Scope | None = self
        same = use is not None and self.module.language == "python"
        while scope is not None:
            if name in scope.names and (scope is self or not isinstance(scope.node, ast.ClassDef)):
                found = scope.names[name]
                return self.module.branches.reaching(found, use) if same and use is not None else found
            same = same and isinstance(scope.node, COMPREHENSIONS)
            scope = scope.parent
        return []

    def function(self) -> Scope | None:
        """Return the scope of the function around, or this one; None outside of functions."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, FUNCTIONS):
            scope = scope.parent
        return scope

    def enclosing_class(self) -> Scope | None:
        """Return the scope of the class whose method this is in."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, ast.ClassDef):
            scope = scope.parent
        return scope


class Literally(NamedTuple):
    """Keep a string of a module and the name that it stands under: a variable, key, keyword or parameter."""

    node: ast.Constant
    label: str


class Module:
    """Hold one parsed text: its scope, its calls, and its strings."""

    def __init__(self, text: Text, tree: ast.Module, language: Literal["python", "javascript"] = "python") -> None:
        """Make a module of which nothing is noted yet; `walking.read_module` walks its syntax tree."""
        self.text, self.tree, self.language = text, tree, language
        self.scope = Scope(tree, self)
        self.scopes: dict[ast.AST, Scope] = {tree: self.scope}
        self.calls: list[tuple[ast.Call, Scope]] = []
        self.literals: list[Literally] = []
        self.formatted: list[tuple[ast.JoinedStr, Scope]] = []
        self.lists: list[tuple[ast.List | ast.Tuple, Scope]] = []
        self.fields: defaultdict[str, list[Binding]] = defaultdict(list)
        self.stars: list[Imported] = []
        self.branches: Branches[Binding] = Branches()

    @cached_property
    def calls_by_name(self) -> dict[str, list[tuple[ast.Call, Scope]]]:
        """Return the calls by the last part of what is called."""
        found: defaultdict[str, list[tuple[ast.Call, Scope]]] = defaultdict(list)
        for call, scope in self.calls:
            func = call.func
            name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
            found[name].append((call, scope))
        return found

    @cached_property
    def classes_by_base(self) -> dict[str, list[tuple[ast.ClassDef, Scope]]]:
        """Return the classes by the last part of the names of their bases, and the scopes that they are in."""
        found: defaultdict[str, list[tuple[ast.ClassDef, Scope]]] = defaultdict(list)
        for node, inner in self.scopes.items():
            if isinstance(node, ast.ClassDef) and inner.parent is not None:
                for base in node.bases:
                    found[getattr(base, "id", getattr(base, "attr", ""))].append((node, inner.parent))
        return found


def parameters(node: FunctionNode) -> list[Parameter]:
    """Return the parameters of a function, in order, without `*args`."""
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    found = [
        Parameter(each.arg, node, default, each.annotation) for each, default in zip(positional, defaults, strict=True)
    ]
    found += [
        Parameter(each.arg, node, default, each.annotation)
        for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    if given.kwarg is not None:
        found.append(Parameter(given.kwarg.arg, node, None, None))
    return found

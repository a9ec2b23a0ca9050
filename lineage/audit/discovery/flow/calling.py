"""Join calls with what they call: which function a call runs, and what it gives to the function's parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Protocol

from lineage.audit.discovery.flow.declared import arguments, declared_defaults, is_partial
from lineage.audit.discovery.flow.scopes import FunctionNode, Parameter, Scope, parameters
from lineage.audit.discovery.flow.spots import Follows, Given, Instance, Spot

MAX_CALLS = 200
"""Calls of one function that are followed."""

MAX_DERIVED = 50
"""Classes derived from one that are looked at."""

MAX_NESTED = 8
"""Calls that are resolved to resolve another one."""

_Function = tuple[FunctionNode, Scope]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_TARGET_STEPS = 800


class Calling:
    """Answer what calls of one program call."""

    def __init__(self, resolver: Follows) -> None:
        """Use the resolver for the expressions that are called."""
        self.resolver = resolver
        self._alternatives: dict[ast.AST, list[Given]] = {}
        self._targets: dict[ast.AST, list[Spot]] = {}
        self._nested = 0
        self._names: dict[ast.AST, list[str]] = {}
        self._derived: dict[ast.AST, list[tuple[ast.ClassDef, Scope]]] = {}

    @staticmethod
    def is_self(parameter: Parameter, scope: Scope) -> bool:
        """Tell whether a parameter is the object or class whose method it belongs to; `scope` is the function's."""
        function = parameter.function
        if isinstance(function, ast.Lambda) or scope.parent is None or not isinstance(scope.parent.node, ast.ClassDef):
            return False
        if any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in function.decorator_list):
            return False
        positional = [*function.args.posonlyargs, *function.args.args]
        return bool(positional) and positional[0].arg == parameter.name

    def targets(self, call: ast.Call, scope: Scope) -> list[Spot]:
        """Return the functions and classes of the tree that a call may run."""
        known = self._targets.get(call)
        if known is None:
            if self._nested >= MAX_NESTED:
                return []
            self._targets[call] = []  # for a call that leads to itself
            self._nested += 1
            try:
                self._targets[call] = known = list(self._found_targets(call, scope))
            finally:
                self._nested -= 1
        return known

    def _found_targets(self, call: ast.Call, scope: Scope) -> Iterator[Spot]:
        resolver = self.resolver
        steps, choices = resolver.steps, resolver.choices
        resolver.steps, resolver.choices = _TARGET_STEPS, {}
        try:
            ends = list(resolver.spots(Spot(call.func, scope), 4))
        finally:
            resolver.steps, resolver.choices = steps, choices
        for end in ends:
            if isinstance(end.node, (*_FUNCTIONS, ast.ClassDef)):
                yield end
            elif isinstance(end.node, ast.Call) and is_partial(end.node) and self._nested < MAX_NESTED:
                yield from self._found_targets(ast.Call(func=end.node.args[0], args=[], keywords=[]), end.scope)
            elif isinstance(end.node, Instance):
                called = self.method(end.node.definition, "__call__", end.scope)
                if isinstance(call.func, ast.Name) and call.func.id == "cls":
                    yield end._replace(node=end.node.definition)
                elif called is not None:
                    yield Spot(called[0], called[1].parent or called[1])
        if self._is_super_init(call):
            yield from self._super_init(scope)

    @staticmethod
    def _is_super_init(call: ast.Call) -> bool:
        func = call.func
        if isinstance(func, ast.Name):
            return func.id == "super"  # JavaScript's call of the constructor above
        return (
            isinstance(func, ast.Attribute)
            and func.attr == "__init__"
            and isinstance(func.value, ast.Call)
            and isinstance(func.value.func, ast.Name)
            and func.value.func.id == "super"
        )

    def _super_init(self, scope: Scope) -> Iterator[Spot]:
        owner = scope.enclosing_class()
        if owner is not None and isinstance(owner.node, ast.ClassDef) and owner.parent is not None:
            yield from self._bases(owner.node, owner.parent)

    def _bases(self, definition: ast.ClassDef, scope: Scope) -> Iterator[Spot]:
        for base in definition.bases:
            for end in self.resolver.spots(Spot(base, scope), 8):
                if isinstance(end.node, ast.ClassDef) and end.node is not definition:
                    yield end

    def method(self, definition: ast.ClassDef, name: str, scope: Scope, depth: int = 0) -> _Function | None:
        """Return a method of a class or of its bases, and the method's scope; None if the tree has none."""
        own = scope.module.scopes.get(definition)
        for binding in own.names.get(name, []) if own else []:
            if isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef):
                return binding.node, binding.scope.module.scopes[binding.node]
        for base in self._bases(definition, scope) if depth < 6 else ():
            assert isinstance(base.node, ast.ClassDef)
            found = self.method(base.node, name, base.scope, depth + 1)
            if found is not None:
                return found
        return None

    def alternatives(self, owner: ast.AST, scope: Scope) -> list[Given]:
        """Return what the calls of a function or class of fields give, and its defaults as one entry more."""
        if owner not in self._alternatives:
            self._alternatives[owner] = []  # for a function that calls itself
            self._alternatives[owner] = list(self._found_alternatives(owner, scope))
        return self._alternatives[owner]

    def _found_alternatives(self, owner: ast.AST, scope: Scope) -> Iterator[Given]:
        if isinstance(owner, ast.ClassDef):
            for call in self.calls_of(owner, owner.name, scope):
                yield self.bound_fields(owner, call, scope)
            return
        assert isinstance(owner, _FUNCTIONS)
        inner = scope.module.scopes[owner]
        yield from declared_defaults(owner, inner)
        within = inner.parent
        if isinstance(owner, ast.Lambda):
            known = within.names.items() if within is not None else ()
            for name in [name for name, bindings in known if any(each.node is owner for each in bindings)]:
                for call in self.calls_of(owner, name, inner):
                    yield self.bind(call, owner, inner)
            return
        if owner.name == "__init__" and within is not None and isinstance(within.node, ast.ClassDef):
            for call in self.calls_of(within.node, within.node.name, within):
                yield self.bind(call, owner, inner, method=True)
            return
        method = within is not None and isinstance(within.node, ast.ClassDef)
        for call in self.calls_of(owner, owner.name, inner):
            yield self.bind(call, owner, inner, method=method)

    def calls_of(self, target: ast.AST, name: str, scope: Scope) -> list[Spot]:
        """Return the calls in the program that run a function or make an object of a class."""
        program = self.resolver.program
        candidates = list(program.calls(name))
        names = [name]
        if isinstance(target, ast.ClassDef):
            subclasses = self._subclasses(target, scope)
            inner = ["cls", "__init__", "super"]
            candidates += [each for one in inner for each in program.calls(one, name)]
            candidates += [each for one in subclasses for each in program.calls(one)]
            names += [*inner, *subclasses]
        found: list[Spot] = []
        for call, at in [*candidates, *self._own_calls(scope, names)]:
            if len(found) >= MAX_CALLS:
                break
            if any(each.node is call for each in found):
                continue
            targets = self.targets(call, at)
            if any(self._is_target(each, target, scope) for each in targets) or (
                not targets and self._is_only_method(call, at, target, scope)
            ):
                found.append(Spot(call, at))
        return found

    @staticmethod
    def _own_calls(scope: Scope, names: list[str]) -> list[tuple[ast.Call, Scope]]:
        """Return the calls of a module that is a piece of a file, which the index of the program does not have."""
        found = []
        for call, at in scope.module.calls:
            func = call.func
            if (func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")) in names:
                found.append((call, at))
        return found

    def _is_target(self, found: Spot, target: ast.AST, scope: Scope) -> bool:
        """Tell whether what was found is the target, or a class that inherits its constructor."""
        if found.node is target:
            return True
        if not isinstance(found.node, ast.ClassDef) or not isinstance(target, ast.ClassDef):
            return False
        if self.method(found.node, "__init__", found.scope) != self.method(target, "__init__", scope):
            return False
        return any(each.node is target for each in self._bases(found.node, found.scope))

    def derived(self, definition: ast.ClassDef, scope: Scope) -> list[tuple[ast.ClassDef, Scope]]:
        """Return the classes of the tree that have this one as a base, and the scopes that they are in."""
        if definition not in self._derived:
            found: list[tuple[ast.ClassDef, Scope]] = []
            self._derived[definition] = found
            for module in self.resolver.program.mentioning(definition.name):
                for node, at in module.classes_by_base.get(definition.name, ()):
                    if len(found) < MAX_DERIVED and any(each.node is definition for each in self._bases(node, at)):
                        found.append((node, at))
        return self._derived[definition]

    @staticmethod
    def _subclasses(definition: ast.ClassDef, scope: Scope) -> list[str]:
        """Return the names of the classes in the same module that name this one as a base."""
        found = []
        for node in scope.module.scopes:
            if isinstance(node, ast.ClassDef) and any(
                getattr(base, "id", None) == definition.name for base in node.bases
            ):
                found.append(node.name)
        return found

    def _is_only_method(self, call: ast.Call, at: Scope, target: ast.AST, scope: Scope) -> bool:
        """Tell whether a call of a method of an unknown object can only mean this one: no other has its name."""
        if not isinstance(call.func, ast.Attribute) or not isinstance(target, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
        if (
            scope.parent is None
            or not isinstance(scope.parent.node, ast.ClassDef)
            or at.module.language != scope.module.language
        ):
            return False
        same = [node for node in scope.module.scopes if getattr(node, "name", None) == target.name]
        return len(same) == 1 and "_" in target.name.strip("_") and target.name != "from_pretrained"

    def bind(self, call: Spot, function: FunctionNode, scope: Scope, *, method: bool = False) -> Given:
        """Return what a call gives to each parameter of a function, defaults where it gives nothing."""
        positional, keywords = arguments(self.resolver, call)
        known = parameters(function)
        extra = known.pop() if function.args.kwarg is not None else None
        if method and known and self.is_self(known[0], scope):
            known = known[1:]
        given: Given = {}
        for parameter in known:
            if parameter.default is not None and scope.parent is not None:
                given[parameter.name] = Spot(parameter.default, scope.parent)
        given.update((parameter.name, each) for parameter, each in zip(known, positional, strict=False))
        names = {parameter.name for parameter in known}
        given.update((name, spots) for name, spots in keywords.items() if name in names)
        if function.args.vararg is not None:
            first = len(function.args.posonlyargs) + len(function.args.args) - (1 if method else 0)
            more = [each.node for each in positional[first:] if isinstance(each.node, ast.expr)]
            given[function.args.vararg.arg] = call._replace(node=ast.List(elts=more, ctx=ast.Load()))
        rest = [name for name in keywords if name not in names]
        if extra is not None and rest:
            keys: list[ast.expr | None] = [ast.Constant(value=name) for name in rest]
            values = [each.node for name in rest if isinstance((each := keywords[name]).node, ast.expr)]
            if len(values) == len(keys):
                made = ast.Dict(keys=keys, values=[node for node in values if isinstance(node, ast.expr)])
                given[extra.name] = call._replace(node=made, scope=keywords[rest[0]].scope)
        return given

    def has_own_fields(self, definition: ast.ClassDef, scope: Scope) -> bool:
        """Tell whether objects of a class hold what their call gives to the fields: dataclasses and their like."""
        own = scope.module.scopes.get(definition)
        return own is not None and bool(self._fields(definition)) and self.method(definition, "__init__", scope) is None

    def bound_fields(self, definition: ast.ClassDef, call: Spot, scope: Scope) -> Given:
        """Return what a call gives to the fields of a class and of its bases, without defaults."""
        positional, keywords = arguments(self.resolver, call)
        names = list(dict.fromkeys([*self._inherited(definition, scope), *self._fields(definition)]))
        given: Given = dict(zip(names, positional, strict=False))
        given.update(keywords)
        return given

    def _inherited(self, definition: ast.ClassDef, scope: Scope, depth: int = 0) -> list[str]:
        """Return the fields that the bases of a class have, in the order in which a call gives them."""
        found: list[str] = []
        for base in self._bases(definition, scope) if depth < 6 else ():
            if isinstance(base.node, ast.ClassDef):
                found += [*self._inherited(base.node, base.scope, depth + 1), *self._fields(base.node)]
        return found

    def _fields(self, definition: ast.ClassDef) -> list[str]:
        """Return the annotated names of a class, in order."""
        if definition not in self._names:
            self._names[definition] = [
                each.target.id
                for each in definition.body
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
            ]
        return self._names[definition]


class FollowsCalls(Follows, Protocol):
    """Describe a resolver that also answers what calls call."""

    calling: Calling

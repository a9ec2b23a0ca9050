"""Resolve expressions: follow names, attributes, items, calls and loops to where a value stands as text.

Nothing is run. An expression may have many values; each of them is followed, within limits. `Frame` says for what a
question is asked: inside a function for one of its calls, inside a loop for one element, so that the id and the
revision that belong together stay together.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lineage.audit.discovery.flow.calling import Calling
from lineage.audit.discovery.flow.contents import given_in
from lineage.audit.discovery.flow.elements import elements
from lineage.audit.discovery.flow.enumerations import is_enumeration
from lineage.audit.discovery.flow.items import parts_of_text, subscript
from lineage.audit.discovery.flow.objects import annotated, attribute, own_objects
from lineage.audit.discovery.flow.program import Program, imports_of
from lineage.audit.discovery.flow.returned import returned
from lineage.audit.discovery.flow.scopes import Binding, Imported, Module, Parameter, Path, Scope
from lineage.audit.discovery.flow.spots import Frame, Instance, Spot

if TYPE_CHECKING:
    from lineage.audit.discovery.tree import Tree

MAX_DEPTH = 24
"""Names, attributes and calls that one value is followed through."""

MAX_STEPS = 3_000
"""Expressions that are looked at for one call that loads a model."""

MAX_MODULE_STEPS = 200_000
"""Expressions that are looked at for one module."""


class Resolver:
    """Answer what expressions of one program may be. `choices` are the functions and loops that a value depends on."""

    def __init__(self, program: Program) -> None:
        """Make a resolver; `begin` starts a question."""
        self.program = program
        self.choices: dict[ast.AST, Scope] = {}
        self.steps = self._granted = 0
        self.left = MAX_MODULE_STEPS
        self.calling = Calling(self)
        self._handlers: dict[type[ast.AST], Callable[[Spot, int], Iterator[Spot]]] = {
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.Call: self._call,
            ast.IfExp: self._either,
            ast.BoolOp: self._either,
            ast.BinOp: self._joined,
            ast.NamedExpr: self._inner,
            ast.Await: self._inner,
            ast.Starred: self._inner,
            Parameter: self._parameter,
            Imported: self._imported,
        }

    def begin(self) -> None:
        """Begin a question: the limit of steps and the choices are those of one question."""
        self.choices = {}
        self.left -= self._granted - max(self.steps, 0)
        self._granted = self.steps = min(MAX_STEPS, max(self.left, 0))

    def spots(self, spot: Spot, depth: int = 0) -> Iterator[Spot]:
        """Follow an expression to the constants, literals, definitions and unknown expressions that it may be."""
        self.steps -= 1
        if self.steps < 0 or depth > MAX_DEPTH:
            return
        handler = self._handlers.get(type(spot.node))
        if handler is None:
            yield spot
        else:
            yield from handler(spot, depth + 1)

    def _inner(self, spot: Spot, depth: int) -> Iterator[Spot]:
        assert isinstance(spot.node, ast.NamedExpr | ast.Await | ast.Starred)
        yield from self.spots(spot._replace(node=spot.node.value), depth)

    def _either(self, spot: Spot, depth: int) -> Iterator[Spot]:
        node = spot.node
        parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else getattr(node, "values", [])
        for part in parts:
            ends = list(self.spots(spot._replace(node=part), depth))
            yield from ends
            known = ends and all(isinstance(end.node, ast.Constant) and end.node.value for end in ends)
            if known and isinstance(node, ast.BoolOp) and isinstance(part, ast.Attribute | ast.Subscript):
                return  # an item that is there: its default is not used

    def _name(self, spot: Spot, depth: int) -> Iterator[Spot]:
        assert isinstance(spot.node, ast.Name)
        bindings = spot.scope.lookup(spot.node.id, spot.node) or self._starred(spot.node.id, spot.scope.module, depth)
        if not bindings:
            yield spot
        added = spot.scope.lookup(f"{spot.node.id}+")
        yield from self.bound([*bindings, *added], spot.frame, depth)

    def _starred(self, name: str, module: Module, depth: int) -> list[Binding]:
        """Return the bindings of a name that `from … import *` may bring."""
        for star in module.stars if depth < MAX_DEPTH else ():
            other, _ = self.program.imported(star, module)
            if other is not None and other is not module:
                found = other.scope.names.get(name) or self._starred(name, other, depth + 4)
                if found:
                    return found
        return []

    def exported(self, name: str, module: Module, depth: int) -> list[Binding]:
        """Return the bindings of a name that another module takes from a module; CommonJS has it in `exports`."""
        names = module.scope.names
        found = names.get(name) or self._starred(name, module, depth)
        if found or module.language == "python":
            return found
        own = [each for prefix in ("exports", "module.exports") for each in names.get(f"{prefix}.{name}", [])]
        whole = names.get("module.exports", [])
        return own or [each if name == "default" else each._replace(path=(*each.path, name)) for each in whole]

    def bound(self, bindings: list[Binding], frame: Frame, depth: int) -> Iterator[Spot]:
        """Follow what bindings bind."""
        for binding in bindings:
            if binding.kind == "element":
                found = self._element(binding, frame, depth)
            else:
                found = self.spots(Spot(binding.node, binding.scope, frame), depth)
            yield from self._taken(found, binding.path, depth)

    def _element(self, binding: Binding, frame: Frame, depth: int) -> Iterator[Spot]:
        assert binding.owner is not None
        chosen = frame.get(binding.owner)
        if isinstance(chosen, Spot):
            yield from self.spots(chosen._replace(direct=False), depth)
            return
        self.choices[binding.owner] = binding.scope
        for element in self.elements(Spot(binding.node, binding.scope, frame), depth):
            yield from self.spots(element, depth)

    def _taken(self, spots: Iterator[Spot], path: Path, depth: int) -> Iterator[Spot]:
        """Take a part out of each value."""
        if not path:
            yield from spots
            return
        for spot in spots:
            node, index = spot.node, path[0]
            if isinstance(node, ast.Tuple | ast.List) and isinstance(index, int) and index < len(node.elts):
                inner = self.spots(spot._replace(node=node.elts[index], direct=False), depth + 1)
                yield from self._taken(inner, path[1:], depth + 1)
            elif isinstance(node, ast.Call) and isinstance(index, int):
                yield from self._taken(parts_of_text(self, spot, depth + 1), path, depth + 1)
            elif isinstance(index, str):
                yield from self._taken(self.attribute(spot, index, depth + 1), path[1:], depth + 1)

    def elements(self, spot: Spot, depth: int) -> Iterator[Spot]:
        """Return what a loop over an expression gives, one element after another."""
        yield from elements(self, spot, depth)

    def _parameter(self, spot: Spot, depth: int) -> Iterator[Spot]:
        """Follow a parameter: to what the frame gives it, else to its default and to what all calls give it."""
        parameter = spot.node
        assert isinstance(parameter, Parameter)
        if self.calling.is_self(parameter, spot.scope):
            owner = spot.scope.enclosing_class()
            if owner is not None and isinstance(owner.node, ast.ClassDef):
                yield from own_objects(self, owner.node, owner, spot.frame)
            return
        typed = list(annotated(self, parameter.annotation, spot, depth)) if parameter.annotation is not None else []
        members = [end for end in typed if isinstance(end.node, Instance) and is_enumeration(end.node.definition)]
        if members:  # a default and the calls give some of its members only
            yield from members
            return
        given = spot.frame.get(parameter.function)
        known = [given] if isinstance(given, dict) else self.calling.alternatives(parameter.function, spot.scope)
        if not isinstance(given, dict):
            self.choices[parameter.function] = spot.scope
        found = made = False
        for each in known:
            argument = each.get(parameter.name)
            if argument is not None:
                found = True
                for end in self.spots(given_in(argument, spot.frame, parameter.function), depth):
                    made = made or isinstance(end.node, Instance)
                    yield end
        if not made:  # an object that a call gives says more than any object of the type
            yield from typed
        if not found and not typed:
            yield spot

    def _imported(self, spot: Spot, depth: int) -> Iterator[Spot]:
        imported = spot.node
        assert isinstance(imported, Imported)
        module, name = self.program.imported(imported, spot.scope.module)
        if module is None:
            yield spot
        elif name is None:
            yield Spot(module.tree, module.scope)
        else:
            yield from self.bound(self.exported(name, module, depth), spot.frame, depth)

    def _attribute(self, spot: Spot, depth: int) -> Iterator[Spot]:
        node = spot.node
        assert isinstance(node, ast.Attribute)
        if isinstance(node.value, ast.Name):
            assigned = spot.scope.lookup(f"{node.value.id}.{node.attr}")
            yield from self.bound(assigned, spot.frame, depth)
        found = False
        owner = spot.scope.enclosing_class()
        if isinstance(node.value, ast.Attribute) and owner is not None:  # `self.config.model`
            yield from self.bound(owner.names.get(f"{node.value.attr}.{node.attr}", []), spot.frame, depth)
        if isinstance(node.value, ast.Attribute) and node.value.attr == "hparams":
            yield from self._hyperparameter(spot, node.attr, depth)
        for base in self.spots(spot._replace(node=node.value), depth):
            for end in self.attribute(base, node.attr, depth):
                found = True
                yield end
        if not found:
            for end in self._field_of_unknown(spot, node, depth):
                found = True
                yield end
            if not found:
                yield spot

    def _hyperparameter(self, spot: Spot, name: str, depth: int) -> Iterator[Spot]:
        """Follow `self.hparams.x` of lightning: to the parameter x of the constructor."""
        owner = spot.scope.enclosing_class()
        if owner is not None and isinstance(owner.node, ast.ClassDef):
            constructor = self.calling.method(owner.node, "__init__", owner)
            if constructor is not None:
                yield from self.bound(constructor[1].names.get(name, []), spot.frame, depth)

    def _field_of_unknown(self, spot: Spot, node: ast.Attribute, depth: int) -> Iterator[Spot]:
        """Follow `args.model` where nothing says what `args` is: to options and fields of that name in the module."""
        module = spot.scope.module
        bindings = module.fields.get(node.attr)
        if not bindings and isinstance(node.value, ast.Name | ast.Attribute):
            known = (self.program.imported(each, module)[0] for each in imports_of(module))
            bindings = next((other.fields[node.attr] for other in known if other and node.attr in other.fields), None)
        if bindings:
            yield from self.bound(bindings, spot.frame, depth)

    def attribute(self, base: Spot, name: str, depth: int) -> Iterator[Spot]:
        """Follow an attribute of a value."""
        yield from attribute(self, base, name, depth)

    def _subscript(self, spot: Spot, depth: int) -> Iterator[Spot]:
        yield from subscript(self, spot, depth)

    def _joined(self, spot: Spot, depth: int) -> Iterator[Spot]:
        """Follow `a | b` of two dictionaries: to one that holds the items of both."""
        node = spot.node
        assert isinstance(node, ast.BinOp)
        parts = [node.left, node.right] if isinstance(node.op, ast.BitOr) else []
        ends = [end for part in parts for end in self.spots(spot._replace(node=part), depth)]
        if any(isinstance(end.node, ast.Dict) for end in ends):
            made = ast.Dict(keys=[None] * len(parts), values=list(parts))
            yield spot._replace(node=ast.copy_location(made, node), direct=False)
        else:
            yield spot

    def _call(self, spot: Spot, depth: int) -> Iterator[Spot]:
        yield from returned(self, spot, depth)


def resolver_of(tree: Tree) -> Resolver:
    """Make the resolver of a tree's program. `Tree.shared(resolver_of)` makes it once."""
    return Resolver(tree.shared(Program))

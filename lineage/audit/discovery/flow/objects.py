"""Attributes: what a module, a class, an object, a member of an enumeration or a dictionary has under a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lineage.audit.discovery.flow.calling import FollowsCalls
from lineage.audit.discovery.flow.contents import given_in, is_property
from lineage.audit.discovery.flow.enumerations import annotation_of, is_enumeration, member, types_in
from lineage.audit.discovery.flow.items import item, values
from lineage.audit.discovery.flow.scopes import Scope
from lineage.audit.discovery.flow.spots import Frame, Given, Instance, Spot


def attribute(resolver: FollowsCalls, base: Spot, name: str, depth: int) -> Iterator[Spot]:
    """Follow an attribute of a value."""
    node = base.node
    if base.enumeration is not None:
        yield from _of_member(resolver, base, name, depth)
        return
    match node:
        case ast.Module():
            module = base.scope.module
            yield from resolver.bound(resolver.exported(name, module, depth), base.frame, depth)
        case ast.ClassDef():
            ends = _member(resolver, node, base, name, depth)
            yield from (member(end, base) for end in ends)
        case Instance() if is_enumeration(node.definition):
            for each in values(resolver, base._replace(node=node.definition), depth):
                yield from attribute(resolver, each, name, depth)
        case Instance():
            ends_of_field = list(_field(resolver, node, base, name, depth))
            yield from ends_of_field or ([base] if name == "value" else [])
        case ast.Dict():
            yield from item(resolver, base, name, depth)
        case ast.Constant() | ast.Tuple() if name in {"value", "default"}:
            yield base._replace(direct=False)


def own_objects(resolver: FollowsCalls, definition: ast.ClassDef, scope: Scope, frame: Frame) -> Iterator[Spot]:
    """Return what `self` may be: an object of the class, or of one that is derived from it."""
    chosen = frame.get(definition)
    if isinstance(chosen, Spot):
        if is_enumeration(definition):
            whole = Spot(definition, scope, frame)
            yield from (member(end, whole) for end in resolver.spots(chosen, 4))
        elif isinstance(chosen.node, ast.ClassDef):
            yield Spot(Instance(chosen.node, None), chosen.scope, frame)
        else:
            yield Spot(Instance(definition, chosen), scope, frame)
        return
    yield Spot(Instance(definition, None), scope, frame)
    derived = resolver.calling.derived(definition, scope)
    if derived:
        resolver.choices[definition] = scope
    yield from (Spot(Instance(each, None), at, frame) for each, at in derived)


def annotated(resolver: FollowsCalls, annotation: ast.expr, spot: Spot, depth: int) -> Iterator[Spot]:
    """Return an instance of the class of the tree that an annotation names."""
    outer = spot.scope.parent
    for name in types_in(annotation) if outer is not None else ():
        for end in resolver.spots(spot._replace(node=name, scope=outer or spot.scope), depth + 2):
            if isinstance(end.node, ast.ClassDef):
                yield end._replace(node=Instance(end.node, None))


def _of_member(resolver: FollowsCalls, base: Spot, name: str, depth: int) -> Iterator[Spot]:
    """Follow an attribute of a member of an enumeration: its value, what its constructor keeps, or a property."""
    enumeration, plain = base.enumeration, base._replace(member_of=None)
    assert enumeration is not None
    if name in {"value", "_value_"}:
        yield plain._replace(direct=False)
        return
    found = False
    for end in _kept_by_member(resolver, enumeration, plain, name, depth):
        found = True
        yield end
    if not found:
        yield from attribute(resolver, plain, name, depth)


def _kept_by_member(resolver: FollowsCalls, enumeration: Spot, value: Spot, name: str, depth: int) -> Iterator[Spot]:
    """Follow what the constructor of an enumeration, its fields or a property make of the value of a member."""
    definition, scope, node = enumeration.node, enumeration.scope, value.node
    assert isinstance(definition, ast.ClassDef)
    parts = node.elts if isinstance(node, ast.Tuple) else [node] if isinstance(node, ast.expr) else []
    made = ast.Call(func=ast.Name(id=definition.name, ctx=ast.Load()), args=parts, keywords=[])
    call = value._replace(node=made, direct=False)
    frame: dict[ast.AST, Given | Spot] = {**value.frame, definition: value}
    for called in ("__init__", "__new__"):
        constructor = resolver.calling.method(definition, called, scope)
        if constructor is not None:
            function, inner = constructor
            frame[function] = resolver.calling.bind(call, function, inner, method=True)
            kept = [each for key, each in inner.names.items() if called == "__new__" and key.endswith(f".{name}")]
            for bindings in kept:
                yield from resolver.bound(bindings, frame, depth)
    given = resolver.calling.bound_fields(definition, call, scope)
    if name in given:
        yield from resolver.spots(given_in(given[name], value.frame, definition), depth)
    else:
        yield from _member(resolver, definition, Spot(definition, scope, frame), name, depth)


def _member(resolver: FollowsCalls, definition: ast.ClassDef, base: Spot, name: str, depth: int) -> Iterator[Spot]:
    """Follow what a class, or else one of its bases, binds a name to."""
    scope = base.scope.module.scopes.get(definition) or base.scope
    bindings = scope.names.get(name)
    if bindings:
        for end in resolver.bound(bindings, base.frame, depth):
            returned = end.scope.module.scopes[end.node].returns if is_property(end.node, end.scope) else []
            inner = (end._replace(node=each, scope=end.scope.module.scopes[end.node]) for each in returned)
            yield from (found for each in inner for found in resolver.spots(each, depth)) if returned else (end,)
        return
    for parent in definition.bases:
        for end in resolver.spots(Spot(parent, base.scope), depth + 2):
            if isinstance(end.node, ast.ClassDef) and end.node is not definition:
                yield from _member(resolver, end.node, end._replace(frame=base.frame), name, depth + 2)


def _field(resolver: FollowsCalls, instance: Instance, base: Spot, name: str, depth: int) -> Iterator[Spot]:
    """Follow an attribute of an object: to what its own call gives, else to what all calls and the class give."""
    definition, calling = instance.definition, resolver.calling
    members = list(_members_of_field(resolver, definition, base, name, depth)) if instance.call is None else []
    if members:
        yield from members
        return
    if calling.has_own_fields(definition, base.scope):
        if instance.call is not None:
            given = calling.bound_fields(definition, instance.call, base.scope)
            if name in given:
                yield from resolver.spots(given_in(given[name], base.frame, definition), depth)
                return
        else:
            resolver.choices[definition] = base.scope
            for each in calling.alternatives(definition, base.scope):
                if name in each:
                    yield from resolver.spots(given_in(each[name], base.frame, definition), depth)
    frame = dict(base.frame)
    if instance.call is not None:
        frame[definition] = instance.call
        constructor = calling.method(definition, "__init__", base.scope)
        if constructor is not None:
            frame[constructor[0]] = calling.bind(instance.call, constructor[0], constructor[1], method=True)
    yield from _member(resolver, definition, base._replace(frame=frame), name, depth)


def _members_of_field(
    resolver: FollowsCalls, definition: ast.ClassDef, base: Spot, name: str, depth: int
) -> Iterator[Spot]:
    """Return what a field may be whose type is an enumeration, such as one of a request's body."""
    inner = base._replace(scope=base.scope.module.scopes.get(definition) or base.scope)
    annotation = annotation_of(definition, name)
    for end in annotated(resolver, annotation, inner, depth) if annotation is not None else ():
        if isinstance(end.node, Instance) and is_enumeration(end.node.definition):
            yield end

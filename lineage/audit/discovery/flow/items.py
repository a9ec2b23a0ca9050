"""Items: what a key or an index takes out of a dictionary, a list or an object."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lineage.audit.discovery.flow.contents import items_of, of_comprehension
from lineage.audit.discovery.flow.enumerations import is_enumeration, member
from lineage.audit.discovery.flow.scopes import ANY_KEY, Binding, Scope
from lineage.audit.discovery.flow.spots import Follows, Instance, Spot

_SPLITTING = frozenset({"split", "rsplit", "partition", "rpartition"})


def subscript(resolver: Follows, spot: Spot, depth: int) -> Iterator[Spot]:
    """Follow `x[key]`."""
    node = spot.node
    assert isinstance(node, ast.Subscript)
    keys, is_open = keys_of(resolver, spot._replace(node=node.slice), depth)
    if isinstance(node.value, ast.Name):
        for key in keys:
            yield from resolver.bound(spot.scope.lookup(f"{node.value.id}[{key!s}]"), spot.frame, depth)
        if not is_open:
            yield from resolver.bound(spot.scope.lookup(f"{node.value.id}[{ANY_KEY}]"), spot.frame, depth)
        else:
            yield from resolver.bound(_assigned(spot.scope, node.value.id), spot.frame, depth)
    found = False
    for base in resolver.spots(spot._replace(node=node.value), depth):
        for end in items(resolver, base, keys, depth, is_open=is_open, literal=isinstance(node.slice, ast.Constant)):
            found = True
            yield end
    if not found:
        yield spot


def _assigned(scope: Scope, name: str) -> list[Binding]:
    """Return what is assigned to the items of a name, whatever their keys."""
    around: Scope | None = scope
    while around is not None and name not in around.names:
        around = around.parent
    known = around.names if around is not None else {}
    return [binding for key, found in known.items() if key.startswith(f"{name}[") for binding in found]


def keys_of(resolver: Follows, spot: Spot, depth: int) -> tuple[list[object], bool]:
    """Return the values that a key may have, and whether it may have others: a parameter or an option may."""
    before, resolver.choices = resolver.choices, {}
    ends = [end.node for end in resolver.spots(spot, depth + 1)]
    added, resolver.choices = resolver.choices, {**before, **resolver.choices}
    keys: list[object] = list(dict.fromkeys(each.value for each in ends if isinstance(each, ast.Constant)))
    asked = any(isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) for owner in added)
    return keys, not keys or asked or isinstance(spot.node, ast.Attribute | ast.Call)


def items(
    resolver: Follows, base: Spot, keys: list[object], depth: int, *, is_open: bool, literal: bool
) -> Iterator[Spot]:
    """Follow the items of a dictionary or list that keys name, or all if the key may be any or is another one."""
    every = is_open and bool(items_of(base.node))
    found = [] if every else [end for key in keys for end in item(resolver, base, key, depth)]
    yield from found
    if not found and not literal:
        yield from values(resolver, base, depth)


def item(resolver: Follows, base: Spot, key: object, depth: int) -> Iterator[Spot]:
    """Follow the item of a dictionary or list."""
    node = base.node
    if isinstance(node, ast.Dict):
        yield from _of_dictionary(resolver, base, node, key, depth)
    elif isinstance(node, ast.Tuple | ast.List) and isinstance(key, int) and -len(node.elts) <= key < len(node.elts):
        yield from resolver.spots(base._replace(node=node.elts[key], direct=False), depth)
    elif (isinstance(node, Instance) and isinstance(key, str)) or (
        isinstance(node, ast.ClassDef) and isinstance(key, str) and is_enumeration(node)
    ):
        yield from resolver.attribute(base, key, depth)
    elif isinstance(node, ast.DictComp):
        yield from resolver.spots(of_comprehension(base, node), depth)
    elif isinstance(node, ast.Call) and isinstance(key, int):
        for parts in parts_of_text(resolver, base, depth):
            yield from item(resolver, parts, key, depth)


def parts_of_text(resolver: Follows, spot: Spot, depth: int) -> Iterator[Spot]:
    """Return the parts of a text that is taken apart, as a list: `"org/x@v1".split("@")`."""
    call = spot.node
    func = call.func if isinstance(call, ast.Call) else None
    if not isinstance(call, ast.Call) or not isinstance(func, ast.Attribute) or func.attr not in _SPLITTING:
        return
    mark = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    for base in resolver.spots(spot._replace(node=func.value), depth) if isinstance(mark, str) and mark else ():
        if isinstance(base.node, ast.Constant) and isinstance(base.node.value, str):
            texts = getattr(base.node.value, func.attr)(mark)
            parts: list[ast.expr] = [ast.copy_location(ast.Constant(value=each), base.node) for each in texts[:9]]
            yield base._replace(node=ast.List(elts=parts, ctx=ast.Load()), direct=False)


def _of_dictionary(resolver: Follows, base: Spot, node: ast.Dict, key: object, depth: int) -> Iterator[Spot]:
    """Follow the item of a dictionary: the last one of a key replaces those before it, as in `{**a, "key": value}`."""
    for each, value in zip(reversed(node.keys), reversed(node.values), strict=True):
        if each is None:
            inner = [
                list(item(resolver, end, key, depth + 1))
                for end in resolver.spots(base._replace(node=value), depth + 1)
            ]
            yield from (end for ends in inner for end in ends)
            if inner and all(inner):
                return
        elif any(
            isinstance(end.node, ast.Constant) and end.node.value == key
            for end in resolver.spots(base._replace(node=each), depth + 1)
        ):
            yield from resolver.spots(base._replace(node=value, direct=False), depth)
            if isinstance(each, ast.Constant):
                return


def values(resolver: Follows, base: Spot, depth: int) -> Iterator[Spot]:
    """Follow all items of a dictionary or list: the key is not known, but the same wherever it is asked."""
    node = base.node
    chosen = base.frame.get(node)
    if isinstance(chosen, Spot):
        yield from _marked(base, resolver.spots(chosen._replace(direct=False), depth))
        return
    if isinstance(node, ast.DictComp):
        yield from resolver.spots(of_comprehension(base, node), depth)
    parts = items_of(node)
    if len(parts) > 1:
        resolver.choices[node] = base.scope
    for part in parts:
        yield from _marked(base, resolver.spots(base._replace(node=part, direct=False), depth))


def _marked(enumeration: Spot, ends: Iterator[Spot]) -> Iterator[Spot]:
    """Mark the values of an enumeration as its members."""
    yield from (member(end, enumeration) for end in ends)

"""What a call calls: its last name, the name in front of it, and the package that it is imported from."""

from __future__ import annotations

import ast

from lineage.audit.discovery.flow import sinks
from lineage.audit.discovery.flow.declared import is_partial, prepared_by
from lineage.audit.discovery.flow.resolving import Resolver
from lineage.audit.discovery.flow.scopes import Binding, Imported, Scope
from lineage.audit.discovery.flow.spots import Spot, called_name


def receiver_of(func: ast.expr) -> str:
    """Return the name in front of the last one: `PeftModel` of `PeftModel.from_pretrained`."""
    if isinstance(func, ast.Attribute):
        value = func.value
        return value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
    return ""


def identified(resolver: Resolver, func: ast.expr, scope: Scope, depth: int = 0) -> tuple[str, str]:
    """Return the last name of what is called, and the package it comes from: empty if the source does not say.

    A name that is defined in the tree has `local` for its package.
    """
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    base = func
    while isinstance(base, ast.Attribute):
        base = base.value
    if not isinstance(base, ast.Name) or depth > 5:
        return name, ""
    prepared = (
        prepared_by(resolver, Spot(ast.Call(func=func, args=[], keywords=[]), scope)) if base is not func else None
    )
    if prepared is not None and isinstance(prepared.node, ast.Call):
        return identified(resolver, prepared.node.args[0], prepared.scope, depth + 1)
    for binding in scope.lookup(base.id):
        found = _of_binding(resolver, binding, func, scope, depth)
        if found is not None:
            return found
    return name, ""


def _of_binding(
    resolver: Resolver, binding: Binding, func: ast.expr, scope: Scope, depth: int
) -> tuple[str, str] | None:
    """Return the name and package of what a binding says of a function; None if it says nothing."""
    node, whole = binding.node, isinstance(func, ast.Name)
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    if isinstance(node, Imported):
        return _imported_name(resolver, node, func, scope, depth)
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and whole:
        return name, "local"
    if isinstance(node, ast.Attribute | ast.Name) and whole:
        return identified(resolver, node, binding.scope, depth + 1)
    if isinstance(node, ast.Call) and not whole:
        return name, identified(resolver, node.func, binding.scope, depth + 1)[1]
    if isinstance(node, ast.Call) and is_partial(node):
        return identified(resolver, node.args[0], binding.scope, depth + 1)
    if isinstance(node, ast.Call) and called_name(node) in sinks.MAKERS:
        return called_name(node), ""
    return None


def _imported_name(resolver: Resolver, node: Imported, func: ast.expr, scope: Scope, depth: int) -> tuple[str, str]:
    """Return the name and package of what an import brings, also through modules of the tree."""
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    module, inner = resolver.program.imported(node, scope.module)
    if module is None:
        return node.name if node.name is not None and isinstance(func, ast.Name) else name, _package(node)
    wanted = (
        inner
        if isinstance(func, ast.Name)
        else name
        if inner is None and isinstance(getattr(func, "value", None), ast.Name)
        else None
    )
    if wanted and module is not scope.module and wanted in module.scope.names:
        return identified(resolver, ast.Name(id=wanted, ctx=ast.Load()), module.scope, depth + 1)
    return name, "local" if name not in _METHODS else ""


_METHODS = frozenset(name for name in sinks.SINKS if name.startswith(("from_", "load_", "push_")))


def _package(imported: Imported) -> str:
    if imported.level:
        return ""
    if imported.module.startswith("@"):
        return imported.module.partition("/")[0]
    if "@huggingface/" in imported.module or "@xenova/" in imported.module:  # such as a CDN's address
        return "@huggingface"
    return imported.module.partition(".")[0].partition("/")[0]

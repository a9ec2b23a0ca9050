"""What a call calls: its last name, the name in front of it, and the package that it is imported from."""

from __future__ import annotations

import ast

from lineage.audit.discovery.flow import sinks
from lineage.audit.discovery.flow.resolving import Resolver
from lineage.audit.discovery.flow.scopes import Imported, Scope
from lineage.audit.discovery.flow.spots import called_name


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
    for binding in scope.lookup(base.id):
        node = binding.node
        if isinstance(node, Imported):
            return _imported_name(resolver, node, scope, name, whole=base is func)
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and base is func:
            return name, "local"
        if isinstance(node, ast.Attribute | ast.Name) and base is func:
            return identified(resolver, node, binding.scope, depth + 1)
        if isinstance(node, ast.Call) and base is not func:
            return name, identified(resolver, node.func, binding.scope, depth + 1)[1]
        if isinstance(node, ast.Call) and called_name(node) == "partial" and node.args:
            return identified(resolver, node.args[0], binding.scope, depth + 1)
        if isinstance(node, ast.Call) and called_name(node) in sinks.MAKERS:
            return called_name(node), ""
    return name, ""


def _imported_name(resolver: Resolver, node: Imported, scope: Scope, name: str, *, whole: bool) -> tuple[str, str]:
    """Return the name and package of what an import brings; `whole` says that it is called itself."""
    module, _ = resolver.program.imported(node, scope.module)
    if module is not None:
        return name, "local" if name not in _METHODS else ""
    return node.name if node.name is not None and whole else name, _package(node)


_METHODS = frozenset(name for name in sinks.SINKS if name.startswith(("from_", "load_", "push_")))


def _package(imported: Imported) -> str:
    if imported.level:
        return ""
    if imported.module.startswith("@"):
        return imported.module.partition("/")[0]
    if "@huggingface/" in imported.module or "@xenova/" in imported.module:  # such as a CDN's address
        return "@huggingface"
    return imported.module.partition(".")[0].partition("/")[0]

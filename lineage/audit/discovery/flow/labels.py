"""Labels: the names that a string of a program stands under, and what stands beside it.

One walk over the syntax tree finds each string that is written like the id of a model, with the keyword, key, variable,
field, parameter or function that holds it. Whether the label says that the string is a model is decided in `named`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lineage.audit.discovery.flow.declared import OPTION_CALLS, WRAPPERS
from lineage.audit.discovery.flow.spots import called_name
from lineage.audit.discovery.model_keys import plain_key

MAX_BESIDE = 60
"""Texts of one dictionary, class or call that are kept as its neighbours."""

_WRITTEN = re.compile(r"(?:[\w.-]+:)?[\w.-]+/[\w.-]+(?:[@:][\w./-]+)?")
_LOOKUPS = {"get", "getenv", "pop", "setdefault", "get_env", "env", "getString"}
_THROUGH = (ast.List, ast.Tuple, ast.Set, ast.IfExp, ast.BoolOp, ast.Starred, ast.Await, ast.NamedExpr)

Texts = Mapping[str, str]


class Context(NamedTuple):
    """Hold what is known of the expression that a string is in.

    `path` are the keys from the outermost to the label, in the form of `plain_key`; `beside` the single texts of the
    mappings around, the nearest last. `holder` is the name that holds the whole value; empty for an argument of a call.
    `call` is the call that the string is an argument of, and `keyword` the name it has there; empty by position.
    """

    path: tuple[str, ...] = ()
    beside: tuple[Texts, ...] = ()
    holder: str = ""
    call: ast.Call | None = None
    keyword: str = ""


class Labelled(NamedTuple):
    """Keep a string and the context in which it is written."""

    node: ast.Constant
    context: Context


def labelled(tree: ast.Module) -> Iterator[Labelled]:
    """Return the strings of a module that are written like the id of a model, in the order of the source."""
    stack: list[tuple[ast.AST, Context]] = [(tree, Context())]
    while stack:
        node, context = stack.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and len(node.value) < 200 and _WRITTEN.fullmatch(node.value):
                yield Labelled(node, context)
            continue
        stack.extend(reversed(list(_inside(node, context))))


def _inside(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    """Return the parts of a node, each with its context."""
    match node:
        case ast.Module() | ast.ClassDef():
            inner = _around(context, _assigned(node.body))
            for each in ast.iter_child_nodes(node):
                if isinstance(each, ast.AnnAssign) and each.value is not None and isinstance(node, ast.ClassDef):
                    yield each.value, _held(inner, each.target)._replace(holder="")  # a field, which counts as used
                else:
                    yield each, inner
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            yield from _of_function(node, context)
        case ast.Assign(targets=[target, *_]) | ast.AnnAssign(target=target):
            if node.value is not None:
                yield node.value, _held(context, target)
        case ast.Return(value=ast.expr() as value):
            yield value, _around(Context(), *context.beside) if isinstance(value, ast.Dict) else context
        case ast.Call():
            yield from _of_call(node, context)
        case ast.Dict():
            yield from _of_dictionary(node, context)
        case ast.IfExp():
            yield from ((part, context) for part in (node.body, node.orelse))
        case _ if isinstance(node, _THROUGH):
            yield from ((each, context) for each in ast.iter_child_nodes(node))
        case ast.JoinedStr() | ast.Compare() | ast.Subscript() | ast.BinOp():
            yield from ((each, Context()) for each in ast.iter_child_nodes(node) if not isinstance(each, ast.Constant))
        case ast.Expr(value=ast.Constant()):
            return
        case _ if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from ((each, context) for each in ast.iter_child_nodes(node))
        case _:
            yield from ((each, _around(Context(), *context.beside)) for each in ast.iter_child_nodes(node))


def _around(context: Context, *texts: Texts) -> Context:
    return context._replace(beside=(*context.beside, *(each for each in texts if each))[-4:])


def _held(context: Context, target: ast.expr) -> Context:
    """Return the context of what is assigned to a name, an attribute or an item."""
    name = ""
    match target:
        case ast.Name():
            name = target.id
        case ast.Attribute():
            name = target.attr
        case ast.Subscript(slice=ast.Constant(value=str() as key)):
            name = key
    return Context((plain_key(name),) if name else (), context.beside, name)


def _of_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, context: Context
) -> Iterator[tuple[ast.AST, Context]]:
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    pairs = [
        *zip(positional[len(positional) - len(given.defaults) :], given.defaults, strict=True),
        *((name, value) for name, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value is not None),
    ]
    inner = _around(context, _texts((name.arg, value) for name, value in pairs))
    for name, value in pairs:
        yield value, Context((plain_key(name.arg),), inner.beside, name.arg)
    if isinstance(node, ast.Lambda):
        yield node.body, Context()
        return
    yield from ((each, Context()) for each in node.decorator_list)
    outer = Context((plain_key(node.name),), context.beside, node.name)
    local = _around(outer, _assigned(node.body))
    yield from ((each, local) for each in node.body)


def _of_call(node: ast.Call, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    name = called_name(node)
    yield node.func, Context()
    given = _around(context, _texts((each.arg, each.value) for each in node.keywords if each.arg))
    first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    label = plain_key(first) if isinstance(first, str) and len(first) < 80 else ""
    if name in OPTION_CALLS:
        yield from _of_option(node, given)
        return
    wraps = name in WRAPPERS and bool(context.path)
    for at, argument in enumerate(node.args):
        if wraps and at == 0:
            yield argument, context
        elif at and label and name in _LOOKUPS:
            yield argument, context._replace(path=(*context.path, label), beside=given.beside)
        else:
            yield argument, Context((), given.beside, call=node)
    for each in node.keywords:
        if wraps and each.arg in {"default", "value", "default_value"}:
            yield each.value, context
        else:
            path = (plain_key(each.arg),) if each.arg else ()
            yield each.value, Context(path, given.beside, "", node, each.arg or "")


def _of_option(node: ast.Call, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    """Return the defaults and choices of an option, such as `add_argument("--model", default="org/x")`."""
    texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    texts += [each.value.value for each in node.keywords if each.arg == "dest" and isinstance(each.value, ast.Constant)]
    option = next((text for text in texts if text.startswith("--")), texts[-1] if texts else "")
    path = (plain_key(option.split("/")[0]),)
    keywords = [(each.arg or "", each.value) for each in node.keywords]
    for name, value in keywords:
        if name in {"default", "const", "choices", "type"}:
            yield value, Context(path, context.beside)
        elif not name or name == option:
            yield value, Context((plain_key(name),), context.beside)
    for value in node.args[1:]:
        if not isinstance(value, ast.Constant) or called_name(node).startswith("DEFINE"):
            yield value, Context(path, context.beside)


def _of_dictionary(node: ast.Dict, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    pairs = [
        (key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else "", value)
        for key, value in zip(node.keys, node.values, strict=True)
    ]
    inner = _around(context, _texts(pairs))
    for key, value in pairs:
        path = (*inner.path, plain_key(key)) if key and "/" not in key else inner.path
        yield value, inner._replace(path=path[-6:])


def _assigned(body: list[ast.stmt]) -> Texts:
    """Return the texts that the statements of a body assign to names."""
    pairs = (
        (target.id, each.value)
        for each in body
        if isinstance(each, ast.Assign | ast.AnnAssign)
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
        if isinstance(target, ast.Name)
    )
    return _texts(pairs)


def _texts(pairs: Iterator[tuple[str | None, ast.expr | None]] | list[tuple[str, ast.expr]]) -> Texts:
    found: dict[str, str] = {}
    for name, value in pairs:
        if name and isinstance(value, ast.Constant) and isinstance(value.value, str) and len(found) < MAX_BESIDE:
            found.setdefault(plain_key(name), value.value)
    return found

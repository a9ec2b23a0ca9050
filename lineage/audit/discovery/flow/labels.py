"""Labels: the names that a string of a program stands under, and what stands beside it.

One walk over the syntax tree finds each string that is written like the id of a model, with the keyword, key, variable,
field, parameter or function that holds it. Whether the label says that the string is a model is decided in `named`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from lineage.audit.discovery.flow.declared import LOOKUPS, OPTION_CALLS, WRAPPERS
from lineage.audit.discovery.flow.spots import called_name
from lineage.audit.discovery.model_keys import Meaning, meaning, plain_key

MAX_BESIDE = 60
"""Texts of one dictionary, class or call that are kept as its neighbours."""

_WRITTEN = re.compile(r"(?:[\w.-]+:|huggingface/)?[\w.-]+/[\w.-]+(?:[@:][\w./-]+)?|[A-Za-z][\w.]*-[\w.-]+")
_DECLARING = {"default", "value", "default_value", "options", "choices", "fallback", "defaultValue", "initial"}
_MAPPINGS = {"dict", "SimpleNamespace", "Namespace", "EasyDict", "AttrDict", "Munch", "Box", "ConfigDict"}
"""Calls that make a mapping of their keywords."""

_NAMED = re.compile(r"[A-Za-z_][\w .:-]{0,60}")
_QUOTED = re.compile(r"""["'`](?:[\w.:-]+/[\w.-]|\w[\w.]*-\w)""")
_LEAVES = (ast.Name, ast.expr_context, ast.alias, ast.Import, ast.ImportFrom, ast.operator, ast.cmpop, ast.boolop)
_THROUGH = (ast.List, ast.Tuple, ast.Set, ast.BoolOp, ast.Starred, ast.Await, ast.NamedExpr)

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
    """Keep a string, the context in which it is written, and the name of the class around; empty outside of one."""

    node: ast.Constant
    context: Context
    owner: str


def labelled(tree: ast.Module, source: str) -> Iterator[Labelled]:
    """Return the strings of a module that are written like the id of a model, in the order of the source."""
    if _QUOTED.search(source) is None:
        return
    stack: list[tuple[ast.AST, Context, str]] = [(tree, Context(), "")]
    while stack:
        node, context, owner = stack.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and len(node.value) < 200 and _WRITTEN.fullmatch(node.value):
                yield Labelled(node, context, owner)
            continue
        if isinstance(node, ast.ClassDef):
            owner = node.name
        inner = [(part, at, owner) for part, at in _inside(node, context) if not isinstance(part, _LEAVES)]
        stack.extend(reversed(inner))


def _inside(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    """Return the parts of a node, each with its context."""
    handler = _HANDLERS.get(type(node))
    if handler is not None:
        return handler(node, context)
    if isinstance(node, ast.expr) and not isinstance(node, _THROUGH):
        context = _around(Context(), *context.beside)
    return ((each, context) for each in ast.iter_child_nodes(node))


def _of_body(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    """Return the statements of a module or class: the default of a field counts as used."""
    assert isinstance(node, ast.Module | ast.ClassDef)
    inner = _around(context, _assigned(node.body))
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.AnnAssign) and each.value is not None and isinstance(node, ast.ClassDef):
            yield each.value, _held(inner, each.target)._replace(holder="")
        else:
            yield each, inner


def _of_assignment(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    assert isinstance(node, ast.Assign | ast.AnnAssign)
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if node.value is not None:
        yield node.value, _held(context, target)


def _of_return(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    """Return what a function returns: a text under the function's name, a dictionary under its own keys."""
    assert isinstance(node, ast.Return)
    if node.value is not None:
        yield node.value, _around(Context(), *context.beside) if isinstance(node.value, ast.Dict) else context


def _of_choice(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    assert isinstance(node, ast.IfExp)
    yield from ((part, context) for part in (node.body, node.orelse))


def _of_parts(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    """Return what is in an expression that makes or compares texts: its own texts are parts, and no names."""
    del context
    yield from ((each, Context()) for each in ast.iter_child_nodes(node) if not isinstance(each, ast.Constant))


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
        case ast.Subscript(value=ast.Name(id=base), slice=ast.Constant(value=str() as key)):
            return Context((plain_key(base), plain_key(key)), context.beside, base)
        case ast.Subscript(slice=ast.Constant(value=str() as key)):
            name = key
    return Context((plain_key(name),) if name else (), context.beside, name)


def _of_function(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
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


def _of_call(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    assert isinstance(node, ast.Call)
    name = called_name(node)
    yield node.func, Context()
    given = _around(context, _texts((each.arg, each.value) for each in node.keywords if each.arg))
    if name in OPTION_CALLS:
        yield from _of_option(node, given)
        return
    if name in _MAPPINGS and not node.args:
        for each in node.keywords:
            path = (*context.path, *((plain_key(each.arg),) if each.arg else ()))
            yield each.value, given._replace(path=path[-6:], call=node, keyword=each.arg or "")
        return
    own = _named_first(node)
    through = (own,) if own else context.path if name in WRAPPERS or name in LOOKUPS else ()
    for at, argument in enumerate(node.args):
        if through and (at > 0 or not own):
            yield argument, _declared(context, through, given, node)
        else:
            yield argument, Context((), given.beside, call=node)
    for each in node.keywords:
        if through and each.arg in _DECLARING:
            yield each.value, _declared(context, through, given, node)
        else:
            path = (plain_key(each.arg),) if each.arg else ()
            yield each.value, Context(path, given.beside, "", node, each.arg or "")


def _named_first(node: ast.Call) -> str:
    """Return the name that a call has for its first argument: `env("MODEL", "org/x")`, `selectbox("Model", […])`."""
    first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    if not node.args:
        first = next((each.value.value for each in node.keywords if each.arg == "label"
                      and isinstance(each.value, ast.Constant)), None)  # fmt: skip
    more = len(node.args) > 1 or any(each.arg in _DECLARING for each in node.keywords)
    own = plain_key(first) if more and isinstance(first, str) and _NAMED.fullmatch(first) else ""
    return own if meaning(own) is Meaning.MODEL else ""


def _declared(context: Context, path: tuple[str, ...], given: Context, call: ast.Call) -> Context:
    """Return the context of the default of what a call declares or looks up."""
    if path == context.path:
        return context
    holder = context.holder if called_name(call) in LOOKUPS else ""
    return Context((*context.path, *path)[-6:], given.beside, holder, call, path[-1])


def _of_option(node: ast.Call, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    """Return the defaults and choices of an option, such as `add_argument("--model", default="org/x")`."""
    texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    dest = next((each.value for each in node.keywords if each.arg == "dest"), None)
    texts += [dest.value] if isinstance(dest, ast.Constant) and isinstance(dest.value, str) else []
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


def _of_dictionary(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    assert isinstance(node, ast.Dict)
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


_HANDLERS: dict[type[ast.AST], Callable[[ast.AST, Context], Iterator[tuple[ast.AST, Context]]]] = {
    **dict.fromkeys((ast.Module, ast.ClassDef), _of_body),
    **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda), _of_function),
    **dict.fromkeys((ast.Assign, ast.AnnAssign), _of_assignment),
    ast.Return: _of_return,
    ast.Call: _of_call,
    ast.Dict: _of_dictionary,
    ast.IfExp: _of_choice,
    **dict.fromkeys((ast.JoinedStr, ast.Compare, ast.Subscript, ast.BinOp), _of_parts),
}

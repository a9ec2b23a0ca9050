"""Calls that name a function which is called later: `partial`, threads, executors, remote functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lineage.audit.discovery.flow.sinks import SINKS

_SHIFTED = {
    **dict.fromkeys(
        ("partial", "to_thread", "submit", "run_sync", "apply_async", "start_soon", "call_later", "apply"), 0
    ),
    "run_in_executor": 1,
    "run_in_threadpool": 0,
}
"""Calls whose argument at this position is called with the arguments behind it."""

_GIVEN = {"run_function", "Thread", "Process", "Timer", "add_task", "apply_async", "apply"}
"""Calls that take a function, a list `args` and a dictionary `kwargs`."""

_REMOTE = {"remote", "spawn", "delay", "bind", "local", "aio", "remote_gen", "si", "s", "call_local"}
"""Methods of a function that call it elsewhere, as in ray, modal and celery."""

_HANDLED = {
    **dict.fromkeys(("click", "change", "submit", "select", "input", "upload", "release", "then", "success"), 0),
    "Interface": 0,
    "ChatInterface": 2,  # the message and the history come first
}
"""Calls that take a function and the inputs whose values it gets, and how many values come before these."""

_MAPPED = {"map", "imap", "imap_unordered", "starmap", "thread_map"}


def deferred(call: ast.Call) -> Iterator[ast.Call]:
    """Return the calls that a call prepares or makes elsewhere."""
    func = call.func
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    yield from _shifted(call, name)
    if name in _GIVEN:
        yield from _given(call)
    if name in _HANDLED:
        yield from _handled(call, _HANDLED[name])
    if isinstance(func, ast.Attribute) and name in _REMOTE:
        target = func.value
        if isinstance(target, ast.Call) and isinstance(target.func, ast.Attribute) and target.func.attr == "options":
            target = target.func.value
        if isinstance(target, ast.Name | ast.Attribute):
            yield _call(target, call.args, call.keywords, call)
    if name in _MAPPED and len(call.args) > 1 and isinstance(call.args[0], ast.Name | ast.Attribute):
        yield _call(call.args[0], [_any_of(each, call) for each in call.args[1:]], [], call)
    elif name in _MAPPED and isinstance(func, ast.Attribute) and len(call.args) == 1:
        yield _call(func.value, [_any_of(call.args[0], call)], [], call)


def _shifted(call: ast.Call, name: str) -> Iterator[ast.Call]:
    """Return the call of the function that is an argument, with the arguments behind it.

    Whatever takes a function that loads models, such as `retry(hf_hub_download, "org/x", "a.bin")`, calls it.
    """
    at = _SHIFTED.get(name)
    if at is None and len(call.args) > 1 and name not in _MAPPED and _last_name(call.args[0]) in SINKS:
        at = 0
    if at is not None and len(call.args) > at and isinstance(call.args[at], ast.Name | ast.Attribute):
        yield _call(call.args[at], call.args[at + 1 :], call.keywords, call)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _handled(call: ast.Call, first: int) -> Iterator[ast.Call]:
    """Return the call of the function that gradio gives the values of inputs: `button.click(f, [a, b])`."""
    keywords = {each.arg: each.value for each in call.keywords if each.arg}
    target = keywords.get("fn") or (call.args[0] if call.args else None)
    inputs = keywords.get("additional_inputs" if first else "inputs")
    if inputs is None and not first and len(call.args) > 1:
        inputs = call.args[1]
    if not isinstance(target, ast.Name | ast.Attribute) or inputs is None:
        return
    before: list[ast.expr] = [ast.Constant(value=None)] * first
    if isinstance(inputs, ast.List | ast.Tuple):
        yield _call(target, [*before, *inputs.elts], [], call)
    else:
        yield _call(target, [*before, inputs], [], call)
        yield _call(target, [*before, ast.Starred(value=inputs, ctx=ast.Load())], [], call)


def _given(call: ast.Call) -> Iterator[ast.Call]:
    """Return the call of `Thread(target=f, args=(x,), kwargs={…})`."""
    keywords = {each.arg: each.value for each in call.keywords if each.arg}
    target = keywords.get("target") or keywords.get("func") or (call.args[0] if call.args else None)
    if not isinstance(target, ast.Name | ast.Attribute):
        return
    listed, named = keywords.get("args"), keywords.get("kwargs")
    args = list(listed.elts) if isinstance(listed, ast.Tuple | ast.List) else []
    given = [ast.keyword(arg=None, value=named)] if named is not None else []
    if args or given:
        yield _call(target, args, given, call)


def _any_of(values: ast.expr, at: ast.AST) -> ast.expr:
    """Return an expression that is any of the elements of another."""
    return ast.copy_location(ast.Subscript(value=values, slice=ast.Name(id="?", ctx=ast.Load()), ctx=ast.Load()), at)


def _call(func: ast.expr, args: list[ast.expr], keywords: list[ast.keyword], at: ast.Call) -> ast.Call:
    return ast.copy_location(ast.Call(func=func, args=args, keywords=keywords), at)

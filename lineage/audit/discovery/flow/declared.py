"""Read what calls give and decorators declare: keyword dictionaries, options of click, cases of pytest."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lineage.audit.discovery.flow.scopes import ANY_KEY, Binding, FunctionNode, Imported, Scope, parameters
from lineage.audit.discovery.flow.spots import Follows, Given, Spot, called_name

LOOKUPS = frozenset({"get", "getenv", "pop", "setdefault", "get_env", "env", "getString"})
"""Calls that look a name up and have a default."""

WRAPPERS = frozenset(
    {
        *("Field", "Option", "Argument", "field", "Query", "Form", "Body", "Header", "str", "String", "Secret"),
        *("attrib", "mapped_column", "Column", "CharField", "TextField", "StringField", "default"),
    }
)
"""Calls that declare a field or parameter, whose default is their first argument."""

OPTION_CALLS = frozenset(
    {"add_argument", "DEFINE_string", "DEFINE_enum", "DEFINE_list", "option", "argument", "add_option"}
)
"""Calls that declare an option of a command line: its name is their first text."""

_OPTIONS = {"option", "argument"}


def arguments(resolver: Follows, call: Spot) -> tuple[list[Spot], dict[str, Spot]]:
    """Return the arguments of a call by position and by name; what `**x` holds is taken out of x where it is known."""
    prepared = prepared_by(resolver, call)
    positional, named = _given(resolver, prepared, skipped=1) if prepared is not None else ([], {})
    later, keywords = _given(resolver, call)
    return [*positional, *later], {**named, **keywords}


def prepared_by(resolver: Follows, call: Spot) -> Spot | None:
    """Return the call of `partial` that made the function which a call calls; None if nothing prepared it."""
    func = call.node.func if isinstance(call.node, ast.Call) else None
    for binding in _bindings_of(resolver, func, call.scope) if func is not None else ():
        if is_partial(binding.node):
            return Spot(binding.node, binding.scope, call.frame)
    return None


def _bindings_of(resolver: Follows, func: ast.expr, scope: Scope) -> list[Binding]:
    """Return what the name of a function is bound to, in the module that an import names if it is imported."""
    base, name = (func.value, func.attr) if isinstance(func, ast.Attribute) else (func, None)
    if not isinstance(base, ast.Name):
        return []
    if name is not None and base.id in {"self", "cls"}:
        owner = scope.enclosing_class()
        return owner.names.get(name, []) if owner is not None else []
    found = scope.lookup(base.id)
    for binding in found:
        if isinstance(binding.node, Imported):
            module, inner = resolver.program.imported(binding.node, scope.module)
            wanted = inner or name
            return module.scope.names.get(wanted, []) if module is not None and wanted else []
    return found if name is None else []


def is_partial(node: ast.AST) -> bool:
    """Tell whether an expression is `partial(f, …)`."""
    return isinstance(node, ast.Call) and called_name(node) == "partial" and bool(node.args)


def _given(resolver: Follows, call: Spot, *, skipped: int = 0) -> tuple[list[Spot], dict[str, Spot]]:
    """Return the arguments that are written in one call, without the first ones that are skipped."""
    node = call.node
    assert isinstance(node, ast.Call)
    positional: list[Spot] = []
    for argument in node.args[skipped:]:
        if isinstance(argument, ast.Starred):
            elements = list(resolver.elements(call._replace(node=argument.value), 4))
            if not elements:
                break
            positional.extend(elements)
        else:
            positional.append(call._replace(node=argument))
    named: dict[str, Spot] = {}
    for keyword in node.keywords:
        if keyword.arg is not None:
            named[keyword.arg] = call._replace(node=keyword.value)
        else:
            later = _assigned_items(call, keyword.value)
            for name, spot in [*later, *_unpacked(resolver, call._replace(node=keyword.value))]:
                named.setdefault(name, spot)
    if call.scope.module.language == "javascript" and positional:
        last = positional[-1]
        if isinstance(last.node, ast.Name):
            for name, spot in _unpacked(resolver, last):
                named.setdefault(name, spot)
    return positional, named


def _assigned_items(call: Spot, dictionary: ast.expr) -> list[tuple[str, Spot]]:
    """Return what is assigned to the items of a dictionary that a name holds: `kwargs["revision"] = "v1"`."""
    around: Scope | None = call.scope
    if not isinstance(dictionary, ast.Name):
        return []
    while around is not None and dictionary.id not in around.names:
        around = around.parent
    prefix = f"{dictionary.id}["
    keys = [key for key in (around.names if around is not None else ()) if key.startswith(prefix)]
    found = ((key[len(prefix) : -1], around.names[key][-1]) for key in keys if around is not None)
    return [(key, Spot(each.node, each.scope, call.frame)) for key, each in found if key != ANY_KEY]


def _unpacked(resolver: Follows, spot: Spot) -> Iterator[tuple[str, Spot]]:
    """Return the items of a dictionary whose keys are known, the last one of a key first."""
    for end in resolver.spots(spot, 4):
        if isinstance(end.node, ast.Dict):
            for key, value in zip(reversed(end.node.keys), reversed(end.node.values), strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, end._replace(node=value, direct=False)
                elif key is None and end.node is not spot.node:
                    yield from _unpacked(resolver, end._replace(node=value))


def declared_defaults(function: FunctionNode, scope: Scope) -> Iterator[Given]:
    """Return the defaults of a function's parameters, with those of its click options, and each case of pytest's."""
    outer = scope.parent
    if outer is None:
        return
    defaults: Given = {
        parameter.name: Spot(parameter.default, outer)
        for parameter in parameters(function)
        if parameter.default is not None
    }
    decorators = [] if isinstance(function, ast.Lambda) else function.decorator_list
    cases: list[Given] = []
    for decorator in decorators:
        if not isinstance(decorator, ast.Call):
            continue
        name = decorator.func.attr if isinstance(decorator.func, ast.Attribute) else getattr(decorator.func, "id", "")
        if name in _OPTIONS:
            defaults.update(_click_default(decorator, outer))
        elif name == "parametrize" and len(decorator.args) > 1:
            cases.extend(_cases(decorator, outer))
    if defaults:
        yield defaults
    yield from ({**defaults, **case} for case in cases)


def _click_default(decorator: ast.Call, scope: Scope) -> Given:
    """Return the default of a click option, under the parameter that gets it."""
    default = next((keyword.value for keyword in decorator.keywords if keyword.arg == "default"), None)
    texts = [each.value for each in decorator.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if default is None or not texts:
        return {}
    named = next((text for text in texts if not text.startswith("-")), None)
    long = next((text for text in texts if text.startswith("--")), texts[0])
    return {(named or long).lstrip("-").split("/")[0].replace("-", "_"): Spot(default, scope)}


def _cases(decorator: ast.Call, scope: Scope) -> Iterator[Given]:
    """Return what each case of `parametrize` gives."""
    names, values = decorator.args[0], decorator.args[1]
    if isinstance(names, ast.Constant) and isinstance(names.value, str):
        wanted = [name.strip() for name in names.value.split(",")]
    elif isinstance(names, ast.List | ast.Tuple):
        wanted = [str(each.value) for each in names.elts if isinstance(each, ast.Constant)]
    else:
        return
    if not isinstance(values, ast.List | ast.Tuple | ast.Set):
        if len(wanted) == 1:
            yield {wanted[0]: Spot(ast.Subscript(value=values, slice=ast.Name(id="?"), ctx=ast.Load()), scope)}
        return
    for value in values.elts:
        parts = (
            value.args
            if isinstance(value, ast.Call)
            else value.elts
            if isinstance(value, ast.Tuple | ast.List)
            else [value]
        )
        if len(wanted) == 1:
            parts = parts[:1] if isinstance(value, ast.Call) else [value]
        yield {name: Spot(part, scope) for name, part in zip(wanted, parts, strict=False)}

"""Work out which texts an expression may be: constants, and what is put together from them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from lineage.audit.discovery.flow.enumerations import is_enumeration
from lineage.audit.discovery.flow.items import values
from lineage.audit.discovery.flow.resolving import Resolver
from lineage.audit.discovery.flow.spots import Instance, Spot
from lineage.audit.discovery.names import Form, read_name

MAX_TEXTS = 60
"""Texts that one expression may be; further ones are not looked at."""

_UNCHANGED = {"strip", "rstrip", "lstrip", "trim", "expanduser", "toString", "encode", "decode"}
_CHANGED = {"lower": str.lower, "upper": str.upper, "toLowerCase": str.lower}


class Piece(NamedTuple):
    """Keep a text, and the expression as which it is written: a constant, or what puts it together."""

    text: str
    spot: Spot


def texts(resolver: Resolver, spot: Spot, depth: int = 0) -> list[Piece]:
    """Return the texts that an expression may be, each one once."""
    found: dict[tuple[str, int], Piece] = {}
    for piece in _texts(resolver, spot, depth):
        found.setdefault((piece.text, id(piece.spot.node)), piece)
        if len(found) >= MAX_TEXTS:
            break
    return list(found.values())


def _texts(resolver: Resolver, spot: Spot, depth: int) -> Iterator[Piece]:
    if depth > 8:
        return
    for end in resolver.spots(spot, depth):
        node = end.node
        match node:
            case ast.Constant(value=str() as text):
                yield Piece(text, end)
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                yield Piece(str(number), end)
            case ast.JoinedStr():
                yield from _joined(resolver, end, [_part(each) for each in node.values], depth)
            case ast.BinOp(op=ast.Add()):
                yield from _joined(resolver, end, [node.left, node.right], depth)
            case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str() as pattern)):
                filled = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
                yield from _joined(resolver, end, _interleaved(pattern.split("%s"), filled), depth)
            case Instance() if is_enumeration(node.definition):  # a member of a text enumeration is its value
                yield from _of_members(resolver, end._replace(node=node.definition), depth + 1)
            case ast.Call(func=ast.Attribute()):
                yield from _of_method(resolver, end, node, depth)


def _of_members(resolver: Resolver, enumeration: Spot, depth: int) -> Iterator[Piece]:
    for member in values(resolver, enumeration, depth):
        yield from texts(resolver, member, depth)


def _part(value: ast.expr) -> ast.expr:
    return value.value if isinstance(value, ast.FormattedValue) else value


def _interleaved(texts_between: list[str], values: list[ast.expr]) -> list[ast.expr]:
    """Return the parts of a pattern with its values between; nothing if their number differs."""
    if len(texts_between) != len(values) + 1:
        return []
    parts: list[ast.expr] = []
    for text, value in zip(texts_between, [*values, None], strict=True):
        if text:
            parts.append(ast.Constant(value=text))
        if value is not None:
            parts.append(value)
    return parts


def _joined(resolver: Resolver, whole: Spot, parts: list[ast.expr], depth: int) -> Iterator[Piece]:
    """Put the texts of parts together, in all ways; nothing if a part is not known."""
    if not parts:
        return
    if len(parts) == 1:
        yield from texts(resolver, whole._replace(node=parts[0]), depth + 1)
        return
    so_far: list[list[Piece]] = [[]]
    for part in parts:
        pieces = texts(resolver, whole._replace(node=part), depth + 1)
        so_far = [[*before, piece] for before in so_far for piece in pieces]
        if not so_far or len(so_far) > MAX_TEXTS:
            return
    for pieces in so_far:
        direct = whole.direct and all(piece.spot.direct for piece in pieces)
        yield _whole("".join(piece.text for piece in pieces), pieces, whole._replace(direct=direct))


def _whole(text: str, pieces: list[Piece], whole: Spot) -> Piece:
    """Return a text with its place: where one of its pieces is the whole id, as in `f"hf-hub:{MODEL}"`, it is there."""
    name = read_name(text)
    for piece in pieces if name is not None and "/" in name.model else ():
        inner = read_name(piece.text)
        if inner is not None and name is not None and (inner.model, inner.form) == (name.model, Form.ID):
            return Piece(text, piece.spot._replace(direct=False))
    return Piece(text, whole)


def _of_method(resolver: Resolver, spot: Spot, call: ast.Call, depth: int) -> Iterator[Piece]:
    """Return what a method of a text gives."""
    assert isinstance(call.func, ast.Attribute)
    base = spot._replace(node=call.func.value)
    name = call.func.attr
    if name in _UNCHANGED:
        yield from (piece._replace(text=piece.text.strip()) for piece in texts(resolver, base, depth + 1))
    elif name in _CHANGED:
        for piece in texts(resolver, base, depth + 1):
            yield Piece(_CHANGED[name](piece.text), piece.spot._replace(direct=False))
    elif name == "format":
        for piece in texts(resolver, base, depth + 1):
            yield from _joined(resolver, spot, _format_parts(piece.text, call), depth)
    elif name in {"join", "concat"} and call.args:
        yield from _join(resolver, spot, call, base, depth)
    elif name in {"replace", "removeprefix", "removesuffix"} and 1 <= len(call.args) <= 2:
        given = [texts(resolver, spot._replace(node=each), depth + 1)[:1] for each in call.args]
        values = [pieces[0].text for pieces in given if pieces]
        if len(values) == len(call.args):
            for piece in texts(resolver, base, depth + 1):
                yield Piece(getattr(piece.text, name)(*values), piece.spot._replace(direct=False))


def _join(resolver: Resolver, spot: Spot, call: ast.Call, base: Spot, depth: int) -> Iterator[Piece]:
    """Return `"/".join([a, b])`."""
    between = texts(resolver, base, depth + 1)
    for end in resolver.spots(spot._replace(node=call.args[0]), depth + 1):
        if between and isinstance(end.node, ast.List | ast.Tuple):
            parts: list[ast.expr] = []
            for element in end.node.elts:
                parts += [ast.Constant(value=between[0].text), element] if parts else [element]
            yield from _joined(resolver, end._replace(node=end.node), parts, depth)


def _format_parts(pattern: str, call: ast.Call) -> list[ast.expr]:
    """Return the parts of a pattern of `str.format`; nothing for one that is not understood."""
    import string

    named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    parts: list[ast.expr] = []
    try:
        for at, (text, field, _, _) in enumerate(string.Formatter().parse(pattern)):
            if text:
                parts.append(ast.Constant(value=text))
            if field is None:
                continue
            value = named.get(field) if field and not field.isdecimal() else None
            index = int(field) if field.isdecimal() else at
            if value is None and index < len(call.args) and (not field or field.isdecimal()):
                value = call.args[index]
            if value is None:
                return []
            parts.append(value)
    except ValueError:
        return []
    return parts

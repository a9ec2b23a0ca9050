"""Read the commands that a program runs: lists of words, and texts that a shell would run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lineage.audit.discovery import programs
from lineage.audit.discovery.arguments import argument_references
from lineage.audit.discovery.flow.resolving import Resolver, resolver_of
from lineage.audit.discovery.flow.spots import Spot, called_name
from lineage.audit.discovery.flow.strings import Piece, texts
from lineage.audit.discovery.programs import program_name
from lineage.audit.discovery.scripts import shell_references
from lineage.audit.discovery.shell import Piece as WordPiece
from lineage.audit.discovery.shell import Word, word_of
from lineage.audit.discovery.texts import Text

if TYPE_CHECKING:
    from lineage.audit.discovery.flow.program import Program
    from lineage.audit.discovery.flow.scopes import Module, Scope
    from lineage_schemas.reference import Reference


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RUNNERS = _names(
    "system run Popen check_call check_output call getoutput getstatusoutput popen sh create_subprocess_shell"
    " create_subprocess_exec run_commands exec execSync spawn spawnSync execFile execFileSync execa run_command shell"
    " run_cmd execute entrypoint cmd dockerfile_commands"
)
"""Calls that run a command."""

_STARTERS = _names(
    "python python3 uv uvx docker podman git wget curl accelerate torchrun sudo env bash sh deepspeed lm_eval lm-eval"
    " ray modal nohup text-generation-launcher text-embeddings-router axolotl llamafactory-cli swift trl aria2c"
    " ct2-transformers-converter"
)
"""First words of a list that is a command, besides the programs that load models."""

_SPLITTING = frozenset({"split", "strip", "dedent"})
"""Calls that take a command apart, or the blanks around it off."""

_PACKED = frozenset({"model_args"})
"""Keywords that take several settings in one text."""

_FLAG = re.compile(r"--?[A-Za-z][\w-]*(?:=.*)?")


def commands_of(module: Module, resolver: Resolver) -> Iterator[Reference]:
    """Return the references of the commands in a module."""
    joined: set[int] = set()
    for call, scope in module.calls:
        if called_name(call) in _RUNNERS and call.args:
            first = call.args[0]
            if isinstance(first, ast.Constant | ast.JoinedStr | ast.BinOp | ast.Name) and len(call.args) > 1:
                second = call.args[1]
                if isinstance(second, ast.List) and isinstance(first, ast.Constant):  # spawn('vllm', ['serve', …])
                    joined.add(id(second))
                    yield from _words(resolver, [first, *second.elts], scope)
                    continue
            for argument in call.args:
                yield from _shell(resolver, argument, scope)
        for keyword in call.keywords:
            if keyword.arg in _PACKED:
                yield from _packed(resolver, Spot(keyword.value, scope))
    for sequence, scope in module.lists:
        if id(sequence) not in joined and _is_command(sequence):
            yield from _words(resolver, sequence.elts, scope)


def _packed(resolver: Resolver, value: Spot) -> Iterator[Reference]:
    """Read `pretrained=org/x,revision=v1`, which a call takes as the command line does."""
    resolver.begin()
    for piece in texts(resolver, value):
        if "=" in piece.text and "/" in piece.text:
            flag = text_of_node(value.node, value.scope.module)
            words = [Word(flag, (WordPiece(each, 0),)) for each in ("lm_eval", "--model_args")]
            yield from argument_references([*words, _word(piece)], {})


def _is_command(sequence: ast.List | ast.Tuple) -> bool:
    """Tell whether a list looks like the words of a command, or like a part of them that has flags."""
    parts = sequence.elts
    if len(parts) < 2 or len(parts) > 500:
        return False
    first = parts[0].value if isinstance(parts[0], ast.Constant) else None
    if isinstance(first, str) and program_name(first) in programs.PROGRAMS.keys() | _STARTERS:
        return True
    return any(
        isinstance(each, ast.Constant) and isinstance(each.value, str) and _FLAG.fullmatch(each.value) for each in parts
    )


def _words(resolver: Resolver, parts: Sequence[ast.expr], scope: Scope) -> Iterator[Reference]:
    """Read words; one that is no literal is a variable with the values that it may have."""
    words, variables = [], {}
    for number, part in enumerate(parts):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            words.append(word_of(text_of_constant(part, scope.module)))
            continue
        name = f"value_{number}"
        resolver.begin()
        variables[name] = [_word(piece) for piece in texts(resolver, Spot(part, scope))]
        words.append(Word(text_of_node(part, scope.module), (WordPiece("", 0, name),)))
    if any(word.is_literal for word in words):
        yield from argument_references(words, variables)


def _shell(resolver: Resolver, argument: ast.expr, scope: Scope) -> Iterator[Reference]:
    """Read a text that a shell would run."""
    while isinstance(argument, ast.Call) and called_name(argument) in _SPLITTING:
        inner = argument.func.value if isinstance(argument.func, ast.Attribute) and not argument.args else None
        if inner is None and not argument.args:
            return
        argument = inner if inner is not None else argument.args[0]
    found: list[tuple[ast.AST, Scope]] = [(argument, scope)]
    if isinstance(argument, ast.Name):
        found = [(each.node, each.scope) for each in scope.lookup(argument.id, argument)]
    for node, at in found[:3]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield from shell_references(text_of_constant(node, at.module), resolver.program.tree)
        elif isinstance(node, ast.JoinedStr):
            yield from _formatted(resolver, node, at)


def _formatted(resolver: Resolver, node: ast.JoinedStr, scope: Scope) -> Iterator[Reference]:
    """Read an f-string whose values are variables of the shell."""
    body, variables = "", {}
    for number, value in enumerate(node.values):
        if isinstance(value, ast.FormattedValue):
            name = f"value_{number}"
            resolver.begin()
            variables[name] = [_word(piece) for piece in texts(resolver, Spot(value.value, scope))]
            body += f"${{{name}}}"
        elif isinstance(value, ast.Constant):
            body += str(value.value)
    if " " in body:
        yield from shell_references(_spread(body, node, scope.module), resolver.program.tree, variables=variables)


def variables_of(module: Module, program: Program, names: set[str]) -> dict[str, list[Word]]:
    """Return the values that variables of a module have for the commands of a notebook."""
    resolver = program.tree.shared(resolver_of)
    found = {}
    for name in sorted(names):
        resolver.begin()
        pieces = texts(resolver, Spot(ast.Name(id=name, ctx=ast.Load()), module.scope))
        if pieces:
            found[name] = [_word(piece) for piece in pieces]
    return found


def _word(piece: Piece) -> Word:
    node, module = piece.spot.node, piece.spot.scope.module
    if isinstance(node, ast.Constant) and node.value == piece.text:
        return word_of(text_of_constant(node, module))
    return word_of(_spread(piece.text, node, module))


def text_of_constant(node: ast.Constant, module: Module) -> Text:
    """Return the text of a string, with the places of its characters where the source has them side by side."""
    value = str(node.value)
    lines = module.text.lines
    line: int = getattr(node, "lineno", 1)
    if line > len(lines):
        return _spread(value, node, module)
    last = min(node.end_lineno or line, len(lines))
    column = len(lines[line - 1].encode()[: getattr(node, "col_offset", 0)].decode(errors="replace"))
    at = module.text.body.find(
        value, module.text.offset(line) + column, module.text.offset(last) + len(lines[last - 1])
    )
    return module.text.part(at, at + len(value)) if at >= 0 and value else _spread(value, node, module)


def text_of_node(node: ast.AST, module: Module) -> Text:
    """Return an empty text at the place of an expression."""
    return _spread("", node, module)


def _spread(body: str, node: ast.AST, module: Module) -> Text:
    """Return a text whose lines are those of an expression, if there are as many, else all where it begins."""
    line = getattr(node, "lineno", 1)
    row = module.text.row(line)
    lines = body.split("\n")
    several = len(lines) == (getattr(node, "end_lineno", None) or line) - line + 1
    rows = [module.text.row(line + number) if several and number else row for number in range(len(lines))]
    begin = rows[0].without(getattr(node, "col_offset", 0))
    return Text.of_lines(module.text.file, list(zip(lines, [begin, *rows[1:]], strict=True)))

"""Read Markdown and reStructuredText: code blocks as code of their language, and everything else as prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lineage.audit.discovery.addresses import address_references
from lineage.audit.discovery.javascript import html, javascript
from lineage.audit.discovery.python import python
from lineage.audit.discovery.scripts import embedded_references, script_references
from lineage.audit.discovery.texts import Row, Text
from lineage.audit.discovery.tree import Tree
from lineage_schemas.reference import Reference

_FENCE = re.compile(r"^([ \t>]*)(`{3,}|~{3,})[ \t]*\{?[ \t]*\.?([\w+#-]*)[^`\n]*$")
_DIRECTIVE = re.compile(r"^([ \t]*)\.\.[ \t]+(?:code-block|code|sourcecode|prompt)::[ \t]*([\w+#-]*)")
_LITERAL = re.compile(r"^([ \t]*)(?!\.\.)\S.*::[ \t]*$")
_PYTHON_LINE = re.compile(
    r"^\s*(?:from\s+[\w.]+\s+import\s|import\s+[\w.]+|>>> |[\w., ]+\s*=\s*\S|print\(|\w[\w.]*\()", re.M
)
_PROMPT = re.compile(r"^\s*(?:\(\S+\)\s*)?[$%#>]\s+(?=\S)")
_DOCTEST = re.compile(r"^\s*(?:>>>|\.\.\.) ?")

PYTHON = frozenset({"python", "py", "python3", "pycon", "ipython", "ipython3", "jupyter", "pytb", "py3", "doctest"})
SHELL = frozenset(
    {"bash", "sh", "shell", "zsh", "console", "shell-session", "shellsession", "terminal", "cmd", "powershell"}
)
SCRIPT = frozenset({"js", "javascript", "ts", "typescript", "jsx", "tsx", "mjs", "node"})
_NAMES = {
    **dict.fromkeys(("yaml", "yml"), "x.yaml"),
    **dict.fromkeys(("json", "jsonc", "json5"), "x.json"),
    **dict.fromkeys(("dockerfile", "docker"), "dockerfile"),
    **dict.fromkeys(("env", "dotenv"), ".env"),
    **dict.fromkeys(("makefile", "make"), "makefile"),
    "toml": "x.toml",
    "ini": "x.ini",
    "modelfile": "modelfile",
}


class Block(NamedTuple):
    """Hold a code block: its language in lower case, and its lines from `first` to `last`, without `indent`."""

    language: str
    first: int
    last: int
    indent: int


def markdown_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a Markdown file, or the Markdown cells of a notebook."""
    yield from _references(text, tree, list(fenced_blocks(text.lines)))


def rst_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a reStructuredText file."""
    yield from _references(text, tree, list(_directive_blocks(text.lines)))


def fenced_blocks(lines: list[str]) -> Iterator[Block]:
    """Find the fenced blocks of Markdown; a fence that is not closed ends with the text."""
    opened: tuple[str, str, int, int] | None = None
    for number, line in enumerate(lines, 1):
        match = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if match is None:
            continue
        if opened is None:
            opened = (match[2], match[3].lower(), number, len(match[1]))
        elif match[2].startswith(opened[0]) and not match[3]:
            yield Block(opened[1], opened[2] + 1, number - 1, opened[3])
            opened = None
    if opened is not None:
        yield Block(opened[1], opened[2] + 1, len(lines), opened[3])


def _directive_blocks(lines: list[str]) -> Iterator[Block]:
    """Find the code blocks of reStructuredText: what is indented below a directive or a line that ends in `::`."""
    number = 0
    while number < len(lines):
        line = lines[number]
        directive = _DIRECTIVE.match(line)
        match = directive or _LITERAL.match(line)
        number += 1
        if match is None:
            continue
        first, outer = number + 1, len(match[1])
        while number < len(lines) and (not lines[number].strip() or _indent(lines[number]) > outer):
            number += 1
        inner = min((_indent(each) for each in lines[first - 1 : number] if each.strip()), default=0)
        yield Block(directive[2].lower() if directive else "", first, number, inner)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _references(text: Text, tree: Tree, blocks: list[Block]) -> Iterator[Reference]:
    """Read the blocks; those of a programming language as one text, so that a name of one is known in the next."""
    sources: dict[str, list[tuple[str, Row]]] = {"python": [], "script": []}
    with tree.excerpts(text.file):
        for block in blocks:
            body = text.block(block.first, block.last, block.indent)
            kind = _kind(block.language, body.body)
            lines = [(line, body.row(number)) for number, line in enumerate(body.lines, 1)]
            if kind in sources:
                sources[kind] += _code_lines(lines)
            elif kind == "shell":
                yield from script_references(Text.of_lines(text.file, _shell_lines(lines)), tree)
            elif kind == "html":
                yield from html(body, tree)
            elif kind:
                yield from embedded_references(body, tree, kind)
        for kind, reader in (("python", python), ("script", javascript)):
            if sources[kind]:
                yield from reader(Text.of_lines(text.file, sources[kind]), tree)
        yield from _prose(text, tree, blocks)


def _kind(language: str, body: str) -> str:
    """Return which reader reads a block; a block without a language is guessed by its lines. Empty for none."""
    if language in PYTHON:
        return "python"
    if language in SHELL:
        return "shell"
    if language in SCRIPT:
        return "script"
    if language in {"html", "vue", "svelte"}:
        return "html"
    if language in _NAMES:
        return _NAMES[language]
    if language not in {"", "text", "plaintext", "txt", "plain", "none", "code"}:
        return ""
    if re.search(r"^\s*(?:const|let|var) \w+ = |^import .* from ['\"]", body, re.M):
        return "script"
    if body.lstrip().startswith(("{", "[")):
        return "x.json"
    if _PYTHON_LINE.search(body) and not _PROMPT.match(body.lstrip("\n")):
        return "python" if "$ " not in body else "shell"
    return "shell"


def _code_lines(lines: list[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """Return the lines of code; of an interactive session only what was typed."""
    if not any(line.lstrip().startswith(">>> ") for line, _ in lines):
        return lines
    found = []
    for line, row in lines:
        match = _DOCTEST.match(line)
        found.append((line[match.end() :], row.without(match.end())) if match else ("", row))
    return found


def _shell_lines(lines: list[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """Return the lines of commands; of a session with prompts only what was typed."""
    prompts = [match if (match := _PROMPT.match(line)) and "#" not in match[0] else None for line, _ in lines]
    if not any(match and "$" in match[0] for match in prompts):
        return lines
    found, continued = [], False
    for (line, row), match in zip(lines, prompts, strict=True):
        cut = match.end() if match else 0
        found.append((line[cut:], row.without(cut)) if match or continued else ("", row))
        continued = bool(match or continued) and line.rstrip().endswith("\\")
    return found


def _prose(text: Text, tree: Tree, blocks: list[Block]) -> Iterator[Reference]:
    """Read the addresses outside of code, and a front matter: both only mention models."""
    inside = {number for block in blocks for number in range(block.first, block.last + 1)}
    lines = text.lines
    start = 0
    if lines and lines[0].rstrip() == "---":
        end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), 0)
        start = end + 1 if end else 0
        if end > 1:
            for each in embedded_references(text.block(2, end), tree, "x.yaml"):
                yield each.model_copy(update={"grade": "possible"})
    prose = [
        ("" if number in inside or number <= start else line, text.row(number)) for number, line in enumerate(lines, 1)
    ]
    for each in address_references(Text.of_lines(text.file, prose)):
        yield each.model_copy(update={"grade": "possible"})

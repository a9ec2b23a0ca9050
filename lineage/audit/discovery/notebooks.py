"""Read notebooks: all code cells as one program, cells of other languages by their first line, and prose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lineage.audit.discovery.flow.commands import variables_of
from lineage.audit.discovery.flow.program import Program
from lineage.audit.discovery.flow.reading import references_of
from lineage.audit.discovery.javascript import html, javascript
from lineage.audit.discovery.json_nodes import json_nodes_and_problem
from lineage.audit.discovery.markdown import markdown_references
from lineage.audit.discovery.nodes import ListNode, MapNode, Node, scalars
from lineage.audit.discovery.other_code import other_code_references
from lineage.audit.discovery.scripts import embedded_references, script_references, shell_references
from lineage.audit.discovery.texts import Row, Text
from lineage.audit.discovery.tree import Tree
from lineage_schemas.reference import Reference

_CELL_MAGIC = re.compile(r"\s*%%(!|\w+)[ \t]*(.*)")
_COMMAND = re.compile(r"(\s*)(?:[\w, ]+=\s*)?(!{1,2}|%sx |%system |%env |%set_env |%pip |%conda |%cd |%run )(.*)")
_MAGIC = re.compile(r"\s*(?:%\w|\?{1,2}\w|[\w.]+\?{1,2}\s*$)")
_INTERPOLATED = re.compile(r"(?<!\$)\{(\w+)\}")
_SHELLS = {"bash", "sh", "shell", "script", "!", "zsh", "system", "sx", "cmd"}
_TRANSPARENT = {"time", "timeit", "capture", "prun", "with_tempdir"}

Line = tuple[str, Row]


def notebook_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a notebook. One that is broken is read up to where it breaks, and reported."""
    node, problem = json_nodes_and_problem(text)
    cells = _cells(node)
    if problem or cells is None:
        tree.report(text.file, f"the notebook is not valid: {problem or 'it has no list of cells'}")
    if cells:
        yield from _Notebook(text, tree, _language(node)).references(cells)


def _cells(node: Node | None) -> list[Node] | None:
    """Return the cells, also of the third version of the format, which has them in worksheets."""
    if not isinstance(node, MapNode):
        return None
    sheets = node.get("worksheets")
    holders = [node] if node.get("cells") is not None or not isinstance(sheets, ListNode) else sheets.items
    lists = [each.get("cells") if isinstance(each, MapNode) else None for each in holders]
    found = [each for each in lists if isinstance(each, ListNode)]
    return [cell for each in found for cell in each.items] if found and len(found) == len(lists) else None


def _language(node: Node | None) -> str:
    """Return the language of the code, in lower case; Python if the notebook does not say it."""
    metadata = node.get("metadata") if isinstance(node, MapNode) else None
    for name, key in (("language_info", "name"), ("kernelspec", "language")):
        inner = metadata.get(name) if isinstance(metadata, MapNode) else None
        if isinstance(inner, MapNode) and inner.text(key):
            return inner.text(key).lower()
    return "python"


class _Notebook:
    """Read the cells of one notebook."""

    def __init__(self, text: Text, tree: Tree, language: str) -> None:
        self.text, self.tree, self.language = text, tree, language
        self.code: list[Line] = []
        self.commands: list[Line] = []
        self.prose: list[Line] = []
        self.others: list[Reference] = []

    def references(self, cells: list[Node]) -> Iterator[Reference]:
        for number, cell in enumerate(cells, 1):
            kind = cell.text("cell_type") if isinstance(cell, MapNode) else ""
            lines = self._lines(cell.get("source", "input"), number) if isinstance(cell, MapNode) else []
            if kind == "code":
                self._code(lines)
            elif kind in {"markdown", "heading"}:
                self.prose += [*lines, ("", lines[-1][1])] if lines else []
            elif kind != "raw":
                self.tree.report(self.text.file, f"the notebook is not valid: cell {number} is no code and no text")
        yield from self.others
        yield from self._program()
        yield from markdown_references(Text.of_lines(self.text.file, self.prose), self.tree) if self.prose else ()

    def _lines(self, source: Node | None, cell: int) -> list[Line]:
        """Return the lines of a cell, with the places of the notebook's file."""
        found: list[Line] = []
        joined = False
        for scalar in scalars(source):
            piece = scalar.as_text()
            ended = scalar.text.endswith("\n")
            lines = piece.lines[:-1] if ended else piece.lines
            for number, line in enumerate(lines, 1):
                row = piece.row(number)._replace(cell=cell)
                if joined and number == 1:
                    before, at = found.pop()
                    found.append((before + line, at))
                else:
                    found.append((line, row))
            joined = not ended
        return found

    def _code(self, lines: list[Line]) -> None:
        """Sort the lines of a code cell into Python, commands, and texts of other languages."""
        while lines and not lines[0][0].strip():
            lines = lines[1:]
        magic = _CELL_MAGIC.match(lines[0][0]) if lines else None
        if magic is not None:
            if magic[1] not in _TRANSPARENT:
                self.others += list(
                    self._other(magic[1], magic[2], Text.of_lines(self.text.file, lines[1:] or [("", lines[0][1])]))
                )
                return
            lines = lines[1:]
        if self.language not in {"python", "ipython"}:
            if lines:
                self.others += list(self._of_language(Text.of_lines(self.text.file, lines)))
            return
        continued = False
        for line, row in lines:
            command = _COMMAND.match(line)
            if command is not None or continued:
                self._command(line, row, command)
                continued = line.rstrip().endswith("\\")
                line = f"{command[1]}pass" if command is not None else ""
            elif _MAGIC.match(line):
                line = line[: len(line) - len(line.lstrip())] + "pass"
            self.code.append((line, row))
        self.code.append(("", lines[-1][1]) if lines else ("", Row(1)))

    def _of_language(self, body: Text) -> Iterator[Reference]:
        """Read a code cell of a notebook that is not in Python."""
        if self.language in {"javascript", "typescript"}:
            yield from javascript(body, self.tree)
        elif self.language in _SHELLS:
            yield from script_references(body, self.tree)
        else:
            yield from other_code_references(body, self.tree)

    def _command(self, line: str, row: Row, command: re.Match[str] | None) -> None:
        start = command.start(3) if command is not None else 0
        rest = _INTERPOLATED.sub(r"${\1}", line[start:])
        setting = command is not None and command[2].startswith(("%env", "%set_env"))
        if setting:
            rest = re.sub(r"^(\w+)\s*=?\s*", r"export \1=", rest)
        self.commands.append((rest, row.without(start)))

    def _other(self, name: str, rest: str, body: Text) -> Iterator[Reference]:
        """Read a cell whose first line names another language or a file to write."""
        if name in _SHELLS:
            yield from script_references(body, self.tree)
        elif name in {"writefile", "file"}:
            yield from embedded_references(body, self.tree, rest.split()[-1] if rest.split() else "")
        elif name in {"javascript", "js"}:
            yield from javascript(body, self.tree)
        elif name == "html":
            yield from html(body, self.tree)

    def _program(self) -> Iterator[Reference]:
        """Read the Python of all cells, and the commands with the variables that it sets."""
        program = self.tree.shared(Program)
        module = program.piece(Text.of_lines(self.text.file, self.code)) if self.code else None
        if module is not None:
            yield from references_of(module, program)
        if self.commands:
            body = Text.of_lines(self.text.file, self.commands)
            names = set(re.findall(r"\$\{?(\w+)", body.body))
            known = variables_of(module, program, names) if module is not None else {}
            yield from shell_references(body, self.tree, variables=known)

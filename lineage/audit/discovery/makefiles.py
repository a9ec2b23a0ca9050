"""Makefiles, files of single commands, ollama's Modelfiles, and git's list of submodules."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator

from lineage.audit.discovery.addresses import address_references
from lineage.audit.discovery.names import Form, read_name
from lineage.audit.discovery.references import reference
from lineage.audit.discovery.scripts import assignment_references, shell_references, without_definitions
from lineage.audit.discovery.shell import Word, commands
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import Tree
from lineage.audit.discovery.variables import Assigned
from lineage_schemas.reference import Reference

_VARIABLE = re.compile(r"[ \t]*(?:export[ \t]+|override[ \t]+)*([A-Za-z_][\w.-]*)[ \t]*(?::{0,3}|[?+!])=[ \t]*")
_RULE = re.compile(r"[^\s#:=][^#:=\n]*::?(?![=:])([^;\n]*)(;?)")
_PARAMETERS = re.compile(
    r"@?[A-Za-z_][\w-]*(?:[ \t]+[+*$]*[A-Za-z_][\w-]*(?:=(?:\"[^\"]*\"|'[^']*'|[\w.-]+))?)*[ \t]*:(?!=).*"
)
_PARAMETER = re.compile(r"([A-Za-z_][\w-]*)=[\"']([^\"']+)[\"']")
"""A recipe of just with its parameters: `bench model="org/name":`."""

_MODELFILE = re.compile(r"[ \t]*(FROM|ADAPTER)[ \t]+(\S+)", re.IGNORECASE)
_NAMED_COMMAND = re.compile(r"[ \t]*(?:[\w.-]+:[ \t]*|(?:[\d*/,-]+[ \t]+){5}|@\w+[ \t]+)")
_UNIT = re.compile(r"[ \t]*Exec(?:[ \t]*=|(?:Start|StartPre|StartPost|Reload)[ \t]*=[-@:+!]*)")
_UNIT_VARIABLE = re.compile(r"[ \t]*Environment[ \t]*=[ \t]*")


def makefile_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a Makefile: its variables, and the recipes as shell text, in which `$(NAME)` is such a variable."""
    yield from without_definitions(_makefile(text, tree, ("\t",)))


def justfile_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a justfile: recipes have any indent, and parameters with defaults, and `{{NAME}}` is a variable."""
    yield from without_definitions(_makefile(text, tree, ("\t", " ")))


def _makefile(text: Text, tree: Tree, indents: tuple[str, ...]) -> Iterator[Reference]:
    variables: Assigned = {}
    recipes: list[tuple[int, int]] = []
    for first, last in _logical_lines(text):
        line = text.lines[first - 1]
        match = _VARIABLE.match(line)
        if line.startswith(indents):
            recipes.append((first, last))
        elif " " in indents and _PARAMETERS.fullmatch(line):
            for parameter in _PARAMETER.finditer(line):
                default = text.block(first, first).part(parameter.start(2) - 1, parameter.end(2) + 1)
                variables.setdefault(parameter[1], []).extend(_words(default))
        elif match and not line.startswith("#"):
            rest = text.block(first, last)
            variables.setdefault(match[1], []).extend(_words(rest.part(match.end(), len(rest.body))))
        elif (rule := _RULE.match(line)) and rule[2]:
            recipes.append((first, last))
    for name, words in variables.items():
        yield from assignment_references(name, words, variables)
    for first, last in recipes:
        block = text.block(first, last)
        start = 0 if block.body.startswith(indents) else block.body.index(";") + 1
        while start < len(block.body) and block.body[start] in "\t @-+":
            start += 1
        yield from shell_references(block.part(start, len(block.body)), tree, variables=variables, make=True)


def _logical_lines(text: Text) -> Iterator[tuple[int, int]]:
    """Return the first and the last line of each line with those that continue it."""
    number = 1
    while number <= len(text.lines):
        first = number
        while text.lines[number - 1].endswith("\\") and number < len(text.lines):
            number += 1
        yield first, number
        number += 1


def _words(text: Text) -> list[Word]:
    return [word for command in commands(text, newlines=False, make=True) for word in command.words]


def commands_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a file of lines with a name and a command each, such as a Procfile, or a unit of systemd."""
    for number, last in _logical_lines(text):
        line = text.lines[number - 1]
        variable = _UNIT_VARIABLE.match(line)
        match = _UNIT.match(line) or variable or _NAMED_COMMAND.match(line)
        if match and not line.lstrip().startswith(("#", ";")):
            block = text.block(number, last)
            rest = block.part(match.end(), len(block.body))
            yield from set_references(rest) if variable else shell_references(rest, tree)


def set_references(text: Text) -> Iterator[Reference]:
    """Read `NAME=value "OTHER=value"`, which what is started below gets as its environment."""
    for command in commands(text, newlines=False):
        assignments = [*command.assignments, *(named for word in command.words if (named := named_value(word)))]
        for name, words in assignments:
            yield from assignment_references(name, words, dict(assignments))


def named_value(word: Word) -> tuple[str, list[Word]] | None:
    """Return the name and the value of a word such as `NAME=value`; None for another word."""
    name, equals, _ = word.text.partition("=")
    return (name, [word.after(len(name) + 1)]) if equals and name.isidentifier() else None


def modelfile_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a Modelfile of ollama: the address behind FROM or ADAPTER. Names without one are of ollama's own library."""
    for number, line in enumerate(text.lines, 1):
        match = _MODELFILE.match(line)
        name = read_name(match[2].strip("\"'")) if match else None
        if match and name is not None and (name.form in (Form.ADDRESS, Form.PAGE, Form.CLONE)):
            quote = match[2][:1] in ("'", '"')
            yield reference(name, text.place(number, match.start(2) + 1 + quote), "certain")


def submodules_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read `.gitmodules`: a submodule of a model is pinned by the commit that the index of git holds for its path.

    Another submodule whose folder is missing or empty is reported: its sources are the product's and were not searched.
    """
    links = tree.shared(_gitlinks)
    folder = text.file.rpartition("/")[0]
    end = 0
    for section in re.split(r"(?m)^(?=[ \t]*\[)", text.body):
        start, end = end, end + len(section)
        path = re.search(r"(?m)^[ \t]*path[ \t]*=[ \t]*(.+?)[ \t]*$", section)
        branch = re.search(r"(?m)^[ \t]*branch[ \t]*=[ \t]*(\S+)", section)
        url = re.search(r"(?m)^[ \t]*url[ \t]*=[ \t]*(\S+)", section)
        if url is None:
            continue
        where = f"{folder}/{path[1]}" if path and folder else path[1] if path else ""
        models = list(address_references(text, start + url.start(1), start + url.end(1), cloned=True))
        if where and not models:
            _report_unfetched(tree, where)
        for found in models:
            revision = links.get(where) or (branch[1] if branch else None)
            pinned = where in links
            yield found.model_copy(
                update={"revision": revision or found.revision, "pinned": pinned, "grade": "certain"}
            )


def _report_unfetched(tree: Tree, folder: str) -> None:
    """Report a submodule that was not fetched, unless `--exclude` leaves it out."""
    path = posixpath.normpath(folder.strip('"'))
    if path.startswith(("../", "/")) or any(each.path == f"{path}/" for each in tree.left_out):
        return
    try:
        with os.scandir(tree.root / path) as entries:
            has_files = any(each.name != ".git" for each in entries)
    except OSError as error:
        if isinstance(error, PermissionError):
            return  # the walk reports it
        has_files = False
    if not has_files:
        tree.report(path, "the submodule is not fetched; run `git submodule update --init`", "unreadable")


def _gitlinks(tree: Tree) -> dict[str, str]:
    from lineage.audit.discovery.git_index import gitlinks_of

    return gitlinks_of(tree.root)

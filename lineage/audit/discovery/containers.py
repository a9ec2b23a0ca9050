"""Dockerfiles: the models that the commands, variables and downloads of a container image name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from lineage.audit.discovery.addresses import address_references
from lineage.audit.discovery.json_nodes import json_nodes
from lineage.audit.discovery.makefiles import named_value
from lineage.audit.discovery.nodes import ListNode, scalars
from lineage.audit.discovery.scripts import (
    MAX_WORDS,
    assignment_references,
    command_references,
    embedded_references,
    shell_references,
    without_definitions,
)
from lineage.audit.discovery.shell import Command, Word, commands, word_of
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import Tree
from lineage.audit.discovery.variables import Assigned
from lineage_schemas.reference import Reference

_INSTRUCTION = re.compile(r"[ \t]*(?:ONBUILD[ \t]+)?(?:HEALTHCHECK[ \t].*?)?([A-Za-z]+)[ \t]+")
_COMMENT = re.compile(r"[ \t]*#")
_HEREDOC = re.compile(r"<<-?[ \t]*['\"]?([\w.-]+)['\"]?")
_OPTIONS = re.compile(r"(?:--[\w-]+(?:=\S+)?[ \t]+)*")
_FROM = re.compile(r"[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)", re.IGNORECASE)


class Instruction(NamedTuple):
    """Hold one instruction: its name in capitals, and the text behind it."""

    name: str
    text: Text


def dockerfile_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a Dockerfile. Variables of `ENV` and `ARG` reach the commands below them."""
    yield from without_definitions(_read(text, tree))


def _read(text: Text, tree: Tree) -> Iterator[Reference]:
    instructions = list(_instructions(text))
    variables = _variables(instructions)
    stages = _FROM.findall(text.body)
    image = stages[-1] if stages else ""
    started: dict[str, Sequence[Word]] = {}
    for instruction in instructions:
        if instruction.name in ("ENV", "ARG", "LABEL"):
            yield from _assigned(instruction, variables)
        elif instruction.name in ("CMD", "ENTRYPOINT"):
            words = _exec_form(instruction.text)
            if words is None:
                yield from shell_references(instruction.text, tree, variables=variables, image=image)
            else:
                started[instruction.name] = words
        elif instruction.name == "RUN":
            yield from _run(instruction.text, tree, variables)
        elif instruction.name in ("ADD", "COPY"):
            yield from _copied(instruction.text, tree)
    words = [*started.get("ENTRYPOINT", ()), *started.get("CMD", ())]
    yield from command_references([Command(words=words)], tree, variables=variables, image=image)


def _instructions(text: Text) -> Iterator[Instruction]:
    """Split a file into instructions, with the lines that continue each and the heredocs below it."""
    at, lines = 0, text.lines
    while at < len(lines):
        first = at
        match = _INSTRUCTION.match(lines[at])
        if match is None or _COMMENT.match(lines[at]):
            at += 1
            continue
        parts = [(lines[at][match.end() :], text.row(at + 1).without(match.end()))]
        while lines[at].rstrip().endswith(("\\", "`")) and at + 1 < len(lines):
            at += 1
            while _COMMENT.match(lines[at]) and at + 1 < len(lines):
                at += 1
            parts.append((lines[at], text.row(at + 1)))
        for mark in _HEREDOC.findall("\n".join(lines[first : at + 1])):
            while at + 1 < len(lines) and parts[-1][0].strip() != mark:
                at += 1
                parts.append((lines[at], text.row(at + 1)))
        yield Instruction(match[1].upper(), Text.of_lines(text.file, parts))
        at += 1


def _variables(instructions: Sequence[Instruction]) -> Assigned:
    found: Assigned = {}
    for instruction in instructions:
        if instruction.name in ("ENV", "ARG"):
            for name, words in islice(_assignments(instruction.text), MAX_WORDS):
                found.setdefault(name, []).extend(words)
    return found


def _assignments(text: Text) -> Iterator[tuple[str, list[Word]]]:
    """Read `NAME=value …`, and the old form `NAME value`."""
    for command in commands(text, newlines=False):
        yield from command.assignments
        if not command.assignments and len(command.words) > 1:
            yield command.words[0].text, list(command.words[1:2])
        elif command.assignments:
            yield from (each for word in command.words if (each := named_value(word)))


def _assigned(instruction: Instruction, variables: Assigned) -> Iterator[Reference]:
    for name, words in islice(_assignments(instruction.text), MAX_WORDS):
        if instruction.name == "LABEL":
            for found in address_references(instruction.text):
                yield found.model_copy(update={"grade": "possible"})
            return
        yield from assignment_references(name, words, variables)


def _exec_form(text: Text) -> list[Word] | None:
    """Return the words of `["program", "argument"]`; None if it is text for the shell."""
    if not text.body.lstrip().startswith("["):
        return None
    node = json_nodes(text)
    return [word_of(scalar.as_text()) for scalar in scalars(node)] if isinstance(node, ListNode) else None


def _run(text: Text, tree: Tree, variables: Assigned) -> Iterator[Reference]:
    """Read what a build step runs: words in brackets, or shell text with its heredocs, behind its options."""
    options = _OPTIONS.match(text.body)
    if options and options.end():
        text = text.part(options.end(), len(text.body))
    words = _exec_form(text)
    if words is not None:
        yield from command_references([Command(words=words)], tree, variables=variables)
        return
    heredoc = _HEREDOC.match(text.body)
    if heredoc and "\n" in text.body:  # the heredoc itself is the script
        start = text.body.index("\n") + 1
        script = text.part(start, len(text.body))
        first = script.lines[0] if script.lines else ""
        python = "python" in text.lines[0] or (first.startswith("#!") and "python" in first)
        yield from embedded_references(script, tree, "x.py" if python else "x.sh")
        return
    yield from shell_references(text, tree, variables=variables)


def _copied(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read the addresses of what is copied, and files that are written in the Dockerfile itself."""
    if "<<" not in text.body or "\n" not in text.body:
        yield from address_references(text)
        return
    for command in commands(text):
        for heredoc in command.heredocs:
            target = command.words[-1].text if command.words else ""
            yield from embedded_references(heredoc.text, tree, target.rpartition("/")[2])

"""Functions of the shell: what the commands of their bodies get as `$1`, `$2`, call by call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lineage.audit.discovery.shell import Command
from lineage.audit.discovery.variables import Assigned, mentioned

MAX_CALLS = 100
"""Calls of functions in one script that are followed."""

MAX_PARAMETERS = 9


class Call(NamedTuple):
    """Hold the body of a function and what one call gives it, by the names of the parameters."""

    body: Sequence[Command]
    given: Assigned


def calls(found: Sequence[Command]) -> Iterator[Call]:
    """Return the calls of functions that the same script defines and that use their parameters."""
    functions = {name: body for name, body in _functions(found) if _uses_parameters(body)}
    number = 0
    for command in found if functions else ():
        name = command.words[0].text if len(command.words) > 1 else ""
        if name in functions and not any(command is each for each in functions[name]) and number < MAX_CALLS:
            number += 1
            given = command.words[1 : MAX_PARAMETERS + 1]
            yield Call(functions[name], {str(at): [word] for at, word in enumerate(given, 1)})


def _functions(found: Sequence[Command]) -> Iterator[tuple[str, list[Command]]]:
    """Return the functions: the commands between `name() {` or `function name {` and the closing brace."""
    name, body = "", list[Command]()
    before = ""
    for command in found:
        words = [word.text for word in command.words]
        if words[:1] == ["}"] and name:
            yield name, body
            name, body = "", []
        elif name:
            body.append(command)
        elif words[:1] == ["function"] and len(words) > 1:
            name, body = words[1], [_rest(command, 3)] if len(words) > 3 else []
        elif words[:1] == ["{"] and before:
            name, body = before, [_rest(command, 1)] if len(words) > 1 or command.assignments else []
        before = words[0] if len(words) == 1 and words[0] not in ("{", "}") else ""


def _rest(command: Command, start: int) -> Command:
    return Command(words=command.words[start:], assignments=command.assignments, heredocs=command.heredocs)


def _uses_parameters(body: Sequence[Command]) -> bool:
    words = [word for each in body for word in (*each.words, *(one for _, many in each.assignments for one in many))]
    return any(name.isdigit() for name in mentioned(words))

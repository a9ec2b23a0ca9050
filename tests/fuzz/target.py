"""What a fuzz target is, and the laws that each input of each target must obey."""

from __future__ import annotations

import dataclasses
import json
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

SECONDS = 5.0
"""Processor time that one input may take: a generous limit, as inputs here are short."""

MAX_INPUT = 20_000
"""Bytes of an input: mutations do not make longer ones."""

MAX_DIGITS = 4_300
"""Digits of a number that Python writes: json and messages fail for a longer one."""

_FREE, _FOR_EACH_BYTE = 200_000, 100
"""Characters that a result may hold: a fixed number, and more for each byte of the input."""


Read = Callable[[bytes], object]
"""Give an input to a parser; raises AssertionError where the parser breaks a law of its own."""


class Target(NamedTuple):
    """Hold one parser, which may raise only the errors that it declares.

    `opened` makes what gives an input to it, with the folder or the server that it needs. `seeds` are sound and hostile
    inputs that the project's own code makes; `tokens` are texts that mean something to the parser. `examples` is the
    number of inputs in a run of all tests: fewer for a parser that starts processes.
    """

    name: str
    opened: Callable[[], AbstractContextManager[Read]]
    declared: tuple[type[Exception], ...]
    seeds: Callable[[], Iterable[bytes]]
    tokens: tuple[bytes, ...] = ()
    examples: int = 100


def plain(read: Read) -> Callable[[], AbstractContextManager[Read]]:
    """Open a parser that needs nothing but the input."""
    return lambda: nullcontext(read)


class Outcome(NamedTuple):
    """Hold what one input did: `finding` is the law that it broke, `place` where it was refused, if it was."""

    finding: str | None = None
    place: str | None = None


def judge(target: Target, read: Read, data: bytes) -> Outcome:
    """Run an opened target on an input, and say which law the parser broke."""
    start = time.process_time()
    try:
        result = read(data)
        place = None
    except target.declared as error:
        result, place = [getattr(error, "message", None) or str(error), getattr(error, "hint", None)], _place(error)
    except Exception as error:  # noqa: BLE001 - any error that is not declared is a finding
        kind = "a law of its own" if isinstance(error, AssertionError) else "an undeclared error"
        return Outcome(f"{kind}: {traceback.format_exc()}", _place(error))
    seconds = time.process_time() - start
    try:
        fault = _fault(result, _FREE + _FOR_EACH_BYTE * len(data))
    except PydanticSerializationError as error:
        return Outcome(f"a record cannot be written: {error}", place)
    if seconds > SECONDS:
        return Outcome(f"{seconds:.1f} s of processor time for {len(data):,} bytes", place)
    return Outcome(fault, place)


def _place(error: Exception) -> str:
    """Name where an error was raised: inputs that are refused in the same lines are alike."""
    frames = [f"{frame.f_code.co_name}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]
    return " ".join([type(error).__name__, *frames[-4:]])


def _fault(result: object, limit: int) -> str | None:
    """Return what is wrong with a result: a text that cannot be encoded, a number without bounds, or too much of it."""
    waiting, seen = [result], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            limit -= len(value)
            if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
                return f"half a surrogate pair leaves the parser: {value[:200]!a}"
        elif isinstance(value, int) and value.bit_length() > MAX_DIGITS * 3.3:
            return f"a number of {value.bit_length():,} bits leaves the parser"
        elif isinstance(value, list | tuple | set | frozenset | Mapping | BaseModel) or dataclasses.is_dataclass(value):
            waiting += [] if id(value) in seen else _parts(value)  # what YAML's aliases share is looked at once
            seen.add(id(value))
        limit -= 1
        if limit < 0:
            return "the result is out of proportion to the input"
    return None


def _parts(value: Any) -> list[Any]:
    if isinstance(value, BaseModel):
        value.model_dump_json()  # as it is stored and printed
        return list(dict(value).values())
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return [*value.keys(), *value.values()] if isinstance(value, Mapping) else list(value)


def as_json(value: object) -> bytes:
    """Write a seed in JSON."""
    return json.dumps(value).encode()

"""Regular expressions run as automata: steps grow with the length of a text, whatever the expression.

A subset of Python's syntax with Python's meaning: characters, escaped ones, `.`, classes, groups, `|`, `^`, `$`, and
`* + ? {m,n}`, also the lazy ones, which match the same texts. Texts have no line breaks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_PATTERN, MAX_STATES, MAX_DEPTH, MAX_STEPS = 2_000, 5_000, 20, 1_000_000
"""Characters of a pattern, its states, groups within groups, and the steps that all patterns of a config may take."""

_TOKEN = re.compile(
    r"\\[dDwWsS]|\\[^A-Za-z0-9]|\[\^?\]?(?:\\.|[^\]\\\[])*\]|\(\?:|\((?!\?)|[)|^$.]"
    r"|(?:[*+?]|\{\d{1,4}(?:,\d{0,4})?\})\??(?![*+?]|\{\d)|[^\\\[\](){}|^$.*+?]",
    re.DOTALL,
)
_REPETITION = re.compile(r"(?P<sign>[*+?])|\{(?P<least>\d+)(?P<comma>,)?(?P<most>\d*)\}")
_SET_OPERATION = re.compile(r"--|&&|\|\||~~")
_SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class RefusedPatternError(Exception):
    """A pattern is not tried here; the text says why."""


class Steps:
    """Count the steps that the patterns of one config take, up to a bound."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def spend(self, count: int) -> None:
        """Take steps. Raises RefusedPatternError where the bound is reached."""
        self._left -= count
        if self._left < 0:
            raise RefusedPatternError("its patterns take too many steps to try")


class _One(NamedTuple):
    """One character: `text` is the character, or a class, or `.`; or the anchor `^` or `$`."""

    text: str
    kind: re.Pattern[str] | None = None

    def takes(self, character: str) -> bool:
        """Return whether this stands for a character."""
        return self.kind.match(character) is not None if self.kind else self.text in (character, "any")


class _Node(NamedTuple):
    """A group of alternatives or one part of them, and how often it is repeated; `most` is None without a bound."""

    alternatives: tuple[tuple[_Node, ...], ...] = ()
    one: _One | None = None
    least: int = 1
    most: int | None = 1


class _State(NamedTuple):
    """One state: with `one` it reads a character or holds at an anchor; then it goes on to all of `to`."""

    one: _One | None
    to: tuple[int, ...]

    @property
    def reads(self) -> bool:
        """Return whether a character is read here."""
        return self.one is not None and self.one.text not in ("^", "$")


class Automaton:
    """Match one pattern as PEFT does: at the end of a name, as the whole of it or what follows one of its dots."""

    def __init__(self, pattern: str, steps: Steps) -> None:
        """Compile a pattern. Raises RefusedPatternError for one that is too long or has other constructs."""
        if len(pattern) > MAX_PATTERN:
            raise RefusedPatternError(f"a pattern has more than {MAX_PATTERN:,} characters")
        steps.spend(2 * len(pattern))
        self._states = [_State(None, ())]
        self._compiled = 0
        self._first = self._node(_parsed(pattern), 0)
        steps.spend(self._compiled)
        self._next: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def matches(self, name: str, steps: Steps) -> bool:
        """Return whether the pattern names a module. Raises RefusedPatternError where the steps are spent."""
        steps.spend(len(name))
        now = self._closed({self._first}, first=True, last=not name)
        for at, character in enumerate(name, 1):
            last = at == len(name)
            found = None if last else self._next.get((now, character))
            if found is None:
                moved = {self._states[each].to[0] for each in now if self._takes(each, character)}
                found = self._closed(moved | ({self._first} if character == "." else set()), first=False, last=last)
                steps.spend(len(now) + len(found) + 1)
                if not last:
                    self._next[now, character] = found
            now = found
        return 0 in now

    def _takes(self, state: int, character: str) -> bool:
        one = self._states[state].one
        return one is not None and one.takes(character)

    def _closed(self, states: set[int], *, first: bool, last: bool) -> frozenset[int]:
        """Follow the states that read nothing; the result has those that read, and 0 where the pattern ends."""
        left, seen = list(states), set(states)
        while left:
            state = self._states[left.pop()]
            if state.reads or (state.one and not (first if state.one.text == "^" else last)):
                continue
            new = set(state.to) - seen
            seen |= new
            left += new
        return frozenset(each for each in seen if each == 0 or self._states[each].reads)

    def _new(self, one: _One | None, *to: int) -> int:
        self._states.append(_State(one, to))
        return len(self._states) - 1

    def _node(self, node: _Node, then: int) -> int:
        """Compile a part as often as it is repeated, as copies; returns the state in which it begins."""
        if node.most is None:
            loop = self._new(None)
            self._states[loop] = _State(None, (self._once(node, loop), then))
            then = loop
        else:
            end = then
            for _ in range(node.most - node.least):
                then = self._new(None, self._once(node, then), end)
        for _ in range(node.least):
            then = self._once(node, then)
        return then

    def _once(self, node: _Node, then: int) -> int:
        self._compiled += 1
        if self._compiled > MAX_STATES:
            raise RefusedPatternError("a pattern has too many parts and repetitions")
        if node.one is not None:
            return self._new(node.one, then)
        begins = []
        for parts in node.alternatives:
            begin = then
            for part in reversed(parts):
                begin = self._node(part, begin)
            begins.append(begin)
        return begins[0] if len(begins) == 1 else self._new(None, *begins)


def _parsed(pattern: str) -> _Node:
    """Read a pattern. Raises RefusedPatternError where it has constructs that are not known here."""
    levels: list[list[list[_Node]]] = [[[]]]
    at = 0
    repeatable = False
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None or len(levels) > MAX_DEPTH:
            raise _refused(pattern, "it is not of the kinds that are known here")
        at, text = token.end(), token[0]
        repetition = _REPETITION.match(text)
        if text in ("(", "(?:"):
            levels.append([[]])
        elif text == "|":
            levels[-1].append([])
        elif text == ")":
            if len(levels) == 1:
                raise _refused(pattern, "its brackets do not match")
            group = _Node(tuple(map(tuple, levels.pop())))
            levels[-1][-1].append(group)
        elif repetition is None:
            levels[-1][-1].append(_Node(one=_one(text, pattern)))
        else:
            least, most = _bounds(repetition)
            if not repeatable or (most is not None and most < least):
                raise _refused(pattern, f"{text} repeats nothing")
            levels[-1][-1][-1] = levels[-1][-1][-1]._replace(least=least, most=most)
        repeatable = repetition is None and text not in ("(", "(?:", "|", "^", "$")
    if len(levels) > 1:
        raise _refused(pattern, "its brackets do not match")
    return _Node(tuple(map(tuple, levels[0])))


def _one(text: str, pattern: str) -> _One:
    """Make what one token stands for."""
    if text == ".":
        return _One("any")
    if len(text) == 1:
        return _One(text)
    if text[0] == "\\" and not text[1].isalnum():
        return _One("literal", re.compile(re.escape(text[1])))
    if _SET_OPERATION.search(text):
        raise _refused(pattern, "it has a class with a set operation")
    try:
        return _One("class", re.compile(text))
    except (re.error, OverflowError) as error:
        raise _refused(pattern, "it has a class that is not valid") from error


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    """Return how often something is repeated at least and at most."""
    if found["sign"]:
        return _SIGNS[found["sign"]]
    least = int(found["least"])
    if not found["comma"]:
        return least, least
    return least, int(found["most"]) if found["most"] else None


def _refused(pattern: str, reason: str) -> RefusedPatternError:
    return RefusedPatternError(f"the pattern {pattern[:60]!r} is not tried: {reason}")

"""Shell text: its commands, each with its words, and where each word is.

This splits any text that a shell would run: a script, the command of a container, a step of a workflow, a recipe of a
Makefile. It expands nothing: a variable stays one, with its default, and the caller looks up its value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from lineage.audit.discovery.texts import Text

MAX_DEPTH = 12
"""Command substitutions and defaults inside each other; what is deeper is not read."""

MAX_JOINED = 2_000
"""Characters of a part of a word to which more are added: a longer one goes on in another part."""

_BLANK = re.compile(r"(?:[ \t\f\v]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_SEPARATOR = re.compile(r"&&|\|\||;;|[;&|\n()]")
_REDIRECT = re.compile(r"(?:\d*|&)(>>|>\||>&|<&|<>|>|<)(?!\()")
_HEREDOC = re.compile(r"\d*<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([\w.-]+))")
_HERE_STRING = re.compile(r"<<<")
_PLAIN = re.compile(r"(?:[^\s'\"\\$`;&|()<>{]|\{(?!\{))+")
_IN_DOUBLE = re.compile(r"(?:[^\"\\$`{]|\{(?!\{))+")
_VARIABLE = re.compile(r"\$(?:(\w+)|([@*#?!$-]))")
_BRACED = re.compile(r"\$\{([!#]?)(\w+)(?:\[[^\]\n]*\])?(?:(:?[-=])|([^}\n]*)\})?")
_MAKE_VARIABLE = re.compile(r"\$\(([\w.-]+)\)|\$\{([\w.-]+)\}")
_TEMPLATE = re.compile(
    r"\$?\{\{-?[ \t]*(?:(?:quote|toString|required[ \t]+\"[^\"{}\n]*\")[ \t]+)?"
    r"(?:default[ \t]+(?:'([^'{}\n]*)'|\"([^\"{}\n]*)\")[ \t]+)?\$?\.?([\w.-]*\w)"
    r"[ \t]*(?:(?:\|[ \t]*default[ \t(]+|\|\|[ \t]*)(?:'([^'{}\n]*)'|\"([^\"{}\n]*)\")|\|[ \t]*\w)?"
    r"[^{}\n]{0,300}?-?\}\}"
)
"""A variable of Jinja, Go's templates, GitHub's expressions or just, with its default."""

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(?:\[\w*\])?\+?=")


_INDEX = re.compile(r"\[[^\]\n]*\]=")


class Piece(NamedTuple):
    """Hold one part of a word: a text as it is read, or a variable with the words of its default.

    `at` is the offset in the source of the text's first character, or of the variable's `$`.
    """

    text: str
    at: int
    variable: str | None = None
    default: Word | None = None


class Word(NamedTuple):
    """Hold one word of a command, without its quotes. A variable is a piece of its own."""

    source: Text
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """Return the word as text, with `${NAME}` for each variable."""
        if len(self.pieces) == 1 and self.pieces[0].variable is None:
            return self.pieces[0].text
        return "".join(piece.text if piece.variable is None else f"${{{piece.variable}}}" for piece in self.pieces)

    @property
    def at(self) -> int:
        """Return the offset of the word's first character."""
        return self.pieces[0].at if self.pieces else 0

    @property
    def is_literal(self) -> bool:
        """Return whether no part of the word is a variable."""
        return all(piece.variable is None for piece in self.pieces)

    def after(self, characters: int) -> Word:
        """Return the rest of the word behind its first characters, which have to be literal."""
        rest = []
        for piece in self.pieces:
            if piece.variable is None and characters:
                cut = min(characters, len(piece.text))
                characters -= cut
                piece = piece._replace(text=piece.text[cut:], at=piece.at + cut)
            if piece.text or piece.variable is not None:
                rest.append(piece)
        return Word(self.source, tuple(rest))


class Heredoc(NamedTuple):
    """Hold the text that a command reads from the lines below it."""

    text: Text
    target: str
    """The end of the command's output, `config.yaml` in `cat > config.yaml <<EOF`; empty if there is none."""


@dataclass
class Command:
    """Hold one simple command: the assignments in front, its words, and the texts that it reads."""

    words: list[Word] = field(default_factory=list)
    assignments: list[tuple[str, list[Word]]] = field(default_factory=list)
    heredocs: list[Heredoc] = field(default_factory=list)
    target: str = ""


def word_of(source: Text) -> Word:
    """Make one literal word of a whole text, such as an item of a list of arguments."""
    return Word(source, (Piece(source.body, 0),))


def commands(source: Text, *, newlines: bool = True, make: bool = False) -> list[Command]:
    """Split a text into its commands, those of substitutions among them.

    `newlines=False` reads a line end as a blank, as in a folded text of YAML. With `make` a `$(NAME)` is a variable of
    make and `$$` is the dollar of the shell.
    """
    return _Reader(source, newlines=newlines, make=make).run()


class _Reader:
    """Read one text from its beginning to its end. A quote that is not closed ends with the text."""

    def __init__(self, source: Text, *, newlines: bool, make: bool, start: int = 0, end: int | None = None,
                 depth: int = 0) -> None:  # fmt: skip
        self._source, self._body = source, source.body
        self._at, self._end = start, len(source.body) if end is None else end
        self._newlines, self._make, self._depth = newlines, make, depth
        self._command = Command()
        self._pending: list[tuple[str, bool, Command]] = []
        self._found: list[Command] = []

    def run(self) -> list[Command]:
        """Return the commands in order; those of a substitution come before the command that it is in."""
        while self._at < self._end:
            if self._match(_BLANK) or self._match(_COMMENT):
                continue
            separator = _SEPARATOR.match(self._body, self._at, self._end)
            if separator:
                self._at = separator.end()
                if separator[0] != "\n" or self._newlines:
                    self._finish()
                if separator[0] == "\n" and self._pending:
                    self._read_heredocs()
            elif not self._redirect():
                self._add(self._word())
        self._finish()
        return self._found

    def _finish(self) -> None:
        """End a command; one without words counts if it assigns or reads something."""
        waits = any(pending[2] is self._command for pending in self._pending)
        if self._command.words or self._command.assignments or waits:
            self._found.append(self._command)
        self._command = Command()

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._body, self._at, self._end)
        if match:
            self._at = match.end()
        return match

    def _redirect(self) -> bool:
        """Read a redirection with its target; the caller reads what is none as a word."""
        if self._match(_HERE_STRING):
            self._match(_BLANK)
            self._word()
            return True
        heredoc = self._match(_HEREDOC)
        if heredoc:
            self._pending.append((heredoc[2] or heredoc[3] or heredoc[4], bool(heredoc[1]), self._command))
            return True
        redirect = self._match(_REDIRECT)
        if redirect is None:
            return False
        self._match(_BLANK)
        target = self._word().text
        if redirect[1] in (">", ">>", ">|"):
            self._command.target = target
        return True

    def _read_heredocs(self) -> None:
        """Read the lines up to each end mark that the line before named."""
        for mark, tabs, command in self._pending:
            start = self._at
            indent = r"[ \t]*" if tabs else ""
            pattern = re.compile(rf"^{indent}{re.escape(mark)}[ \t]*$", re.MULTILINE)
            end = pattern.search(self._body, self._at, self._end)
            stop, self._at = (end.start(), end.end()) if end else (self._end, self._end)
            target = command.target or next((w.text for w in command.words[1:] if not w.text.startswith("-")), "")
            command.heredocs.append(Heredoc(self._source.part(start, stop), target))
        self._pending = []

    def _add(self, word: Word) -> None:
        """Put a word to the command, as an assignment if it is one and no word is before it."""
        name = _ASSIGNMENT.match(word.pieces[0].text) if word.pieces and word.pieces[0].variable is None else None
        leading = not self._command.words or self._command.words[0].text in _DECLARING
        if name and leading:
            values = [word.after(name.end())]
            if not values[0].pieces and self._body.startswith("(", self._at):
                values = self._array()
            self._command.assignments.append((name[1], values))
        elif word.pieces:
            self._command.words.append(word)

    def _array(self) -> list[Word]:
        """Read `(a b c)` or `([x]=a [y]=b)` behind `NAME=`."""
        self._at += 1
        values: list[Word] = []
        while self._at < self._end and self._body[self._at] != ")":
            if not (self._match(_BLANK) or self._match(_COMMENT) or self._match(_NEWLINES)):
                before = self._at
                word = self._word()
                index = _INDEX.match(word.pieces[0].text) if word.pieces else None
                values.append(word.after(index.end()) if index else word)
                self._at = max(self._at, before + 1)
        self._at += 1
        return [value for value in values if value.pieces]

    def _word(self) -> Word:
        """Read up to the next blank or separator outside of quotes."""
        pieces: list[Piece] = []
        while self._at < self._end:
            plain = self._match(_PLAIN)
            if plain:
                _append(pieces, plain[0], plain.start())
                continue
            mark = self._body[self._at]
            if mark == "'":
                self._single(pieces)
            elif mark == '"':
                self._double(pieces)
            elif mark == "\\":
                self._escape(pieces)
            elif mark in "$`{":
                self._dollar(pieces)
            else:
                break
        if not pieces and self._at < self._end and self._body[self._at] in "<>":
            self._at += 1  # process substitution, or a redirection that was not understood
        return Word(self._source, tuple(pieces))

    def _single(self, pieces: list[Piece]) -> None:
        end = self._body.find("'", self._at + 1, self._end)
        end = self._end if end < 0 else end
        _append(pieces, self._body[self._at + 1 : end], self._at + 1)
        self._at = end + 1

    def _double(self, pieces: list[Piece]) -> None:
        self._at += 1
        pieces.append(Piece("", self._at))
        while self._at < self._end and self._body[self._at] != '"':
            plain = self._match(_IN_DOUBLE)
            if plain:
                _append(pieces, plain[0], plain.start())
            elif self._body[self._at] == "\\":
                self._escape(pieces)
            else:
                self._dollar(pieces)
        self._at += 1

    def _escape(self, pieces: list[Piece]) -> None:
        """Read a backslash and the character behind it; a line end behind it is nothing."""
        if self._body[self._at + 1 : self._at + 2] not in ("\n", ""):
            pieces.append(Piece(self._body[self._at + 1], self._at + 1))
        self._at += 2

    def _dollar(self, pieces: list[Piece]) -> None:
        """Read what begins with `$`, or a command in backquotes."""
        start = self._at
        if self._template(pieces) or (self._make and self._make_variable(pieces)):
            return
        if self._body.startswith("$(", start) or self._body[start] == "`":
            self._substitution(pieces)
            return
        braced = self._match(_BRACED)
        if braced:
            default = self._default() if braced[3] else None
            pieces.append(Piece("", start, variable=braced[2], default=default))
            return
        variable = self._match(_VARIABLE)
        if variable:
            pieces.append(Piece("", start, variable=variable[1] or variable[2]))
            return
        if self._body[start + 1 : start + 2] not in ("'", '"'):
            _append(pieces, "$", start)
        self._at += 1

    def _template(self, pieces: list[Piece]) -> bool:
        """Read a variable of a template: by its last name, so that `matrix.model` is `model`; Helm's by all of them."""
        found = _TEMPLATE.match(self._body, self._at, self._end)
        if found is None and self._body[self._at] == "{":
            _append(pieces, "{{", self._at)
            self._at += 2
            return True
        if found is None:
            return False
        self._at = found.end()
        group = next((number for number in (1, 2, 4, 5) if found[number]), 0)
        default = Word(self._source, (Piece(found[group], found.start(group)),)) if group else None
        name = found[3] if found[3].startswith("Values.") else found[3].rpartition(".")[2]
        pieces.append(Piece("", found.start(), variable=name, default=default))
        return True

    def _make_variable(self, pieces: list[Piece]) -> bool:
        if self._body.startswith("$$", self._at):
            self._at += 1  # the second dollar is the shell's
            return False
        variable = self._match(_MAKE_VARIABLE)
        if variable:
            pieces.append(Piece("", variable.start(), variable=variable[1] or variable[2]))
        return variable is not None

    def _default(self) -> Word | None:
        """Read the words behind `:-` up to the closing brace, which it takes too."""
        end = _closing(self._body, self._at, self._end, "{", "}")
        inner = _Reader(self._source, newlines=False, make=self._make, start=self._at, end=end, depth=self._depth + 1)
        self._at = end + 1
        return inner._word() if self._depth < MAX_DEPTH else None

    def _substitution(self, pieces: list[Piece]) -> None:
        """Read a command inside `$(…)` or backquotes; its output is an unknown part of the word."""
        start = self._at
        if self._body[start] == "`":
            first, end = start + 1, self._body.find("`", start + 1, self._end)
            end = self._end if end < 0 else end
        else:
            first, end = start + 2, _closing(self._body, start + 2, self._end, "(", ")")
        if self._depth < MAX_DEPTH:
            inner = _Reader(self._source, newlines=True, make=self._make, start=first, end=end, depth=self._depth + 1)
            self._found.extend(inner.run())
        pieces.append(Piece("", start, variable="(…)"))
        self._at = end + 1


_DECLARING = frozenset({"export", "declare", "local", "readonly", "typeset", "set", "setx", "env"})
_NEWLINES = re.compile(r"\n+")


def _append(pieces: list[Piece], text: str, at: int) -> None:
    """Add a literal part, joined to the one before where the source has them side by side."""
    before = pieces[-1] if pieces else None
    joins = before and before.variable is None and len(before.text) < MAX_JOINED
    if before and joins and before.at + len(before.text) == at:
        pieces[-1] = before._replace(text=before.text + text)
    else:
        pieces.append(Piece(text, at))


def _closing(body: str, at: int, end: int, opening: str, closing: str) -> int:
    """Return the offset of the bracket that closes one that is open before `at`; the end if there is none."""
    depth = 1
    for match in re.compile(rf"'[^']*'|\\.|[{re.escape(opening + closing)}]", re.DOTALL).finditer(body, at, end):
        depth += (match[0] == opening) - (match[0] == closing)
        if depth == 0:
            return match.start()
    return end

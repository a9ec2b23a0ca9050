"""Arguments: the models that the words of one command name, behind a flag or where the program takes one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from lineage.audit.discovery import configuration_keys as known
from lineage.audit.discovery import model_keys as keys
from lineage.audit.discovery import programs
from lineage.audit.discovery.addresses import address_grade, address_references, addresses
from lineage.audit.discovery.json_nodes import json_nodes
from lineage.audit.discovery.model_keys import Meaning
from lineage.audit.discovery.name_shapes import is_telling
from lineage.audit.discovery.names import Form, Name, read_name
from lineage.audit.discovery.nodes import ListNode, MapNode, Node, Scalar
from lineage.audit.discovery.programs import program_name
from lineage.audit.discovery.references import reference, unresolved
from lineage.audit.discovery.shell import Word, word_of
from lineage.audit.discovery.variables import MAX_VALUES, Value, Variables, text_of, values

if TYPE_CHECKING:
    from lineage_schemas.product import Grade
    from lineage_schemas.reference import Reference

MAX_PROGRAMS = 8
"""Programs of the table that one command may name."""

_FLAG = re.compile(r"--?[A-Za-z][\w.-]*(?:/[\w-]+)?")
_PAIR = re.compile(r"(--?|[+~]{1,2})?([A-Za-z_][\w./-]*(?:\[\d+\][\w./-]*)*)=")
_PAIRED = re.compile(r"(?:^|[,;\s])(?=[A-Za-z_][\w.]*=)")
_LISTED = re.compile(r",[A-Za-z_][\w.]*=")
_NAMED_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_NO_MODEL_TYPES = frozenset({"dataset", "datasets", "space", "spaces"})


class Flag(NamedTuple):
    """Hold a key in the form of `plain_key` with its value. `named` is false for a variable of the environment."""

    key: str
    value: Word
    named: bool = True


def argument_references(words: Sequence[Word], variables: Variables, image: str = "") -> Iterator[Reference]:
    """Read the models that a command names; `image` is the container image whose program takes the words."""
    words = [word for word in words if word.pieces]
    while words and words[0].text in programs.KEYWORDS:
        words = words[1:]
    if not words:
        return
    if program_name(words[0].text) in programs.PRINTING:
        for word in words[1:]:
            for found in address_references(text_of(word)):
                yield found.model_copy(update={"grade": "possible"})
        return
    if program_name(words[0].text) not in programs.OTHER_HUBS:
        yield from _Command(words, variables, image).references()


class _Command:
    """Read one command."""

    def __init__(self, words: Sequence[Word], variables: Variables, image: str) -> None:
        self._words, self._variables = words, variables
        self._taken: set[int] = set()
        self._image = programs.IMAGES.get(image.rpartition("/")[2].partition(":")[0], "")
        self._programs = list(islice(self._find_programs(), MAX_PROGRAMS))
        self._short = frozenset(flag for _, program in self._programs for flag in program.short)
        self._flags = list(self._read_flags())
        self._asks_a_server = program_name(words[0].text) in programs.CLIENTS
        self._by_key = {flag.key: flag for flag in reversed(self._flags)}
        self._looked_up: dict[str, str | None] = {}
        self._trusts = any(word.text == "--trust-remote-code" for word in words)

    def references(self) -> Iterator[Reference]:
        """Yield the references of flags, of words where the program takes a model, and of addresses."""
        if self._asks_for_no_model():
            return
        for flag in self._flags:
            yield from self._flag(flag)
        yield from self._program()
        yield from self._addresses()

    def lookup(self, key: str) -> str | None:
        """Return the value of a flag, if it has exactly one."""
        if key not in self._looked_up:
            found = values(self._by_key[key].value, self._variables) if key in self._by_key else []
            self._looked_up[key] = found[0].text if len(found) == 1 else None
        return self._looked_up[key]

    def _read_flags(self) -> Iterator[Flag]:
        """Read `--key value`, `--key=value`, `key=value` and lists of those in one word."""
        key = ""
        for at, word in enumerate(self._words):
            text = word.text
            pair = _PAIR.match(text)
            if pair and not pair[1] and keys.meaning(key) == Meaning.MODEL and ("lora" in key or "adapter" in key):
                self._taken.add(at)
                yield Flag(key, word.after(pair.end()))
            elif pair:
                self._taken.add(at)
                key = keys.plain_key(pair[2])
                named = bool(pair[1]) or not _NAMED_VARIABLE.fullmatch(pair[2])
                yield from self._paired(key, word.after(pair.end()), named=named)
                if not pair[1]:
                    key = ""
            elif _FLAG.fullmatch(text) and not _is_number(text):
                key = keys.plain_key(text) if text not in self._short | programs.REPOSITORIES else "model"
                if text in ("-hff", "-hffd", "-hffv"):
                    key = "hf_file"
            elif key and self._is_value(at, key):
                self._taken.add(at)
                yield from self._paired(key, word, named=True)

    def _is_value(self, at: int, key: str) -> bool:
        """Return whether a word belongs to the flag before it, or to one before that which takes a list."""
        before = self._words[at - 1].text if at else ""
        if _FLAG.fullmatch(before):
            if keys.meaning(key) in (Meaning.UNKNOWN, Meaning.GENERIC) and before not in programs.NOT_MODELS_BEHIND:
                is_switch = any(program.positional for _, program in self._programs)  # such as --quiet
                return not (is_switch and _reads(self._words[at]))
            return True
        return at - 1 in self._taken and keys.meaning(key) == Meaning.MODEL and _reads(self._words[at])

    def _paired(self, key: str, value: Word, *, named: bool) -> Iterator[Flag]:
        """Split a value such as `pretrained=org/x,revision=v1` into flags of its own."""
        text = value.text
        is_address = "://" in text.partition("=")[0] and not _LISTED.search(text)  # with a query
        is_list = "=" in text and not is_address and not text.startswith(("{", "["))
        starts = [match.end() for match in _PAIRED.finditer(text)] if is_list else []
        first = _slice(value, 0, starts[0] - 1) if starts and starts[0] else value
        if text.startswith(("{", "[")):
            yield from _configured(Flag(key, value, named))
            return
        yield Flag(key, first or value, named)
        for start, end in zip(starts, [*starts[1:], len(text) + 1], strict=False):
            name, _, rest = text[start : end - 1].partition("=")
            part = _slice(value, start + len(name) + 1, start + len(name) + 1 + len(rest))
            if part is not None:
                yield Flag(keys.plain_key(name), part, True)

    def _find_programs(self) -> Iterator[tuple[int, programs.Program]]:
        """Find the programs of the table among the words, each with the place of its name."""
        if self._image:
            yield -1, programs.PROGRAMS[self._image]
        for at, word in enumerate(self._words):
            name = program_name(word.text)
            if name == "docker" and self._words[at + 1 : at + 2] and self._words[at + 1].text == "model":
                yield at + 1, programs.PROGRAMS["docker-model"]
            if name in programs.PROGRAMS and (at == 0 or not self._words[at - 1].text.startswith("--")):
                yield at, programs.PROGRAMS[name]
            image = programs.IMAGES.get(name.partition(":")[0]) if ":" in name else None
            if image:
                yield at, programs.PROGRAMS[image]

    def _asks_for_no_model(self) -> bool:
        """Return whether the command is about a dataset or a Space."""
        return any(flag.key in {"repo_type", "type"} and flag.value.text in _NO_MODEL_TYPES for flag in self._flags)

    def _flag(self, flag: Flag) -> Iterator[Reference]:
        meaning = keys.meaning(flag.key)
        if meaning in (Meaning.GENERIC, Meaning.UNKNOWN):
            yield from self._telling(flag)
        if meaning not in (Meaning.MODEL, Meaning.OUTPUT) or keys.is_hosted_key(flag.key):
            return
        found = values(flag.value, self._variables)
        if not found and meaning == Meaning.MODEL and flag.named:
            yield unresolved(flag.value.text, flag.value.source.place_at(flag.value.at))
        for value in (part for each in found for part in _listed(each)):
            name = keys.read_value(value.text)
            if name is None or (self._asks_a_server and name.form in (Form.ID, Form.BARE)):
                continue
            sure: Grade = "certain" if flag.named and value.direct else "likely"
            yield self._reference(name, value, "possible" if meaning == Meaning.OUTPUT else sure, flag.key)

    def _telling(self, flag: Flag) -> Iterator[Reference]:
        """Read the value of a flag that does not say what it holds, such as `-m`: a model if its name says so."""
        for value in values(flag.value, self._variables) if not known.ELSE.search(flag.key) else ():
            name = keys.read_value(value.text, bare=False)
            if name is not None and name.form == Form.ID and is_telling(name.model):
                yield self._reference(name, value, "likely", flag.key)

    def _reference(self, name: Name, value: Value, grade: Grade, key: str) -> Reference:
        """Make a reference with what the other flags ask of it."""
        trusted = self.lookup("trust_remote_code")
        return reference(
            name,
            value.place,
            grade,
            revision=self._revision(key, name) if grade != "possible" else None,
            filename=keys.asked_of(key, "filename", self.lookup),
            used_at=value.used_at,
            subfolder=keys.asked_of(key, "subfolder", self.lookup),
            variant=keys.asked_of(key, "variant", self.lookup),
            trust_remote_code=True
            if self._trusts
            else None
            if trusted is None
            else trusted.lower() in {"true", "1", ""},
        )

    def _revision(self, key: str, name: Name) -> str | None:
        """Return the revision that the flags ask for: the tokenizer of a model is that of the model's revision."""
        own = keys.asked_of(key, "revision", self.lookup)
        is_same = own is None and key == "tokenizer" and self.lookup("model") == name.model
        return self.lookup("revision") if is_same else own

    def _program(self) -> Iterator[Reference]:
        """Read the words that the programs of the table take as models."""
        for at, program in self._programs:
            for prefix, grade in [(each, "certain") for each in program.commands or ("",)] + [
                (each, "possible") for each in program.writes
            ]:
                start = self._behind(at, prefix)
                if start is not None and (program.positional or grade == "possible"):
                    yield from self._positional(start, program, "certain" if grade == "certain" else "possible")
                    break
        yield from self._given_to_a_script()

    def _behind(self, at: int, prefix: str) -> int | None:
        """Return where the words begin that follow a program and its subcommand; None if it is another subcommand."""
        wanted, at = prefix.split(), at + 1
        while wanted and at < len(self._words):
            text = self._words[at].text
            if text == wanted[0]:
                wanted.pop(0)
            elif not text.startswith("-"):
                return None
            at += 1
        return None if wanted else at

    def _positional(self, start: int, program: programs.Program, grade: Grade) -> Iterator[Reference]:
        """Read the first word that is a model, and the file behind it."""
        for at in range(start, len(self._words)):
            if start == 0 and not _reads(self._words[0]):  # behind an image comes its command, not its arguments
                return
            word, before = self._words[at], self._words[at - 1].text if at else ""
            if at in self._taken or word.text.startswith("-") or before in programs.NOT_MODELS_BEHIND:
                continue
            found = values(word, self._variables)
            if not found:
                yield unresolved(word.text, word.source.place_at(word.at))
            for value in found:
                name = _of_program(value.text, program)
                if name is not None:
                    made = self._reference(
                        name, value, grade if value.direct or grade != "certain" else "likely", "model"
                    )
                    yield made.model_copy(update={"filename": self._file_behind(at)}) if program.files else made
            self._taken.add(at)
            return

    def _file_behind(self, at: int) -> str | None:
        """Return the only file that `hf download org/name FILE` names."""
        files = [word.text for word in self._words[at + 1 : at + 3] if word.is_literal]
        if not files or files[0].startswith("-") or (len(files) > 1 and not files[1].startswith("-")):
            return None
        return files[0]

    def _given_to_a_script(self) -> Iterator[Reference]:
        """Read the ids that a script gets without a flag: what it does with them only its name may say."""
        start = program_name(self._words[0].text).startswith("python")
        script = self._words[start].text if len(self._words) > start else ""
        called = keys.plain_key(program_name(script).partition(".")[0])
        says = keys.meaning(called) == Meaning.MODEL and not programs.VERBS.isdisjoint(called.split("_"))
        if not (start or says or script.startswith("./")) or self._programs:
            return
        for at, word in enumerate(self._words[1 + start :], 1 + start):
            name = read_name(word.text) if at not in self._taken and word.is_literal else None
            if name is not None and name.form == Form.ID:
                yield self._reference(
                    name, Value(word.text, word.source, word.at), "likely" if says else "possible", ""
                )
                says = False

    def _addresses(self) -> Iterator[Reference]:
        """Read the addresses in all words; git reads the page of a model that it clones."""
        first = [program_name(word.text) for word in self._words[:6]]
        cloned = "git" in first and any(
            each in {"clone", "submodule", "remote", "lfs", "pull", "fetch"} for each in first
        )
        for word in self._words:
            for value in values(word, self._variables):
                yield from self._schemed(value)
                yield from self._address(value, word, cloned=cloned)

    def _schemed(self, value: Value) -> Iterator[Reference]:
        """Read a word that is an id behind the name of the Hub, as in `pull huggingface:org/name`."""
        name = read_name(value.text) if value.text.startswith(("hf:", "huggingface:")) else None
        if name is not None and "/" in name.model:
            yield self._reference(name, value, "certain" if value.direct else "likely", "model")

    def _address(self, value: Value, word: Word, *, cloned: bool) -> Iterator[Reference]:
        installs = value.text.startswith("git+")
        for offset, name in addresses(value.text):
            at = value.at + offset if word.is_literal or not offset else value.at
            grade = address_grade(name, cloned=cloned or installs)
            revision = (self.lookup("branch") or self._flag_value("-b")) if cloned else None
            if grade == "certain" and not value.direct:
                grade = "likely"
            yield reference(name, value.source.place_at(at), grade, revision=revision)

    def _flag_value(self, flag: str) -> str | None:
        """Return the word behind a flag of one letter."""
        for word, behind in zip(self._words, self._words[1:], strict=False):
            if word.text == flag and behind.is_literal:
                return behind.text
        return None


def _of_program(text: str, program: programs.Program) -> Name | None:
    """Read what a program takes as a model. Of one that has a library of its own, only addresses are on the Hub."""
    name = read_name(text)
    return name if name and (name.form in (Form.ADDRESS, Form.PAGE) or not program.own_library) else None


def _listed(value: Value) -> list[Value]:
    """Split `org/a,org/b`, as Hydra takes it for several runs; any other value is one."""
    parts = value.text.split(",") if value.text.count(",") < MAX_VALUES and "=" not in value.text else []
    if len(parts) < 2 or not all(keys.read_value(part) for part in parts):
        return [value]
    starts = [value.at + sum(len(each) + 1 for each in parts[:number]) for number in range(len(parts))]
    return [value._replace(text=part, at=at) for part, at in zip(parts, starts, strict=True)]


def _reads(word: Word) -> bool:
    return word.is_literal and keys.read_value(word.text) is not None


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "").isdigit()


def _slice(word: Word, start: int, end: int) -> Word | None:
    """Return the characters of a word between two positions of its text; None if that cuts a variable."""
    found, at = [], 0
    for piece in word.pieces:
        length = len(piece.text) if piece.variable is None else len(f"${{{piece.variable}}}")
        first, last, at = max(start - at, 0), min(end - at, length), at + length
        if first >= last:
            continue
        if piece.variable is None:
            found.append(piece._replace(text=piece.text[first:last], at=piece.at + first))
        elif last - first == length:
            found.append(piece)
        else:
            return None
    return Word(word.source, tuple(found)) if found else None


def _configured(flag: Flag) -> Iterator[Flag]:
    """Read a value that is JSON, such as `--speculative-config '{"model": "org/x"}'`, as flags of its keys."""
    stack: list[Node] = [json_nodes(text_of(flag.value)) or ListNode()]
    while stack:
        node = stack.pop()
        if isinstance(node, ListNode):
            stack.extend(reversed(node.items))
        elif isinstance(node, MapNode):
            for key, value in node.entries:
                name = keys.plain_key(key.text)
                if isinstance(value, Scalar):
                    yield Flag(flag.key if name == "path" else name, word_of(value.as_text()))
                else:
                    stack.append(value)
        else:
            yield Flag(flag.key, word_of(node.as_text()))

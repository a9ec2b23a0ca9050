"""Scripts: the models that shell text names, in its commands, its variables, and the programs inside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from lineage.audit.discovery import model_keys as keys
from lineage.audit.discovery import programs
from lineage.audit.discovery.addresses import address_references
from lineage.audit.discovery.arguments import argument_references
from lineage.audit.discovery.elsewhere import environment
from lineage.audit.discovery.model_keys import Meaning
from lineage.audit.discovery.programs import program_name
from lineage.audit.discovery.references import is_commit, reference
from lineage.audit.discovery.shell import Command, Heredoc, Word, commands
from lineage.audit.discovery.shell_functions import calls
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import Tree
from lineage.audit.discovery.variables import Assigned, Variables, mentioned, parts_of, text_of, values
from lineage_schemas.product import Grade
from lineage_schemas.reference import Place, Reference

MAX_REFERENCES = 5_000
"""References of one file that are kept; `discover` reports a file that has so many."""

MAX_COMMANDS = 30_000
"""Commands of a script that are read: more are no script that people write."""

MAX_WORDS = 2_000
"""Words of one command that are read, and as many variables that it sets."""

MAX_STEPS = 4
"""Commands between a clone and the one that checks out its revision."""

MAX_DEPTH = 4
"""Scripts inside scripts (`bash -c "bash -c …"`)."""


def script_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a script of the shell."""
    yield from shell_references(text, tree)


def shell_references(text: Text, tree: Tree, *, variables: Variables | None = None, newlines: bool = True,
                     make: bool = False, image: str = "", depth: int = 0) -> Iterator[Reference]:  # fmt: skip
    """Read shell text in any file. `variables` are those that what surrounds it sets; `image` see `arguments`."""
    found = commands(text, newlines=newlines, make=make)
    yield from command_references(found, tree, variables=variables, image=image, depth=depth)


def command_references(found: Sequence[Command], tree: Tree, *, variables: Variables | None = None, image: str = "",
                       depth: int = 0) -> Iterator[Reference]:  # fmt: skip
    """Read commands that run one after the other and share their variables."""
    yield from without_definitions(_with_functions(found, tree, variables, image, depth))


def _with_functions(
    found: Sequence[Command], tree: Tree, variables: Variables | None, image: str, depth: int
) -> Iterator[Reference]:
    """Read commands, and once more the body of each function with what a call gives it."""
    called = list(calls(found)) if depth < MAX_DEPTH else []
    yield from _read(found, tree, variables, image, depth)
    for body, given in called:
        outer = {**(variables or {}), **_assigned(found), **given}
        yield from (each for each in _read(body, tree, outer, image, depth) if each.model and each.used_at)


def without_definitions(found: Iterable[Reference]) -> list[Reference]:
    """Leave out what only says that a variable is set to a model, where a reference says what the variable is used for.

    The use may ask for a revision, which the place that sets the variable does not know.
    """
    references = list(islice(found, MAX_REFERENCES))
    used = {_spot(each) for each in references if each.used_at}
    own = {_spot(each): each for each in references if not each.used_at}
    paired = _paired(references, own)
    kept = [each for each in references if each.used_at or _spot(each) not in used]
    return [
        each.model_copy(update={"revision": own[_spot(each)].revision, "pinned": own[_spot(each)].pinned})
        if paired.intersection(each.used_at) and _spot(each) in own
        else each
        for each in kept
    ]


def _spot(each: Reference) -> tuple[str, int, int, str | None]:
    return each.file, each.line, each.column, each.model


def _paired(references: Sequence[Reference], own: Mapping[tuple[str, int, int, str | None], Reference]) -> set[Place]:
    """Return the places that use several models, of which one has a revision beside it: a matrix of both.

    The variable of the revision has another value for each model, which only the place beside the model knows.
    """
    several: defaultdict[Place, set[tuple[str, int, int, str | None]]] = defaultdict(set)
    for each in references:
        for place in each.used_at:
            several[place].add(_spot(each))
    return {
        place
        for place, spots in several.items()
        if len(spots) > 1 and any(own[spot].revision for spot in spots if spot in own)
    }


def _read(
    found: Sequence[Command], tree: Tree, variables: Variables | None, image: str, depth: int
) -> Iterator[Reference]:
    found = _bounded(found, tree)
    known: Assigned = {name: list(words) for name, words in (variables or {}).items()}
    _assign(found, known)
    used = {name for command in found for name in mentioned(_all_words(command))}
    known |= _set_elsewhere(found, used - known.keys(), tree)
    exported = {each[0] for command in found if command.words for each in command.assignments}
    exported |= {word.text for command in found if _is(command, "export") for word in command.words[1:]}
    cloned: list[Reference] = []
    since = 0
    for command in found:
        for name, assigned in command.assignments:
            yield from assignment_references(name, assigned, known, used=name in used | exported)
        if _is(command, ":"):  # it does nothing but set `${NAME:=default}`
            yield from _defaults(command, known)
        since += 1
        if _git(command) == "clone":
            yield from cloned
            cloned, since = list(argument_references(command.words, known, image)), 0
            continue
        if cloned and (commit := _checked_out(command)) and since <= MAX_STEPS:
            yield from (each.model_copy(update={"revision": commit, "pinned": is_commit(commit)}) for each in cloned)
            cloned = []
        yield from argument_references(_expanded(command.words, known), known, image)
        if depth < MAX_DEPTH:
            yield from _inner(command, tree, known, depth)
    yield from cloned


def _assigned(found: Sequence[Command]) -> Assigned:
    known: Assigned = {}
    _assign(found, known)
    return known


def _set_elsewhere(found: Sequence[Command], names: set[str], tree: Tree) -> Assigned:
    """Return the variables of these names that another file sets for the file of the commands."""
    source = next((word.source for command in found for word in _all_words(command)), None)
    if source is None or not names:
        return {}
    outer = environment(tree, source.file)
    return {name: outer[name] for name in names & outer.keys()}


def _bounded(found: Sequence[Command], tree: Tree) -> Sequence[Command]:
    """Return the commands that are read, with the words that are read of each, and report what is left out."""
    if len(found) > MAX_COMMANDS:
        source = next((words[0].source for words in map(_all_words, found) if words), None)
        if source is not None:
            tree.report(source.file, f"a script has more than {MAX_COMMANDS:,} commands; the others were not read")
        found = found[:MAX_COMMANDS]
    for command in found:
        if len(command.words) + len(command.assignments) > MAX_WORDS:
            reason = f"a command has more than {MAX_WORDS:,} words; the others were not read"
            tree.report(_all_words(command)[0].source.file, reason)
            del command.words[MAX_WORDS:], command.assignments[MAX_WORDS:]
    return found


def _defaults(command: Command, known: Variables) -> Iterator[Reference]:
    for piece in (piece for word in command.words for piece in word.pieces):
        if piece.variable is not None and piece.default is not None:
            yield from assignment_references(piece.variable, [piece.default], known)


def _expanded(words: Sequence[Word], known: Variables) -> list[Word]:
    """Put the words of a variable in its place that holds flags: `ARGS="--model org/x"`, `ARGS=(--model org/x)`."""
    found: list[Word] = []
    for word in words:
        parts = [piece for piece in word.pieces if piece.text or piece.variable is not None]
        name = parts[0].variable if len(parts) == 1 else None
        assigned = known.get(name, ())[:MAX_WORDS] if name is not None else ()
        if len(found) < MAX_WORDS and any(each.text.startswith("-") for each in assigned):
            for each in assigned:
                split = commands(text_of(each)) if " " in each.text else []
                found += split[0].words if split else [each]
        else:
            found.append(word)
    return found


def _git(command: Command) -> str:
    """Return the subcommand of git, behind its options; empty for another program."""
    words = [word.text for word in command.words]
    while words[:1] and (words[0] in programs.KEYWORDS or (words[0] == "git" and words[1:2] == ["-C"])):
        words = ["git", *words[3:]] if words[0] == "git" else words[1:]
    return words[1] if words[:1] == ["git"] and len(words) > 1 else ""


def _checked_out(command: Command) -> str:
    """Return the revision to which a command sets the clone before it; empty for another command."""
    subcommand, words = _git(command), [word.text for word in command.words]
    if subcommand not in ("checkout", "reset", "switch") or not command.words[-1].is_literal:
        return ""
    return words[-1] if not words[-1].startswith("-") and words[-1] != subcommand and "-b" not in words else ""


def _all_words(command: Command) -> list[Word]:
    return [*command.words, *(word for _, assigned in command.assignments for word in assigned)]


def _is(command: Command, program: str) -> bool:
    return bool(command.words) and command.words[0].text == program


def _assign(found: Iterable[Command], known: Assigned) -> None:
    """Note what variables are assigned, those of loops too."""
    for command in found:
        for name, assigned in command.assignments:
            known.setdefault(name, []).extend(word for word in assigned if word.pieces)
        for piece in (piece for word in command.words[:MAX_WORDS] for piece in word.pieces):
            if piece.variable is not None and piece.default is not None:
                known.setdefault(piece.variable, []).append(piece.default)
        words = [word.text for word in command.words[:3]]
        if words[:1] == ["for"] and words[2:] == ["in"]:
            known.setdefault(words[1], []).extend(command.words[3:])


def assignment_references(
    name: str, assigned: Sequence[Word], known: Variables, *, used: bool = True
) -> Iterator[Reference]:
    """Read what a variable is set to: a model if its name says so. One that nothing uses is only possible."""
    key = keys.plain_key(name)
    meaning = keys.meaning(key)
    for word in assigned:
        names = 0
        for value in (part for each in values(word, {}) for part in parts_of(each)):
            found = keys.read_value(value.text) if meaning in (Meaning.MODEL, Meaning.OUTPUT) else None
            names += found is not None
            if found is not None and not keys.is_hosted_key(key):
                grade: Grade = "likely" if used and meaning == Meaning.MODEL else "possible"
                yield reference(found, value.place, grade, revision=_sibling(key, known))
        if not names:
            yield from address_references(text_of(word))


def _sibling(key: str, known: Variables) -> str | None:
    """Return the revision that variables with names like this one ask for."""

    def lookup(asked: str) -> str | None:
        words = known.get(asked.upper(), ())
        return words[0].text if len(words) == 1 and words[0].is_literal else None

    return keys.asked_of(key, "revision", lookup)


def _inner(command: Command, tree: Tree, known: Variables, depth: int) -> Iterator[Reference]:
    """Read the programs that a command runs from its words or from the lines below it."""
    names = [program_name(word.text) for word in command.words]
    suffix = next((programs.INTERPRETERS[name] for name in names if name in programs.INTERPRETERS), "")
    shell = any(name in programs.SHELLS for name in names) or names[:1] == ["read"]  # a command, kept in a variable
    for at, word in enumerate(command.words[1:], 1):
        flag = names[at - 1]
        if flag.startswith("-") and flag[1:2] != "-" and flag.endswith(("c", "e")) and " " in word.text:
            if shell:
                yield from shell_references(text_of(word), tree, variables=known, depth=depth + 1)
            elif suffix:
                yield from embedded_references(text_of(word), tree, f"x.{suffix}")
        elif shell and names[0] in ("ssh", "eval", "watch", "su", "tmux", "screen") and " " in word.text:
            yield from shell_references(text_of(word), tree, variables=known, depth=depth + 1)
    for heredoc in command.heredocs:
        yield from _heredoc(heredoc, tree, suffix, shell=shell, names=names, depth=depth)


def _heredoc(
    heredoc: Heredoc, tree: Tree, suffix: str, *, shell: bool, names: Sequence[str], depth: int
) -> Iterator[Reference]:
    """Read the lines that a command takes as input, by what the command is or by the file that it writes."""
    if suffix:
        yield from embedded_references(heredoc.text, tree, f"x.{suffix}")
    elif shell:
        yield from shell_references(heredoc.text, tree, depth=depth + 1)
    elif {"kubectl", "oc"} & set(names):
        yield from embedded_references(heredoc.text, tree, "x.yaml")
    else:
        yield from embedded_references(heredoc.text, tree, heredoc.target)


def embedded_references(text: Text, tree: Tree, name: str) -> Iterator[Reference]:
    """Read a text inside a file as a file of this name would be read; only its addresses if no parser reads such.

    So are those of a file inside a file inside a file …, after `MAX_DEPTH` of them.
    """
    parser = tree.parser_of(name)
    if parser is None or tree.embedded >= MAX_DEPTH:
        yield from address_references(text)
        return
    tree.embedded += 1
    try:
        found = list(islice(parser(text, tree), MAX_REFERENCES))
    finally:
        tree.embedded -= 1
    yield from found

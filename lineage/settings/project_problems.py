"""What is wrong in a project file, in words that name the key, the line and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lineage_schemas.project_file import (
    AllowDeny,
    CompatLimits,
    IgnoreEntry,
    LicenceLists,
    ProjectFile,
    ProjectModel,
    ProjectParent,
    Signer,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from lineage.settings.toml_lines import Path
    from lineage.settings.vocabulary import Vocabulary
    from lineage_schemas.record import Record

TABLES: Mapping[str, type[Record]] = {
    "ignore": IgnoreEntry,
    "models": ProjectModel,
    "licences": LicenceLists,
    "publishers": AllowDeny,
    "formats": AllowDeny,
    "signing": Signer,
    "compat": CompatLimits,
    "parents": ProjectParent,
}

Problem = tuple["Path", str]
"""Where something is wrong, and what."""

_COMMIT = re.compile(r"[0-9a-fA-F]{40}")

_INSTEAD_OF_OFF = "; to ignore its findings, write [[ignore]] with a reason"

MAX_SHOWN = 60
"""Characters of a key or value that a message quotes."""

_EXPECTED = {
    "string_type": "a text in quotes",
    "date_type": "a date without quotes, such as 2027-01-31",
    "float_type": "a number between 0 and 1",
    "finite_number": "a number between 0 and 1",
    "greater_than_equal": "a number between 0 and 1",
    "less_than_equal": "a number between 0 and 1",
    "tuple_type": "a list in brackets",
    "dict_type": "a table",
    "model_type": "a table",
}
"""What should be there, by the kind of pydantic's error."""


def validated(data: Mapping[str, Any], known: Vocabulary) -> tuple[ProjectFile | None, list[Problem]]:
    """Return the settings, or None with all that is wrong with them."""
    problems = list(_rules(data.get("rules"), known))
    try:
        file = ProjectFile.model_validate(data)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            if each["loc"][0] != "rules" or len(each["loc"]) == 1:  # values of rules are described above
                problems.append((each["loc"], describe(each)))
        return None, problems
    problems += [
        *_ignores(file, known),
        *_models(file, known),
        *_lists(file, known),
        *_signers(file),
        *_parents(file, known),
    ]
    return None if problems else file, problems


def _rules(table: Any, known: Vocabulary) -> Iterator[Problem]:
    """Report unknown rules, values that a rule does not have, and rules that are moved twice."""
    seen: dict[str, str] = {}
    for key, value in table.items() if isinstance(table, dict) else ():
        rule = known.rules.get(key.lower())
        if rule is None:
            yield ("rules", key), _unknown_rule(key, known)
        elif value not in rule.values:
            off = (
                "; to ignore its findings, write [[ignore]] with a reason" if value in ("off", "ignore", False) else ""
            )
            words = f"{quoted(key)} of [rules] is {value_of(value)}, not one of {', '.join(rule.values)}{off}"
            yield ("rules", key), words
        elif rule.name in seen:
            yield ("rules", key), f"{quoted(key)} and {quoted(seen[rule.name])} of [rules] are the same rule"
        else:
            seen[rule.name] = key


def _ignores(file: ProjectFile, known: Vocabulary) -> Iterator[Problem]:
    for number, each in enumerate(file.ignore):
        if each.rule.lower() not in known.rules:
            yield ("ignore", number, "rule"), _unknown_rule(each.rule, known)
        elif "major" in known.rules[each.rule.lower()].values:
            words = f"{quoted(each.rule)} is a rule of levels, which has no findings to ignore; move it in [rules]"
            yield ("ignore", number, "rule"), words
        owner = each.model.removesuffix("/*")
        problem = known.model_problem(owner)
        if problem is None and owner != each.model and "/" in owner:
            problem = "it does not follow the form of a repository id"
        if problem is not None:
            path = ("ignore", number, "model")
            yield path, f"{quoted(each.model)} is not a model: {problem}; write ORG/NAME, or ORG/* for all of an owner"


def _unknown_rule(text: str, known: Vocabulary) -> str:
    names = sorted({rule.name for rule in known.rules.values()})
    codes = [key.upper() for key in known.rules if key not in names]
    near = nearest(text, [*names, *codes], otherwise="`lineage rules` lists all rules")
    return f"{quoted(text)} is not a rule; {near}"


def _models(file: ProjectFile, known: Vocabulary) -> Iterator[Problem]:
    for model in file.models:
        problem = known.model_problem(model)
        if problem is not None:
            hint = "write its revision = …" if "@" in model else "write ORG/NAME"
            yield ("models", model), f"{quoted(model)} is not a model: {problem}; {hint}"


def _signers(file: ProjectFile) -> Iterator[Problem]:
    """Report signers that are named in two ways, or not whole."""
    for owner, each in file.signing.items():
        if (each.key is None) == (each.identity is None) or (each.identity is None) != (each.issuer is None):
            yield ("signing", owner), f"{quoted(owner)} of [signing] needs `key`, or `identity` and `issuer`"


def _lists(file: ProjectFile, known: Vocabulary) -> Iterator[Problem]:
    """Report what a list both allows and denies, and what is no format or publisher, or a misspelt licence."""
    for table, noun in (("licences", "licence"), ("publishers", "publisher"), ("formats", "format")):
        lists: LicenceLists | AllowDeny = getattr(file, table)
        denied = {each.lower() for each in lists.deny}
        for number, each in enumerate(lists.allow):
            if each.lower() in denied:
                yield (table, "allow", number), f"the {noun} {quoted(each)} is both in allow and in deny"
        for key in ("allow", "deny"):
            for number, each in enumerate(getattr(lists, key)):
                if table == "formats" and each.lower() not in known.formats:
                    near = nearest(
                        each, sorted(known.formats), otherwise=f"it may be {', '.join(sorted(known.formats))}"
                    )
                    yield (table, key, number), f"{quoted(each)} is not a format of weights; {near}"
                elif table == "licences" and (meant := known.licence_meant(each)) is not None:
                    yield (table, key, number), f"{quoted(each)} is not a licence; did you mean {meant}?"
                elif table == "publishers" and known.model_problem(f"{each}/x") is not None:
                    yield (
                        (table, key, number),
                        f"{quoted(each)} is not a publisher; write the owner alone, without its models",
                    )


def _parents(file: ProjectFile, known: Vocabulary) -> Iterator[Problem]:
    """Report names that are not models, parents of themselves, and pairs that occur twice."""
    seen: set[tuple[str, str]] = set()
    for number, each in enumerate(file.parents):
        parent, at, commit = each.parent.partition("@")
        for key, text in (("child", each.child), ("parent", parent)):
            problem = known.model_problem(text)
            if problem is not None:
                yield ("parents", number, key), f"{quoted(text)} is not a model: {problem}; write ORG/NAME"
        if at and not _COMMIT.fullmatch(commit):
            words = f"{quoted(each.parent)} does not end with a commit of 40 hex digits"
            yield ("parents", number, "parent"), words
        pair = (each.child.lower(), parent.lower())
        if pair[0] == pair[1]:
            yield ("parents", number), f"{quoted(each.child)} is named as its own parent"
        elif pair in seen:
            yield ("parents", number), f"{quoted(each.parent)} is named twice as a parent of {quoted(each.child)}"
        seen.add(pair)


def describe(error: ErrorDetails) -> str:
    """Describe one error of validation, without its line."""
    path, kind = error["loc"], error["type"]
    key = str(path[-1]) if path else "the file"
    if kind == "extra_forbidden":
        return unknown_key(path)
    if kind == "missing":
        return f"{_where(path[:-1])} has no {quoted(key)}"
    if kind == "string_too_short":
        return f"{name_of(path)} is empty"
    if kind == "literal_error":
        expected = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return f"{name_of(path)} is {value_of(error['input'])}, not one of {expected}"
    return f"{name_of(path)} is {value_of(error['input'])}, not {_expected(kind, path)}"


def unknown_key(path: Path) -> str:
    """Report a key that does not exist, with the nearest one that does."""
    if path == ("tool",):
        return "the tables of this file are written without tool.lineage: [rules], not [tool.lineage.rules]"
    known = [each.alias or name for name, each in _record(path[:-1]).model_fields.items()]
    return f"{_where(path[:-1])} has no key {quoted(path[-1])}; {nearest(str(path[-1]), known)}"


def nearest(text: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Suggest the known name that is most like a text, else list them all or say what is `otherwise` helpful."""
    names = list(known)
    lowered = {name.lower().replace("_", "-"): name for name in reversed(names)}
    near = get_close_matches(text[:MAX_SHOWN].lower().replace("_", "-"), lowered, n=1)
    if near:
        return f"did you mean {lowered[near[0]]}?"
    return otherwise or f"it may have {', '.join(names)}"


def quoted(value: object) -> str:
    """Quote a text of the file, on one line and cut to size."""
    text = str(value)
    text = re.sub(r"\s+", " ", text)
    return f"'{text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + '…'}'"


def _record(path: Path) -> type[Record]:
    return TABLES[str(path[0])] if path else ProjectFile


def _where(path: Path) -> str:
    """Name the table that a key is in."""
    if not path:
        return "the file"
    if path[0] in ("ignore", "parents"):
        return f"[[{path[0]}]]"
    return f"[{path[0]}]" if len(path) == 1 else f'[{path[0]}."{path[1]}"]'


def name_of(path: Path) -> str:
    """Name a key with its table; an item of a list by its position."""
    if len(path) == 1:
        return quoted(path[0])
    *table, key = path
    if isinstance(key, int):
        return f"item {key + 1} of {name_of(tuple(table))}" if len(path) > 2 else f"item {key + 1} of [[{path[0]}]]"
    return f"{quoted(key)} of {_where(tuple(table))}"


def _expected(kind: str, path: Path) -> str:
    if kind == "tuple_type" and len(path) == 1:
        return f"a list of tables: write [[{path[0]}]]"
    return _EXPECTED.get(kind, f"what it should be ({kind.replace('_', ' ')})")


def value_of(value: Any) -> str:
    """Describe a value that is wrong: short ones as they are written."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value) if value.strip() else "an empty text"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = str(value) if not isinstance(value, int) or abs(value) < 10**18 else "a huge number"
    return text if not hasattr(value, "isoformat") else f"the date {value.isoformat()}"

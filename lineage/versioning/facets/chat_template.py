"""How messages become a prompt: the chat templates of a model, wherever they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.versioning.facets.comparison import ABSENT, Comparison, Place
from lineage.versioning.facets.files import MORE_TEMPLATES, OLD_TEMPLATE, TEMPLATE, TOKENIZER_CONFIG
from lineage.versioning.facets.side import NotAtHand, Side

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet

DEFAULT = "default"
FIELD = "chat_template"


class _Template(NamedTuple):
    text: Any
    place: Place


def chat_template(before: Side, after: Side) -> Facet:
    """Compare the templates that a loader uses, by name, then those of each file that both sides have.

    `chat_template.jinja` comes before the field of `tokenizer_config.json`, which a tokenizer reads, and before
    `chat_template.json`, which a processor reads. A template that moved from one file to another is the same; a copy
    that loaders of today do not use, and older ones do, is compared as well.
    """
    found = Comparison("chat_template", before, after)
    if not _differ(found):
        return found.facet()
    old, new = (_by_file(found, side) for side in (before, after))
    loaders = [(TOKENIZER_CONFIG, "")]
    if OLD_TEMPLATE in old or OLD_TEMPLATE in new:
        loaders.append((OLD_TEMPLATE, " of the processor"))
    reported: set[Place] = set()
    used: list[tuple[dict[str, _Template], dict[str, _Template]]] = []
    for config, words in loaders:
        sides = _used(old, config), _used(new, config)
        used.append(sides)
        for name in sorted(sides[0].keys() | sides[1].keys()):
            pair = sides[0].get(name), sides[1].get(name)
            if not {each.place for each in pair if each} <= reported:
                reported |= _compare(found, name + words, *pair)
    for each in (*_templates(old), *_templates(new)):
        pair = old.get(each[0], {}).get(each[1]), new.get(each[0], {}).get(each[1])
        if not reported & {one.place for one in pair if one} and not _has_moved(pair, used):
            reported |= _compare(found, f"{each[1]} in {each[0]}", *pair)
    return found.facet()


def _templates(files: Mapping[str, Mapping[str, _Template]]) -> list[tuple[str, str]]:
    """List the files of a side with the names of the templates in them."""
    return sorted((file, name) for file, named in files.items() for name in named)


def _has_moved(
    pair: tuple[_Template | None, _Template | None], used: list[tuple[dict[str, _Template], dict[str, _Template]]]
) -> bool:
    """Return whether a template that only one side has in a file is used by the other side, from another file."""
    one, other = (None if each is None else each.text for each in pair)
    if pair[0] is not None and pair[1] is not None:
        return False
    texts = [each.text for sides in used for each in sides[0 if pair[0] is None else 1].values()]
    return (other if pair[0] is None else one) in texts


def _differ(found: Comparison) -> bool:
    """Return whether a file that may hold a template differs, or may differ."""
    listed = found.before.paths | found.after.paths
    more = [path for path in listed if MORE_TEMPLATES.fullmatch(path)]
    named = (TEMPLATE, TOKENIZER_CONFIG, OLD_TEMPLATE)
    paths = [path for path in named if path in listed or found.before.may_have(path) or found.after.may_have(path)]
    return any([found.differs(path) is not False for path in sorted([*paths, *more])])


def _by_file(found: Comparison, side: Side) -> dict[str, dict[str, _Template]]:
    """Read the templates of a side, by file and name; what cannot be read is noted."""
    files: dict[str, dict[str, _Template]] = {}
    for path in side.files:
        more = MORE_TEMPLATES.fullmatch(path)
        if path == TEMPLATE or more:
            text = _text(found, side, path)
            if text is not None:
                files[path] = {more[1] if more else DEFAULT: _Template(text, Place(path))}
    for path in (TOKENIZER_CONFIG, OLD_TEMPLATE):
        fields = side.object(path)
        if fields.problem is not None and path in side.files and found.differs(path) is not False:
            found.unjudged(side, fields.problem, path)
        if FIELD in fields.fields:
            files[path] = _named(fields.fields[FIELD], path)
    return files


def _text(found: Comparison, side: Side, path: str) -> str | None:
    """Read a template file; None if it cannot be read, which is noted unless both sides have the same bytes."""
    content = side.text(path)
    reason = content.reason if isinstance(content, NotAtHand) else "it is not UTF-8 text"
    if not isinstance(content, NotAtHand):
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            pass
    if found.differs(path) is not False:
        found.unjudged(side, reason, path)
    return None


def _named(value: Any, path: str) -> dict[str, _Template]:
    """Read a field `chat_template`: one text, or a list of names with texts."""
    place = Place(path, FIELD)
    if isinstance(value, list) and value and all(_is_named(each) for each in value):
        names = [each["name"] for each in value]
        if len(set(names)) == len(names):
            return {each["name"]: _Template(each["template"], place) for each in value}
    return {} if value is None else {DEFAULT: _Template(value, place)}


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and set(value) == {"name", "template"}


def _used(files: Mapping[str, Mapping[str, _Template]], config: str) -> dict[str, _Template]:
    """Choose the template of each name that a loader uses: a file of its own before a field of its config."""
    found: dict[str, _Template] = {}
    for path in (config, *sorted(path for path in files if MORE_TEMPLATES.fullmatch(path)), TEMPLATE):
        found.update(files.get(path, {}))
    return found


def _compare(found: Comparison, name: str, old: _Template | None, new: _Template | None) -> set[Place]:
    """Compare two templates; return the places that were reported."""
    if (old and old.text) == (new and new.text):
        return set()
    place = new.place if new else old.place if old else Place()
    found.change(name, (old.text if old else ABSENT, new.text if new else ABSENT), place)
    return {each.place for each in (old, new) if each}

"""Which chat template a loader uses, and what of it changed."""

from __future__ import annotations

import pytest

from lineage.versioning.facets.chat_template import chat_template
from lineage_schemas.facet import Facet
from tests.support.sides import Files, changes_of, side_of


def compare(before: Files, after: Files) -> Facet:
    """Judge the chat templates of two sets of files."""
    return chat_template(side_of(before), side_of(after))


def settings(**fields: object) -> Files:
    """Make a tokenizer_config.json."""
    return {"tokenizer_config.json": fields}


def test_a_changed_template_is_shown_with_its_place() -> None:
    """Another text of the field is a change that points to it."""
    facet = compare(settings(chat_template="{{ a }}"), settings(chat_template="{{ b }}", eos_token="x"))
    assert changes_of(facet) == {"default": ("changed", '"{{ a }}"', '"{{ b }}"')}
    assert (facet.changes[0].pointer.file, facet.changes[0].pointer.field) == ("tokenizer_config.json", "chat_template")
    assert facet.before == '{"default": "{{ a }}"}'


def test_other_settings_are_no_change_of_the_template() -> None:
    """Another end token leaves the template the same."""
    assert (
        compare(settings(chat_template="x", eos_token="a"), settings(chat_template="x", eos_token="b")).state == "same"
    )


def test_a_template_that_moves_to_a_file_of_its_own_is_the_same() -> None:
    """From tokenizer_config.json to chat_template.jinja, alone or as a copy, and back."""
    inside, moved = settings(chat_template="x", eos_token="a"), {**settings(eos_token="a"), "chat_template.jinja": "x"}
    copied = {**settings(chat_template="x", eos_token="a"), "chat_template.jinja": "x"}
    for before, after in ((inside, moved), (moved, inside), (inside, copied), (copied, moved)):
        assert compare(before, after).state == "same"


def test_the_file_of_its_own_decides() -> None:
    """An added chat_template.jinja with another text changes the template, though tokenizer_config.json is the same."""
    facet = compare(settings(chat_template="x"), {**settings(chat_template="x"), "chat_template.jinja": "y"})
    assert changes_of(facet) == {"default": ("changed", '"x"', '"y"')}
    assert facet.changes[0].pointer.file == "chat_template.jinja"


def test_a_copy_that_older_loaders_use_is_compared() -> None:
    """Beside an unchanged chat_template.jinja the field of tokenizer_config.json is a change of its own."""
    before, after = ({**settings(chat_template=text), "chat_template.jinja": "j"} for text in ("x", "y"))
    assert changes_of(compare(before, after)) == {"default in tokenizer_config.json": ("changed", '"x"', '"y"')}


def test_named_templates_are_compared_by_name() -> None:
    """A list of templates, and files in `additional_chat_templates/`, are compared one by one."""
    before = settings(chat_template=[{"name": "default", "template": "x"}, {"name": "rag", "template": "r"}])
    after = {"chat_template.jinja": "x", "additional_chat_templates/rag.jinja": "r2", **settings()}
    assert changes_of(compare(before, after)) == {"rag": ("changed", '"r"', '"r2"')}
    assert changes_of(compare(settings(chat_template="x"), before)) == {"rag": ("added", None, '"r"')}


def test_a_processor_reads_its_own_file() -> None:
    """chat_template.json is a processor's template: without chat_template.jinja a tokenizer has none."""
    both: Files = {"chat_template.jinja": "x", "chat_template.json": {"chat_template": "x"}}
    facet = compare(both, {"chat_template.json": both["chat_template.json"]})
    assert changes_of(facet) == {"default": ("removed", '"x"', None)}
    changed = compare({"chat_template.json": {"chat_template": "x"}}, {"chat_template.json": {"chat_template": "y"}})
    assert changes_of(changed) == {"default of the processor": ("changed", '"x"', '"y"')}


@pytest.mark.parametrize("broken", ["{", '{"chat_template": "a", "chat_template": "b"}', b"\xff"])
def test_a_broken_config_is_unjudged(broken: str | bytes) -> None:
    """It is unknown which template it has; a template in a file of its own is compared all the same."""
    facet = compare(settings(chat_template="x"), {"tokenizer_config.json": broken})
    assert {each.pointer.file for each in facet.unjudged} == {"tokenizer_config.json"}
    before, after = {"chat_template.jinja": "x"}, {"chat_template.jinja": "y", "tokenizer_config.json": broken}
    assert changes_of(compare(before, after)) == {"default": ("changed", '"x"', '"y"')}
    assert compare(before, after).unjudged


def test_a_template_that_is_not_at_hand_is_unjudged() -> None:
    """An unread template is named with the reason."""
    facet = chat_template(
        side_of({"chat_template.jinja": "x"}, unread={"chat_template.jinja": "offline"}),
        side_of({"chat_template.jinja": "y"}),
    )
    assert facet.state != "same"
    assert [(each.pointer.file, each.reason) for each in facet.unjudged] == [("chat_template.jinja", "offline")]

"""What cards declare, and what people read: licence, base model, data sets, results, documentation."""

from __future__ import annotations

import pytest

from lineage.versioning.facets.declared import licence
from lineage.versioning.facets.judge import judge
from lineage_schemas.facet import Facet
from tests.support.sides import Files, changes_of, side_of


def compare(before: Files, after: Files) -> dict[str, Facet]:
    """Judge two sets of files: the facets that are not the same, by name."""
    return {each.name: each for each in judge(side_of(before), side_of(after)) if each.state != "same"}


def card(metadata: str, text: str = "# Title\n") -> Files:
    """Make a card."""
    return {"README.md": f"---\n{metadata}\n---\n{text}"}


@pytest.mark.parametrize(
    ("before", "after", "facet", "change"),
    [
        ("license: mit", "license: apache-2.0", "licence", ("changed", '"mit"', '"apache-2.0"')),
        ("license: other\nlicense_name: a", "license: other\nlicense_name: b", "licence", ("changed", '"a"', '"b"')),
        ("base_model: a/b", "base_model: [a/b, a/c]", "base_model", ("changed", '"a/b"', '["a/b", "a/c"]')),
        ("datasets: [x]", "datasets: [x, y]", "datasets", ("appended", '["x"]', '["x", "y"]')),
        ("pipeline_tag: a", "pipeline_tag: b", "task", ("changed", '"a"', '"b"')),
        ("library_name: peft", "{}", "library", ("removed", '"peft"', None)),
        ("tags: [a]", "tags: [b]", "documentation", ("changed", '["a"]', '["b"]')),
    ],
)
def test_a_field_of_the_card_belongs_to_one_facet(
    before: str, after: str, facet: str, change: tuple[str, str | None, str | None]
) -> None:
    """A field that differs changes its facet, and no other."""
    found = compare(card(before), card(after))
    assert list(found) == [facet]
    assert list(changes_of(found[facet]).values()) == [change]
    assert found[facet].changes[0].pointer.file == "README.md"


def test_a_comparison_of_terms_gives_the_licence_a_direction() -> None:
    """A caller that compared the terms passes what they are: narrower, wider, or a note that they are not all known."""
    sides = side_of(card("license: mit")), side_of(card("license: cc-by-nc-4.0"))
    assert [each.kind for each in licence(*sides, "narrower").changes] == ["narrower"]
    assert [(each.kind, each.note) for each in licence(*sides).changes] == [("changed", None)]
    (unknown,) = licence(*sides, "unknown").changes
    assert (unknown.kind, unknown.note) == ("changed", "not all terms are known")


def test_the_text_of_a_licence_is_compared_by_its_bytes() -> None:
    """Another LICENSE changes the facet, though the card declares the same."""
    found = compare({"LICENSE": "one"}, {"LICENSE": "two"})
    assert list(found) == ["licence"]
    assert [each.kind for each in found["licence"].changes] == ["changed"]


def test_a_key_that_occurs_twice_is_unjudged_and_the_others_are_compared() -> None:
    """Which of two licences is meant is unknown; the base model is still compared."""
    found = compare(card("license: mit\nbase_model: a/b"), card("license: mit\nlicense: gpl\nbase_model: a/c"))
    assert found["licence"].state == "unjudged"
    assert "the key license occurs twice" in found["licence"].unjudged[0].reason
    assert changes_of(found["base_model"]) == {"base_model": ("changed", '"a/b"', '"a/c"')}


def test_a_card_with_broken_metadata_is_unjudged() -> None:
    """Every facet of the card names it with the reason; facets of other files are judged."""
    found = compare({**card("license: mit"), "LICENSE": "a"}, {"README.md": "---\nlicense: [\n---\n", "LICENSE": "b"})
    assert found["datasets"].state == "unjudged"
    assert "YAML" in found["datasets"].unjudged[0].reason
    assert found["licence"].state == "changed"
    assert "architecture" not in found


RESULTS = """model-index:
- name: m
  results:
  - task: {{type: text-classification}}
    dataset: {{type: imdb, split: test}}
    metrics:
    - {{type: accuracy, value: {0}}}
    - {{type: f1, value: 0.5}}"""


def test_results_are_compared_metric_by_metric() -> None:
    """A result is named by task, data set and metric, with both values."""
    found = compare(card(RESULTS.format("0.9")), card(RESULTS.format("0.8")))
    assert list(found) == ["evaluation"]
    assert changes_of(found["evaluation"]) == {
        "text-classification · imdb · test · accuracy": ("changed", "0.9", "0.8")
    }


def test_results_of_another_form_are_compared_as_a_whole() -> None:
    """A model-index without results, or with something else that differs, is not lost."""
    found = compare(card("model-index: 1"), card("model-index: 2"))
    assert changes_of(found["evaluation"]) == {"model-index": ("changed", "1", "2")}
    sources = [card(RESULTS.format("0.9") + f"\n    source: {{url: {url}}}") for url in "ab"]
    assert list(changes_of(compare(*sources)["evaluation"])) == ["model-index"]


def test_files_of_results_are_compared() -> None:
    """`.eval_results/*.yaml` is compared as a text."""
    found = compare({".eval_results/a.yaml": "- value: 1\n"}, {".eval_results/a.yaml": "- value: 2\n"})
    assert changes_of(found["evaluation"])[".eval_results/a.yaml"] == ("changed", '"- value: 1\\n"', '"- value: 2\\n"')


def test_sections_of_the_card_come_and_go() -> None:
    """Headings that are new or gone are listed; `#` inside code is no heading."""
    before = card("{}", "# Title\n\n## Use\n\n```python\n# not a heading\n```\n")
    after = card("{}", "# Title\n\n## Limits ##\n")
    found = compare(before, after)
    kinds = {each.field: each.kind for each in found["documentation"].changes}
    assert kinds == {"text": "changed", "section Use": "removed", "section Limits": "added"}


def test_other_documents_are_compared_by_their_bytes() -> None:
    """Another picture or page is a change of the documentation."""
    found = compare({"docs/a.png": b"1", "USAGE.md": "x"}, {"docs/a.png": b"2", "USAGE.md": "x"})
    assert {each.field for each in found["documentation"].changes} == {"docs/a.png"}

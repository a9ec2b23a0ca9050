"""Which findings count, and what a finding says about its rule."""

from __future__ import annotations

import pytest

from lineage.answers.findings import FailOn, counting, finding
from lineage.errors import InputError
from lineage.rules.rule import Rule
from lineage.rules.table import RULES
from lineage_schemas.answers.finding import SEVERITIES, Ignored, Severity
from lineage_schemas.pointer import Pointer

POINTER = Pointer(model="a/b", revision="1" * 40)


@pytest.mark.parametrize("known", RULES, ids=lambda rule: rule.name)
def test_a_finding_carries_its_rule(known: Rule) -> None:
    """A finding has the name as its id, the code, the severity, the threat, the page and what to do."""
    made = finding(known.name, "what happened", POINTER)
    assert (made.id, made.rule, made.severity, made.stride) == (known.name, known.id, known.severity, known.stride)
    assert (made.help, made.fix, made.ignored) == (f"docs/rules/{known.id}.md", known.fix, None)


@pytest.mark.parametrize("fail_on", SEVERITIES)
def test_only_findings_as_severe_as_wanted_count(fail_on: Severity) -> None:
    """A finding counts from the wanted severity on."""
    made = [finding("moved-tag", "moved", POINTER, severity=severity) for severity in SEVERITIES]
    assert [each.severity for each in counting(made, FailOn(fail_on))] == list(SEVERITIES[SEVERITIES.index(fail_on) :])


def test_an_ignored_finding_does_not_count() -> None:
    """A finding that the settings ignore is kept in the list and does not count."""
    made = finding("moved-tag", "moved", POINTER)
    assert counting([made], FailOn("info")) == [made]
    assert counting([made.model_copy(update={"ignored": Ignored(reason="agreed")})], FailOn("info")) == []


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("error", FailOn("error")),
        ("Warning", FailOn("warning")),
        ("warning,info", FailOn("info")),
        ("LW006", FailOn("error", frozenset({"card-and-tag-differ"}))),
        ("warning, lw003,version-removed", FailOn("warning", frozenset({"moved-tag", "version-removed"}))),
    ],
)
def test_severities_and_rules_are_read(text: str, meaning: FailOn) -> None:
    """A list takes severities, names and codes; the mildest severity counts, and rules alone are added to errors."""
    assert FailOn.of(text) == meaning


@pytest.mark.parametrize("text", ["", ",", "warnings", "LW999", "error,,info"])
def test_another_word_is_refused(text: str) -> None:
    """A word that is neither a severity nor a rule is an error, so that no finding is lost by a typing error."""
    with pytest.raises(InputError, match="is not a rule"):
        FailOn.of(text)


def test_a_named_rule_counts_whatever_its_severity_is() -> None:
    """An info of a named rule counts, and one of another rule does not."""
    made = [finding(name, "x", POINTER, severity="info") for name in ("moved-tag", "version-removed")]
    assert [each.id for each in counting(made, FailOn.of("moved-tag"))] == ["moved-tag"]

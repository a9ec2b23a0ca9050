"""Findings for CI: SARIF that its schema accepts, annotations that foreign text cannot break, one answer a line."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from sarif_kit.validate import validation_errors

from lineage.answers.findings import finding
from lineage.report.flagged import Flagged, FlaggedFinding, FlaggedUnchecked
from lineage.report.github import github
from lineage.report.render import render
from lineage.report.sarif import sarif
from lineage_schemas.answers.answer import Tool
from lineage_schemas.answers.audit import AuditAnswer, AuditFinding, AuditUnchecked
from lineage_schemas.answers.check import CheckAnswers
from lineage_schemas.answers.finding import Severity
from lineage_schemas.answers.incomplete import NamedAt
from lineage_schemas.pointer import Pointer
from lineage_schemas.reference import Place
from lineage_schemas.unchecked import Unchecked
from tests.report.hostile_texts import hostile
from tests.report.records import ANSWERS

CHECKS = [name for name in ANSWERS if name.startswith(("check", "audit"))]

TOOL = Tool(version="1.2.3")


def found(severity: Severity, message: str = "moved", **place: Any) -> FlaggedFinding:
    """Make a finding, in a list of models if a place is given."""
    made = finding("silent-weight-change", message, Pointer(model="org/name", revision="c" * 40), severity=severity)
    return FlaggedFinding(made, NamedAt(**place) if place else None)


def of(*findings: FlaggedFinding, unchecked: tuple[FlaggedUnchecked, ...] = ()) -> Flagged:
    return Flagged(TOOL, findings, unchecked, "1 model")


def run(flagged: Flagged) -> dict[str, Any]:
    """Read the one run of a SARIF log."""
    return cast("dict[str, Any]", json.loads(sarif(flagged))["runs"][0])


@pytest.mark.parametrize("name", CHECKS)
def test_sarif_is_valid(name: str) -> None:
    """The schema of SARIF 2.1.0 accepts every answer, even with hostile texts in it, and the text is ASCII."""
    for answer in (ANSWERS[name](), hostile(ANSWERS[name]())):
        text = cast("str", render(answer, "sarif"))
        assert validation_errors(json.loads(text)) == []
        assert text.isascii()


def test_severities_become_levels_and_commands() -> None:
    """Error, warning and info are the levels error, warning and note, and the commands error, warning and notice."""
    flagged = of(found("error"), found("warning"), found("info"))
    assert [each["level"] for each in run(flagged)["results"]] == ["error", "warning", "note"]
    assert {each["ruleId"] for each in run(flagged)["results"]} == {"silent-weight-change"}
    assert [line.partition(" ")[0] for line in github(flagged).splitlines()[:3]] == ["::error", "::warning", "::notice"]


def test_a_finding_points_to_the_line_that_named_the_model() -> None:
    """The location is the line of the list; a model that no file named has a logical location only."""
    [listed, typed] = run(of(found("error", file="a b/models.txt", line=7), found("error")))["results"]
    physical = listed["locations"][0]["physicalLocation"]
    assert physical == {"artifactLocation": {"uri": "a%20b/models.txt"}, "region": {"startLine": 7}}
    assert "physicalLocation" not in typed["locations"][0]
    assert typed["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == f"org/name@{'c' * 40}"
    [absolute] = run(of(found("error", file="/tmp/models.txt")))["results"]
    assert absolute["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "file:///tmp/models.txt"}}


def test_what_is_unchecked_is_no_clean_run() -> None:
    """Without a finding, but with something unchecked, the run was not successful and says why."""
    item = FlaggedUnchecked("org/name", Unchecked(what="org/name", reason="the Hub is down"))
    [invocation] = run(of(unchecked=(item,)))["invocations"]
    assert not invocation["executionSuccessful"]
    [note] = invocation["toolExecutionNotifications"]
    assert (note["level"], note["message"]["text"]) == ("error", "org/name: the Hub is down")
    assert github(of(unchecked=(item,))).startswith("::error title=unchecked::org/name: the Hub is down\n")
    assert run(of())["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_nothing_to_audit_is_no_successful_run_unless_it_is_allowed() -> None:
    """Exit code 2 has its reason in both formats, and with --allow-empty neither reports a failure."""
    answer = cast(AuditAnswer, ANSWERS["audit-nothing"]())
    for empty, allowed in ((answer, False), (answer.model_copy(update={"allow_empty": True}), True)):
        (run,) = json.loads(str(render(empty, "sarif")))["runs"]
        assert run["invocations"][0]["executionSuccessful"] is allowed
        assert ("--allow-empty" in str(render(empty, "github"))) is not allowed


def test_a_missing_ancestor_is_written_once() -> None:
    """Its finding says how it is related, and what is unchecked says the rest with less: both are one line."""
    gone, answer = "lab/gone", cast(AuditAnswer, ANSWERS["audit-nothing"]())
    at = (Place(file="a.py", line=3, column=1),)
    made = finding(
        "ancestor-missing",
        f"{gone}, from which a model of the product descends, is missing: {gone} is not on the Hub",
        Pointer(model=gone),
    )
    both = {
        "findings": (AuditFinding(**made.model_dump(), places=at),),
        "unchecked": (AuditUnchecked(what=gone, reason=f"it is missing: {gone} is not on the Hub", places=at),),
        "verdict": "findings",
    }
    for to_format in ("table", "markdown", "github"):
        assert str(render(answer.model_copy(update=both), to_format)).count("is not on the Hub") == 1


def test_the_identity_of_a_finding_does_not_depend_on_its_message() -> None:
    """A service sees the same finding again after its message or its line in the list has changed."""
    one, two = run(of(found("error", "moved", file="a", line=1), found("error", "other", file="b", line=2)))["results"]
    assert one["partialFingerprints"] == two["partialFingerprints"]


def test_foreign_text_ends_no_annotation() -> None:
    """Line breaks, percent signs, commas and colons of foreign text begin no command and no property."""
    text = github(of(found("error", "100%\n::error::gone", file="a,line=9:x%y.txt", line=3)))
    first, last = text.splitlines()
    assert first.startswith("::error file=a%2Cline=9%3Ax%25y.txt,line=3,title=silent-weight-change (LW001)::")
    assert first.endswith("100%25\\n::error::gone")
    assert last == "1 model"


def test_a_link_in_a_message_is_text() -> None:
    """SARIF reads `[text](target)` in messages as a link, which foreign text must not be."""
    [result] = run(of(found("error", "see [here](http://example.org)")))["results"]
    assert "](" not in result["message"]["text"]


def test_each_answer_is_a_line() -> None:
    """The lines of an answer about several models are the answers about each of them."""
    several = ANSWERS["check-several"]()
    assert isinstance(several, CheckAnswers)
    lines = cast("str", render(several, "jsonl")).splitlines()
    assert [json.loads(line) for line in lines] == [
        each.model_dump(mode="json", by_alias=True) for each in several.answers
    ]

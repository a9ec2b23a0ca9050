"""The table of rules: ids that never change, and texts that are complete."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from lineage.errors import InputError
from lineage.rules.evidence import EVIDENCE_RULES
from lineage.rules.levels import LEVEL_RULES
from lineage.rules.measured import MEASURED_RULES
from lineage.rules.rule import FAMILIES, Family, Rule
from lineage.rules.table import NAMES, RULES, find_level_rule, find_rule
from lineage_schemas.answers.finding import SEVERITIES, Severity, Stride

RELEASED = {
    "LW001": "silent-weight-change",
    "LW002": "rewritten-history",
    "LW003": "moved-tag",
    "LW004": "version-removed",
    "LW005": "version-reused",
    "LW006": "card-and-tag-differ",
    "LW007": "name-reregistered",
    "LW008": "conversion-unverified",
    "LW009": "understated-version",
    "LW010": "bump-without-change",
    "LW011": "overstated-version",
    "LW012": "untrue-card-block",
    "LA001": "unpinned-model",
    "LA002": "moving-revision",
    "LA003": "weights-changed-since-pin",
    "LA004": "pinned-commit-vanished",
    "LA005": "model-missing",
    "LA006": "model-renamed",
    "LA007": "model-gated",
    "LA008": "ancestor-missing",
    "LA009": "ancestor-gated",
    "LA010": "parent-unverified",
    "LA011": "licence-missing",
    "LA012": "licence-unknown",
    "LA013": "licence-non-commercial",
    "LA014": "licence-restricts-use",
    "LA015": "licence-denied",
    "LA016": "publisher-denied",
    "LA017": "format-denied",
    "LA018": "pickle-only",
    "LA019": "pickle-calls",
    "LA020": "custom-code",
    "LA021": "remote-code-trusted",
    "LA022": "hub-scan-unsafe",
    "LA023": "unsigned-commit",
    "LA024": "publisher-unverified",
    "LA025": "look-alike-name",
    "LA026": "signature-missing",
    "LA027": "signature-mismatch",
    "LA028": "not-locked",
    "LA029": "weights-changed-since-lock",
    "LA030": "locked-model-changed",
    "LA031": "unresolved-reference",
    "LD001": "licence-wider-than-ancestor",
    "LD002": "declared-parent-unrelated",
    "LD003": "shares-no-weights",
    "LD004": "undeclared-parent",
    "LD005": "wrong-relation",
    "LD006": "copy-without-credit",
    "LD007": "relative-declared-as-parent",
    "LD008": "grandparent-declared-as-parent",
    "LD009": "child-declared-as-parent",
    "LD010": "other-parents-explain-it",
    "LD011": "parent-newer-than-child",
    "LD012": "base-moved-on",
}
"""Code and name of every rule. A row may be added here; none may be changed or removed."""


def test_ids_are_stable() -> None:
    """Every rule has the code and the name that it was given first, and none has disappeared."""
    assert {rule.id: rule.name for rule in RULES} == RELEASED


def test_ids_have_one_form() -> None:
    """Codes are two letters of a family and three digits, names are words joined by hyphens, and none occurs twice."""
    assert len(NAMES) == 2 * (len(RULES) + len(LEVEL_RULES))
    for rule in RULES:
        assert re.fullmatch(r"(LW|SV|LD|LA)\d{3}", rule.id), rule.id
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.name), rule.name
        assert rule.family in FAMILIES
    assert set(FAMILIES) == set(get_args(Family))
    assert [rule.id for rule in RULES] == sorted((rule.id for rule in RULES), key=lambda code: (code[:2] != "LW", code))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_complete(rule: Rule) -> None:
    """Every text says something in sentences, and severity and threat are from the lists of the schema."""
    assert rule.severity in get_args(Severity)
    assert rule.stride is None or rule.stride in get_args(Stride)
    for text in (rule.meaning, rule.example, rule.fix, rule.unless):
        assert len(text) > 40
        assert text.endswith(".")
    assert not rule.title.endswith(".")
    assert rule.source
    assert re.fullmatch(r"\d+\.\d+\.\d+", rule.since)


RELEASED_LEVELS = (
    "architecture-change", "tensor-shape-change", "token-mapping-change", "task-change", "base-model-change",
    "context-shrunk", "licence-narrowed", "custom-code-required", "main-format-removed", "flip-rate-above-limit",
    "weights-retrained", "weights-replaced", "vocabulary-appended", "context-grown", "chat-template-change",
    "special-tokens-change", "generation-defaults-change", "lossy-precision", "format-added", "component-added",
    "licence-widened", "input-processing-change", "custom-code-change", "other-format-removed", "weights-reserialised",
    "same-weights-added", "lossless-cast", "documentation-change", "metadata-change",
)  # fmt: skip
"""Names of the rules of levels, in the order of their codes. A name may be added at the end."""


def test_rules_of_levels_are_stable_and_complete() -> None:
    """Every rule of a level has its code and name for ever, and texts in sentences."""
    assert [(rule.id, rule.name) for rule in LEVEL_RULES] == [
        (f"SV{number:03}", name) for number, name in enumerate(RELEASED_LEVELS, 1)
    ]
    for rule in LEVEL_RULES:
        assert all(text.endswith(".") and len(text) > 15 for text in (rule.reason, rule.example, rule.unless))
        assert rule.source
        assert find_level_rule(rule.id.lower()) is find_level_rule(rule.name) is rule


def test_a_rule_of_levels_is_not_a_finding() -> None:
    """A rule of levels has no findings: named where those are meant, it is an error that says so."""
    with pytest.raises(InputError, match="rule of levels"):
        find_rule("SV001")


def test_severities_rise() -> None:
    """The order of severities has all of them, from the mildest."""
    assert set(SEVERITIES) == set(get_args(Severity))
    assert SEVERITIES[0] == "info"
    assert SEVERITIES[-1] == "error"


@pytest.mark.parametrize("text", ["moved-tag", "LW003", "lw003", " Moved-Tag "])
def test_a_rule_has_two_names(text: str) -> None:
    """The name and the code mean the same rule, in any case."""
    assert find_rule(text).id == "LW003"


def test_an_unknown_rule_names_the_nearest() -> None:
    """A misspelt rule is an error that names the nearest one; a text that resembles none lists the command only."""
    with pytest.raises(InputError) as caught:
        find_rule("movedtag")
    assert caught.value.hint == "did you mean moved-tag? `lineage rules` lists all rules"
    with pytest.raises(InputError) as caught:
        find_rule("x" * 100_000)
    assert caught.value.hint == "`lineage rules` lists all rules"


def test_evidence_ids_are_not_rule_names() -> None:
    """Rules of evidence have ids of their own form, so that one command explains both kinds."""
    ids = [rule.id for rule in (*EVIDENCE_RULES, *MEASURED_RULES)]
    assert len(set(ids)) == len(ids)
    assert not set(ids) & NAMES
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", each) for each in ids)

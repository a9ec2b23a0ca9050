"""The page of rules and the rules themselves."""

from __future__ import annotations

import re

from lineage.derivation.combine.declared import RULE_RANKS
from lineage.derivation.numeric.disguises import POSSIBLE
from lineage.derivation.numeric.invariants import CIRCUITS, SPECTRA
from lineage.derivation.numeric.neurons import NEURONS
from tests.support.shared import ROOT

SOURCES = [*(ROOT / "lineage" / "derivation").rglob("*.py"), *(ROOT / "lineage" / "hub" / "declared").glob("*.py")]


def test_every_rule_is_documented_and_every_documented_rule_exists() -> None:
    """The tables of docs/evidence.md have exactly the rule ids that stand in the code."""
    page = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", page, re.MULTILINE))
    rule = re.compile(r'"((?:card|project|files|history|name|content|structure|numeric|family)\.[a-z_]+)"')
    found = {name for path in SOURCES for name in rule.findall(path.read_text("utf-8"))}
    assert documented == found
    assert set(RULE_RANKS) <= documented


def test_the_rules_about_disguises_are_documented() -> None:
    """The section on disguises has exactly the rules that look for them."""
    page = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    section = page.partition("## What a disguise hides")[2]
    documented = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", section, re.MULTILINE))
    assert documented == {*POSSIBLE, CIRCUITS, SPECTRA, NEURONS}


def test_the_order_of_trust_is_the_documented_one() -> None:
    """The page has the order in which rules decide on the relation."""
    page = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    order = re.search(r"In order:(.*?)beside a model", page, re.DOTALL)
    assert order is not None
    listed = re.findall(r"`([a-z_]+\.[a-z_]+)`", order[1])
    assert listed == [rule for rule in RULE_RANKS if rule in listed]
    assert len(listed) == 10

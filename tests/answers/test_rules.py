"""`lineage rules`: the list, one rule, and the pages that are made from them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from lineage.answers.rules import ALL_EVIDENCE
from lineage.rules.levels import LEVEL_RULES
from lineage.rules.table import RULES
from lineage_cli.main import main
from tests.support.shared import ROOT
from tools.write_rules import pages


def ask(*arguments: str) -> tuple[int, str, str]:
    """Run `lineage rules` and return its exit code, stdout and stderr."""
    done = CliRunner().invoke(main, ["rules", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_every_rule_is_listed() -> None:
    """The list has a line for each rule of findings and each rule of evidence."""
    code, out, _ = ask()
    lines = [line.split() for line in out.splitlines() if line.startswith("  ")]
    assert code == 0
    assert [line[0] for line in lines] == [
        *(rule.id for rule in RULES),
        *(rule.id for rule in LEVEL_RULES),
        *(rule.id for rule in ALL_EVIDENCE),
    ]
    assert max(len(line) for line in out.splitlines()) <= 100


@pytest.mark.parametrize("wanted", [*(rule.name for rule in RULES), *(rule.id for rule in RULES)])
def test_a_rule_is_explained(wanted: str) -> None:
    """Name or code give the meaning, an example and what to do, as text and as JSON."""
    (rule,) = (each for each in RULES if wanted in (each.id, each.name))
    _, out, _ = ask(wanted)
    assert " ".join(rule.fix.split()) in " ".join(out.replace("what to do", "").split())
    described = json.loads(ask(wanted, "--format", "json")[1])
    assert [each["rule"] for each in described["rules"]] == [rule.id]
    assert described["evidence"] == []


def test_a_rule_of_evidence_is_explained() -> None:
    """An id of evidence is described alone."""
    described = json.loads(ask("files.mergekit", "--format", "json")[1])
    assert described["rules"] == []
    assert [each["id"] for each in described["evidence"]] == ["files.mergekit"]


def test_a_rule_of_levels_is_explained() -> None:
    """Code or name of a rule of levels give its level, an example and what it is not for."""
    for wanted in ("SV006", "context-shrunk"):
        code, out, _ = ask(wanted)
        assert (code, "8192 to 4096" in out) == (0, True)
    described = json.loads(ask("sv006", "--format", "json")[1])
    assert [(each["id"], each["level"]) for each in described["levels"]] == [("SV006", "major")]
    assert described["rules"] == described["evidence"] == []


def test_an_unknown_rule_is_a_message() -> None:
    """A misspelt rule exits with 2 and names the nearest one."""
    code, out, err = ask("silent-weight-chnge")
    assert (code, out) == (2, "")
    assert "did you mean silent-weight-change?" in err


def test_the_pages_are_fresh() -> None:
    """docs/rules/ and the tables of docs/evidence.md are those that `make rules` writes."""
    wanted = pages()
    assert {path for path, text in wanted.items() if path.read_text("utf-8") != text} == set()
    assert set((ROOT / "docs" / "rules").iterdir()) == {path for path in wanted if path.parent.name == "rules"}

"""Write docs/rules/ and the tables of docs/evidence.md from the rules in lineage.rules."""

from __future__ import annotations

import re
from pathlib import Path

from lineage.answers.rules import rules
from lineage.report.evidence import evidence_by_kind
from lineage.report.markdown.rules import evidence_table
from lineage.report.render import render

ROOT = Path(__file__).parents[1]

TABLE = re.compile(r"(<!-- table of (evidence|weights) -->\n).*?(?=\n<!-- end of table -->)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Return each page that is made from the rules, with the text that it should have."""
    everything = rules()
    folder, evidence = ROOT / "docs" / "rules", ROOT / "docs" / "evidence.md"
    found = {folder / f"{rule.rule}.md": _markdown(rule.rule) for rule in everything.rules}
    found[folder / "index.md"] = _markdown(None)
    tables = ["\n".join(evidence_table(rules)) for _, rules in evidence_by_kind(everything)]
    found[evidence] = TABLE.sub(lambda match: match[1] + tables[match[2] == "weights"], evidence.read_text("utf-8"))
    return found


def _markdown(wanted: str | None) -> str:
    text = render(rules(wanted), "markdown")
    assert isinstance(text, str)
    return text


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")

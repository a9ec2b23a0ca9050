"""What a rule is: the stable name of one kind of finding, how serious it is, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from lineage_schemas.answers.finding import Severity, Stride
    from lineage_schemas.version_level import VersionLevel

Family = Literal["LW", "SV", "LD", "LA"]

FAMILIES: dict[Family, str] = {
    "LW": "Weight changes and the versions that announce them",
    "SV": "Levels of versions",
    "LD": "Descent",
    "LA": "Audit of a product",
}
"""The families of rules: the letters that a code begins with, and what their rules are about."""


class Rule(NamedTuple):
    """Describe one kind of finding. Ids and names are never used again for another rule.

    `id` is the code (`LW001`), `name` the word that findings have as their `id` (`silent-weight-change`). `severity` is
    the level of a finding unless the rule or a project's settings say otherwise; `severity_note` says when the rule
    itself deviates from it. `stride` is the class of threat in Microsoft's STRIDE, null where security is not affected.
    `source` names where the rule comes from: a paper's section, a convention, or our own decision. `meaning` says what
    is found and `example` shows one, `unless` says what looks alike and is not found, `fix` what to do about it.
    `since` is the first version of lineage with this rule.
    """

    id: str
    name: str
    title: str
    severity: Severity
    stride: Stride | None
    source: str
    meaning: str
    example: str
    unless: str
    fix: str
    since: str
    severity_note: str | None = None

    @property
    def family(self) -> Family:
        """The letters that the code begins with."""
        family: Family = self.id[:2]  # type: ignore[assignment] # a test compares the codes with FAMILIES
        return family

    @property
    def help(self) -> str:
        """The page of the documentation that explains the rule, as a path in the repository."""
        return f"docs/rules/{self.id}.md"


class LevelRule(NamedTuple):
    """Describe one rule of the level that a change deserves. Ids and names are never used again for another rule.

    `level` is what the rule says unless a project moves it, `reason` why, `source` where that comes from: a paper's
    section, a convention, or our own decision. `example` shows a change that it is for, `unless` one that looks alike
    and is not.
    """

    id: str
    name: str
    title: str
    level: VersionLevel
    reason: str
    source: str
    example: str
    unless: str
    since: str

    @property
    def help(self) -> str:
        """The page of the documentation that lists the rule, as a path in the repository."""
        return "docs/rules/index.md"


class EvidenceRule(NamedTuple):
    """Describe one kind of evidence for or against a parent: what is read, what it shows, and an example.

    Texts are Markdown; docs/evidence.md shows them as a table.
    """

    id: str
    reads: str
    finds: str
    example: str

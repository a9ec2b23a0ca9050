"""An audit in sections, each thing once: findings by model, models that share a finding, and what was not checked."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lineage.report.audited import grouped, places, unchecked_words
from lineage.report.phrases import shortened

if TYPE_CHECKING:
    from lineage_schemas.answers.audit import AuditAnswer, AuditFinding, AuditUnchecked

SHOWN_MODELS = 40
"""Models whose findings are shown one by one, those with errors first; `--verbose` shows all."""

SHOWN_ROWS = 20
"""Rows of models with the same finding or reason that are shown; `--verbose` shows all."""

SHOWN_GROUPS = 100
"""Groups of what is unchecked that are shown; `--verbose` shows all."""

ABSENT = frozenset({"model-missing", "model-gated"})
"""Findings about models of which nothing else is known: they are alike."""

UNRESOLVED = "unresolved-reference"
"""The rule about places that load a model which the source does not show; its message and its reason differ."""


class Shared(NamedTuple):
    """Hold models with the same words about each: a finding, or a reason why they were not checked.

    `rows` are the models with the places that use them, `left` the number of further ones, and `decide_with` the
    command that decides the first. `finding` is the one that they share, or one that says the same as the reason.
    """

    words: str
    rows: tuple[str, ...]
    left: int
    decide_with: str | None
    finding: AuditFinding | None = None

    @property
    def number(self) -> int:
        """The number of models."""
        return len(self.rows) + self.left


class Sections(NamedTuple):
    """Hold what a text about an audit shows.

    `models` are the models with findings of their own, `left` the number of those that are not shown; `absent` are
    those that share one finding. `decides` is the command that decides a finding. `unchecked` is without what a finding
    says already; `unshown` counts the rest of it.
    """

    models: list[tuple[str, list[AuditFinding]]]
    left: int
    absent: list[Shared]
    decides: dict[AuditFinding, str]
    unchecked: list[Shared]
    unshown: int


def sections(answer: AuditAnswer, *, in_detail: bool = False) -> Sections:
    """Sort an audit into sections; everything is shown with `in_detail`."""
    repeated, decides = _repeated(answer)
    noted = _noted(answer)
    hidden = set(noted.values())
    alike: dict[Hashable, list[AuditFinding]] = {}
    models: list[tuple[str, list[AuditFinding]]] = []
    shown_findings = answer.model_copy(update={"findings": tuple(f for f in answer.findings if f not in hidden)})
    groups = grouped(shown_findings)
    for _, found in groups:
        if (key := _alike(found)) is not None:
            alike.setdefault(key, []).append(found[0])
    single = {key for key, found in alike.items() if len(found) == 1}
    models = [(model, found) for model, found in groups if (key := _alike(found)) is None or key in single]
    rows = None if in_detail else SHOWN_ROWS
    absent = [_absent(found, decides, rows) for key, found in alike.items() if key not in single]
    unchecked = _unchecked([each for each in answer.unchecked if each not in repeated], noted, rows)
    shown = models if in_detail else _first(models)
    groups_shown = unchecked if in_detail else unchecked[:SHOWN_GROUPS]
    unshown = sum(each.number for each in unchecked[len(groups_shown) :])
    return Sections(shown, len(models) - len(shown), absent, decides, groups_shown, unshown)


def repeated_by_findings(answer: AuditAnswer) -> set[AuditUnchecked]:
    """Return what is unchecked and a counting kind of finding already says."""
    return _repeated(answer)[0]


def _repeated(answer: AuditAnswer) -> tuple[set[AuditUnchecked], dict[AuditFinding, str]]:
    """Find what a warning or an error says too, and by which command such a finding is decided."""
    at: dict[Hashable, list[AuditFinding]] = {}
    for each in answer.findings:
        if each.ignored is None and each.severity != "info":
            at.setdefault(each.places, []).append(each)
    repeated: set[AuditUnchecked] = set()
    decides: dict[AuditFinding, str] = {}
    for item in answer.unchecked:
        for found in at.get(item.places, ()):
            model = found.pointer.model
            reason = _without(model, item.reason).removeprefix("it is ")  # an ancestor is described before that
            if reason in _without(model, found.message) and _is_about(item.what, model):
                repeated.add(item)
                if item.decide_with:
                    decides.setdefault(found, item.decide_with)
                break
    return repeated, decides


def _noted(answer: AuditAnswer) -> dict[AuditUnchecked, AuditFinding]:
    """Find the findings of severity info that only say what is unchecked: that is shown instead of them."""
    at: dict[Hashable, list[AuditFinding]] = {}
    for each in answer.findings:
        if each.ignored is None and each.severity == "info" and each.moved_from is None:
            at.setdefault(each.places, []).append(each)
    noted: dict[AuditUnchecked, AuditFinding] = {}
    for item in answer.unchecked:
        for found in at.get(item.places, ()):
            if item.reason in found.message or (found.id == UNRESOLVED and item.what == found.pointer.model):
                noted[item] = found
                break
    return noted


def _is_about(what: str, model: str) -> bool:
    return what == model or what.startswith((f"{model}@", f"{model} "))


def _without(model: str, text: str) -> str:
    """Write `it` for a model, so that the words about two models can be compared."""
    return re.sub(rf"(?<![\w.-]){re.escape(model)}(?![\w/-])", "it", text)


def _alike(found: Sequence[AuditFinding]) -> Hashable | None:
    """Return what the findings of models that are alike have in common; None for a model with more to say."""
    if len(found) != 1 or found[0].id not in ABSENT:
        return None
    each = found[0]
    return each.id, each.severity, _without(each.pointer.model, each.message), each.ignored, each.moved_from


def _absent(found: Sequence[AuditFinding], decides: dict[AuditFinding, str], rows: int | None) -> Shared:
    names = tuple(f"{each.pointer.model}{_at(each)}" for each in found[:rows])
    words = _without(found[0].pointer.model, found[0].message).removeprefix("it is ")
    return Shared(words, names, len(found) - len(names), decides.get(found[0]), found[0])


def _at(each: AuditFinding) -> str:
    return f" · {places(each.places)}" if each.places else ""


def _first(models: list[tuple[str, list[AuditFinding]]]) -> list[tuple[str, list[AuditFinding]]]:
    """Choose the models to show: those with the most severe findings, in the order that they have."""
    ranks = {"error": 0, "warning": 1, "info": 2}
    order = sorted(
        range(len(models)),
        key=lambda number: min(3 if each.ignored else ranks[each.severity] for each in models[number][1]),
    )
    return [models[number] for number in sorted(order[:SHOWN_MODELS])]


def _unchecked(
    items: Iterable[AuditUnchecked], noted: dict[AuditUnchecked, AuditFinding], rows: int | None
) -> list[Shared]:
    """Group what is unchecked by its reason and command, whatever model these name."""
    found: dict[Hashable, list[AuditUnchecked]] = {}
    for each in items:
        decide = None if each.decide_with is None else _without(each.what, each.decide_with)
        rule = noted[each].id if each in noted else None
        found.setdefault((_without(each.what, each.reason), decide, rule), []).append(each)
    groups = []
    for same in found.values():
        names = tuple(shortened(unchecked_words(each)) for each in same[:rows])
        words, found_too = shortened(same[0].reason), noted.get(same[0])
        groups.append(Shared(words, names, len(same) - len(names), same[0].decide_with, found_too))
    return groups

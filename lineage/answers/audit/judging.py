"""All that is wrong with a product's models: the rules over the facts of each, as findings with places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from lineage.answers.audit.descent import Descent
from lineage.answers.audit.facts import FactsReader, Known
from lineage.answers.audit.history import Past, past_of
from lineage.answers.audit.trust import Trust, trusted
from lineage.answers.findings import finding
from lineage.answers.project import settled
from lineage.audit.policy.code import about_code
from lineage.audit.policy.facts import Problem, places_of
from lineage.audit.policy.licences import about_licence
from lineage.audit.policy.missing_files import missing_files
from lineage.audit.policy.names import about_name
from lineage.audit.policy.references import about_references, about_state
from lineage.audit.policy.signature import about_signature
from lineage.audit.policy.trust import about_trust
from lineage.audit.policy.weights import about_publisher, about_weights
from lineage_schemas.answers.audit import AuditFinding, AuditUnchecked
from lineage_schemas.ids import shown_id, split_model_key
from lineage_schemas.project_file import ProjectFile

if TYPE_CHECKING:
    from lineage.answers.audit.locked import Locked
    from lineage.answers.audit.reading import Reading
    from lineage.answers.audit.used import UsedModel
    from lineage.answers.session import Session
    from lineage.collect.options import CollectOptions
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView
    from lineage_schemas.answers.finding import Finding
    from lineage_schemas.reference import Place
    from lineage_schemas.unchecked import Unchecked


class Left(NamedTuple):
    """Hold what was left unchecked, and the finding that says so, which the project or a baseline may accept."""

    unchecked: AuditUnchecked
    finding: AuditFinding | None = None


@dataclass(frozen=True)
class Judged:
    """Hold the facts of all models at the commits that were judged, and what was found and left unchecked."""

    known: tuple[Known, ...]
    findings: tuple[AuditFinding, ...]
    unchecked: tuple[Left, ...]


class Judge:
    """Judge the models of a product by what the store has of them now."""

    def __init__(
        self, session: Session, view: StoreView, used: Sequence[UsedModel], reading: Reading, options: CollectOptions,
        trust: Trust, locked: Locked | None = None,
    ) -> None:  # fmt: skip
        self._locked = locked
        self._session, self._view, self._reading, self._options, self._trust = session, view, reading, options, trust
        self._hubs: dict[str, Hub] = {session.hub.name: session.hub, **{each.hub.name: each.hub for each in used}}
        self._used: dict[str, list[UsedModel]] = {}
        for each in used:
            self._used.setdefault(each.key, []).append(each)

    def judge(self, descent: Descent, others: Sequence[Problem] = ()) -> Judged:
        """Apply every rule to every model, and make findings of `others`, which were found in the tree itself."""
        reader = FactsReader(self._session, self._view)
        known: list[Known] = []
        findings: list[AuditFinding] = []
        unchecked: list[Left] = []
        for key in sorted(descent.depths, key=lambda each: (descent.depths[each], each)):
            at_commits: list[UsedModel | None] = [*self._used.get(key, ())]
            for used in at_commits or [None]:
                past, facts = self._known(reader, key, used)
                known.append(facts)
                at = places_of(used.references) if used else self._places_of_key(key, descent)
                problems = [*past.problems, *self._problems(facts)]
                if used is not None and self._locked is not None:
                    problems += self._locked.problems(used, facts)
                found, left = self._of_problems(problems, descent, at)
                findings += [*found, *self._settled((each.finding, each.places) for each in past.findings)]
                unchecked += left
                unchecked += [Left(self._unchecked(item, places)) for item, places in past.unchecked]
                unchecked += map(Left, (*self._not_read(key, facts, at), *missing_files(facts.facts)))
        found, left = self._of_problems([*descent.problems, *others], descent)
        findings += [
            *found,
            *self._settled((each, self._places(each.pointer.model, descent)) for each in descent.findings),
        ]
        unchecked += left
        rest = (*descent.unchecked, *self._trust.unchecked)
        unchecked += [Left(self._unchecked(item, self._places_of_key(key, descent))) for key, item in rest]
        return Judged(tuple(known), tuple(dict.fromkeys(findings)), tuple(dict.fromkeys(unchecked)))

    def _known(self, reader: FactsReader, key: str, used: UsedModel | None) -> tuple[Past, Known]:
        """Gather the facts of one model at a commit, and what its history shows if the product names it."""
        if used is None:
            node = self._view.nodes("Model", [key]).get(key) or {}
            hub = self._hubs.get(split_model_key(key)[0])
            return Past(), reader.known(key, hub=hub, commit=node.get("head"))
        past = past_of(self._session, self._view, key, used.hub, used.asked, self._options)
        known = reader.known(key, hub=used.hub, commit=used.commit, used=used, past=past)
        scan, verified = trusted(self._trust, key, used.commit)
        facts = replace(known.facts, scan=scan, verified=verified)
        reason, detail = self._reading.unread.get(key, (None, None))
        if reason in ("missing", "gated") and facts.state == "unknown":  # a new name that failed is not stored
            facts = replace(facts, state=reason, note=detail)
        return past, replace(known, facts=facts)

    def _problems(self, known: Known) -> Iterator[Problem]:
        """Apply the rules about one model."""
        project = self._session.project
        settings = project.file if project else ProjectFile()
        facts = known.facts
        yield from about_state(facts)
        yield from about_references(facts)
        yield from about_licence(facts, settings.licences)
        yield from about_publisher(facts, settings.publishers)
        yield from about_weights(facts, settings.formats)
        yield from about_code(facts)
        yield from about_trust(facts)
        yield from about_name(facts)
        yield from about_signature(facts)

    def _of_problems(
        self, problems: Iterable[Problem], descent: Descent, at: tuple[Place, ...] = ()
    ) -> tuple[list[AuditFinding], list[Left]]:
        """Make findings of problems, and rows of what they leave unchecked."""
        findings: list[AuditFinding] = []
        unchecked: list[Left] = []
        for each in problems:
            places = each.places or at or self._places(each.pointer.model, descent)
            made = finding(each.rule, each.message, each.pointer, severity=each.severity)
            (found,) = self._settled([(made, places)])
            findings.append(found)
            if each.unchecked is not None:
                accepted_with = None if each.stays_unchecked else found
                unchecked.append(Left(self._unchecked(each.unchecked, places), accepted_with))
        return findings, unchecked

    def _settled(self, found: Iterable[tuple[Finding, tuple[Place, ...]]]) -> list[AuditFinding]:
        """Apply the project's severities and ignores, and add the places."""
        placed = list(found)
        return [
            AuditFinding(**each.model_dump(), places=places)
            for each, (_, places) in zip(
                settled(self._session.project, [each for each, _ in placed]), placed, strict=True
            )
        ]

    def _unchecked(self, item: Unchecked, places: tuple[Place, ...]) -> AuditUnchecked:
        return AuditUnchecked(**item.model_dump(), places=places)

    def _not_read(self, key: str, known: Known, places: tuple[Place, ...]) -> Iterator[AuditUnchecked]:
        """Report a model that could not be read, or that was not looked up just now."""
        facts = known.facts
        why = self._reading.why(key)
        if facts.state in ("missing", "gated") and (why is None or facts.commit is None):
            return  # the finding says so
        decide = f"lineage collect {facts.id}"
        elsewhere = [asked for asked in facts.asked if asked.unread]
        if why is not None:
            yield AuditUnchecked(what=facts.id, reason=why, decide_with=decide, places=places)
        elif elsewhere:
            for asked in elsewhere:
                what = f"{facts.id}@{asked.revision}"
                at = places_of(asked.references)
                yield AuditUnchecked(what=what, reason=asked.unread, decide_with=f"lineage collect {what}", places=at)
        elif (missing := self._what_is_missing(known)) is not None:
            yield AuditUnchecked(what=missing[0], reason=missing[1], decide_with=decide, places=places)
        for lack in self._reading.lacks.get(key, ()):
            yield AuditUnchecked(what=f"parts of {facts.id}", reason=lack, decide_with=decide, places=places)

    def _what_is_missing(self, known: Known) -> tuple[str, str] | None:
        """Say what of a model is not in the store, and why; None if all of it is."""
        facts = known.facts
        if facts.commit is None:
            if facts.state == "present" and facts.asked:
                return None  # the revisions that it asks for do not exist, and a finding says so
            if self._session.offline:
                return facts.id, "it is not in the store, and the Hub is not asked, because of --offline"
            return facts.id, facts.note or "nothing of it was read"
        if facts.files is None:
            return f"the files of {facts.id}@{facts.commit[:12]}", "they are not in the store"
        return (facts.id, facts.note) if facts.note else None

    def _places(self, model: str, descent: Descent) -> tuple[Place, ...]:
        """List the places of the product that use a model, as answers show it, or one that descends from it."""
        hub = self._session.hub.name
        key = next((each for each in descent.depths if shown_id(each, hub) == model), None)
        return () if key is None else self._places_of_key(key, descent)

    def _places_of_key(self, key: str, descent: Descent) -> tuple[Place, ...]:
        if key in self._used:
            return self._used_at([key])
        return self._used_at(used for used in self._used if key in descent.above.get(used, ()))

    def _used_at(self, keys: Iterable[str]) -> tuple[Place, ...]:
        references = (reference for key in keys for each in self._used[key] for reference in each.references)
        return places_of(tuple(sorted(references, key=lambda each: (each.file, each.line, each.column))))

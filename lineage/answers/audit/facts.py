"""What the store and the Hub's texts have of a model at the commit that a product loads, as facts for the rules."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lineage.answers.audit.signing import checked_signature
from lineage.answers.looked_up import hub_to_read
from lineage.audit.policy.code import MODULES, files_with_code
from lineage.audit.policy.facts import FileText, ModelFacts, Pickle, Signature
from lineage.audit.used_files import PICKLES
from lineage.collect.pipeline import Target
from lineage.collect.recorded_hub import RecordedHub
from lineage.errors import HubError
from lineage.fingerprint.groups import weight_groups
from lineage.hub.card import read_card
from lineage.hub.json_text import parse_json_object
from lineage.licences.parse import Licences, parse
from lineage_schemas.answers.audit import AuditedWeights
from lineage_schemas.ids import revision_key, shown_id, split_model_key
from lineage_schemas.snapshot import ResolvedRevision
from lineage_schemas.weight_group import WeightGroup

if TYPE_CHECKING:
    from lineage.answers.audit.history import Past
    from lineage.answers.audit.used import UsedModel
    from lineage.answers.session import Session
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView
    from lineage_schemas.file import FileEntry
    from lineage_schemas.reference import Reference

CARD = "README.md"


@dataclass(frozen=True)
class Known:
    """Hold the facts of a model for the rules, its weights for the answer, and the hash of each file for a lock."""

    key: str
    facts: ModelFacts
    weights: tuple[AuditedWeights, ...]
    files: Mapping[str, str | None] = field(default_factory=dict)


class FactsReader:
    """Gather what is known of models: from the store, and texts of other commits from the copy of the history.

    A text that is not at hand costs a request; what cannot be read is named with the reason.
    """

    def __init__(self, session: Session, view: StoreView) -> None:
        self._session, self._view = session, view

    def known(
        self, key: str, *, hub: Hub | None, commit: str | None, used: UsedModel | None = None, past: Past | None = None
    ) -> Known:
        """Gather the facts of one model at a commit; of an ancestor, none of the product's revisions.

        Without a Hub, which is for an ancestor on one that the product does not use, the store has its files, and no
        text is read.
        """
        node = self._view.nodes("Model", [key]).get(key) or {}
        files = self._files(hub, key, commit)
        licences, card_problem = self._licences(hub, key, node, commit, files)
        groups = self._weights(key, commit, files)
        row = self._view.nodes("Revision", [revision_key(key, commit)]).get(revision_key(key, commit)) if commit else {}
        facts = ModelFacts(
            id=shown_id(key, self._session.hub.name),
            used=used is not None,
            state=node.get("state", "unknown"),
            note=node.get("state_note"),
            commit=commit,
            asked=used.asked if used else (),
            named=used.names if used else (),
            licences=licences,
            card_problem=card_problem,
            files=None if files is None else tuple(files),
            formats=tuple((each.format, each.main) for each in groups),
            configs=tuple(self._configs(hub, key, commit, files or {}, used.references)) if used and hub else (),
            pickles=tuple(self._calls(groups)),
            signed=(row or {}).get("signed"),
            signature=self._signature(hub, key, commit, files) if used and hub else None,
            changes=past.changes if past else 0,
            silent=past.silent if past else 0,
        )
        return Known(key, facts, groups, {path: entry.identity for path, entry in (files or {}).items()})

    def _files(self, hub: Hub | None, key: str, commit: str | None) -> dict[str, FileEntry] | None:
        """List the files of a commit by path; None if they are not known."""
        if commit is None:
            return None
        name, model = split_model_key(key)
        try:
            recorded = RecordedHub(hub or name, self._session.store)
            snapshot = recorded.snapshot(ResolvedRevision(model=model, commit=commit, asked=model))
        except HubError:
            return None
        return {entry.path: entry for entry in snapshot.files}

    def _text(self, hub: Hub, key: str, commit: str, entry: FileEntry) -> tuple[bytes | None, str | None]:
        """Return a text that was kept or that lies in the copy of the history, or why it is not at hand."""
        data = self._view.attachment("text", entry.identity) if entry.identity else None
        if data is not None and entry.size in (None, len(data)):
            return data, None
        model = split_model_key(key)[1]
        source = hub_to_read(self._session, Target(model, hub=hub))
        try:
            return source.read_text_here(model, commit, entry.path, entry.size), None
        except HubError as error:
            if self._session.offline or hub.is_local:
                return None, error.message
        try:  # no copy of the history is here: one request
            return source.read_text(model, commit, entry.path, entry.size), None
        except HubError as error:
            return None, error.message

    def _licences(
        self, hub: Hub | None, key: str, node: Mapping[str, Any], commit: str | None,
        files: Mapping[str, FileEntry] | None,
    ) -> tuple[Licences, str | None]:  # fmt: skip
        """Read the licence that the card declares at a commit; at the commit that was read, the store has it."""
        if commit is None or commit == node.get("head"):
            return parse(node.get("licence"), node.get("licence_name"), node.get("licence_link")), None
        if files is None or hub is None:
            return parse(None), f"the files of {commit[:12]} are not known"
        if CARD not in files:
            return parse(None), None
        data, problem = self._text(hub, key, commit, files[CARD])
        card = None
        if data is not None:
            _, card, problem = read_card(data)
        if problem is not None and card is None:
            return parse(None), f"{CARD}: {problem}"
        card = card or {}
        return parse(card.get("license"), card.get("license_name"), card.get("license_link")), None

    def _signature(
        self, hub: Hub, key: str, commit: str | None, files: Mapping[str, FileEntry] | None
    ) -> Signature | None:
        """Check the signature of a used model."""
        if commit is None:
            return None
        model = split_model_key(key)[1]
        session = self._session
        return checked_signature(
            model, files, lambda entry: self._text(hub, key, commit, entry), session.project, offline=session.offline
        )

    def _configs(
        self, hub: Hub, key: str, commit: str | None, files: Mapping[str, FileEntry], references: tuple[Reference, ...]
    ) -> Iterator[FileText]:
        """Read the configs that may name code."""
        for path in files_with_code(files, references) if commit else ():
            assert commit is not None
            data, problem = self._text(hub, key, commit, files[path])
            value: dict[str, Any] | None = None
            if data is not None:  # the modules of a sentence model are a list
                is_list = path.rpartition("/")[2] == MODULES
                value, problem = parse_json_object(
                    b'{"modules":' + data.removeprefix(BOM_UTF8) + b"}" if is_list else data
                )
            yield FileText(path, value, problem)

    def _weights(
        self, key: str, commit: str | None, files: Mapping[str, FileEntry] | None
    ) -> tuple[AuditedWeights, ...]:
        """List the weight groups of a commit: as they were read there, else by the names of its files."""
        if commit is None:
            return ()
        edges = sorted(self._view.edges("HAS_WEIGHTS", [revision_key(key, commit)], "out"), key=lambda each: each.name)
        nodes = self._view.nodes("Weights", {each.target for each in edges})
        if edges:
            return tuple(
                self._group(WeightGroup.model_validate({**each.properties, "name": each.name}), each.target, nodes)
                for each in edges
            )
        from lineage.fingerprint.digests import files_digest

        found = []
        for group in weight_groups((files or {}).values()):
            digest = files_digest((files or {})[path].identity for path in group.files)
            found.append(self._group(group, digest, self._view.nodes("Weights", [digest] if digest else [])))
        return tuple(found)

    def _group(self, group: WeightGroup, digest: str | None, nodes: Mapping[str, Mapping[str, Any]]) -> AuditedWeights:
        node = nodes.get(digest or "") or {}
        return AuditedWeights(
            group=group.name, format=group.format, main=group.main, files=digest or "", weights=node.get("weights"),
            level=node.get("level"),
        )  # fmt: skip

    def _calls(self, groups: tuple[AuditedWeights, ...]) -> Iterator[Pickle]:
        """List the pickles among the groups, with what they would call as far as they were read."""
        for group in groups:
            if group.format in PICKLES:
                node = self._view.nodes("Weights", [group.files]).get(group.files) or {}
                calls = node.get("calls")
                yield Pickle(group.group, group.main, None if calls is None else tuple(calls))

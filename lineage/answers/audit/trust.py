"""What the Hub says of used models beside their files: asked for once, kept in the store with its date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lineage.audit.policy.facts import Scan
from lineage.errors import HubError, ends_the_run
from lineage.hub.interface import SecurityScan
from lineage.store.graph import NodeRow
from lineage.store.records import record_of
from lineage.unexpected import contained
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.ids import shown_id, split_model_key
from lineage_schemas.model import HubScan, HubTrust, HubVerified
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView
    from lineage_schemas.model import Model

KEPT_FOR = timedelta(days=7)
"""How long what the Hub said is used again without asking; it is dated in the findings."""


class Judging(NamedTuple):
    """Name a used model with its Hub, and the commit that is judged."""

    key: str
    hub: Hub
    commit: str


@dataclass(frozen=True)
class Trust:
    """Hold what the Hub says of used models: scans by key and commit, publishers by key; and what it does not say."""

    scans: Mapping[tuple[str, str], Scan] = field(default_factory=dict)
    verified: Mapping[str, bool] = field(default_factory=dict)
    unchecked: tuple[tuple[str, Unchecked], ...] = ()


def ask_trust(session: Session, models: list[Judging], now: datetime | None = None) -> Trust:
    """Ask for the scans of each model and for each publisher, unless the store has a recent answer.

    A local Hub is not asked: it scans and verifies nothing. What another Hub did not say, or was not asked for because
    of `--offline`, is unchecked.
    """
    now = now or datetime.now(UTC)
    remote = [each for each in models if not each.hub.is_local]
    if not remote:
        return Trust()
    with session.store.reading() as view:
        known = {each.key: _model(view, each.key) for each in remote}
    asking = _Asking(session, now, known)
    for each in remote:
        asking.scan(each)
        asking.verify(each)
    asking.write()
    return asking.found()


class _Asking:
    """Ask the Hub about one model after the other, and remember what it says of a publisher."""

    def __init__(self, session: Session, now: datetime, known: dict[str, Model]) -> None:
        self._session, self._now, self._known = session, now, known
        self._changed: set[str] = set()
        self._scans: dict[tuple[str, str], HubScan] = {}
        self._unchecked: list[tuple[str, Unchecked]] = []
        self._publishers: dict[tuple[str, str], HubVerified | str] = {}
        for model in known.values():
            said = _trust(model).verified
            if model.publisher and said is not None and self._is_recent(said.asked_at):
                self._publishers[model.hub, model.publisher] = said

    def scan(self, each: Judging) -> None:
        """Ask for the scans of a model at the judged commit."""
        kept = _trust(self._known[each.key]).scan
        if kept is not None and kept.commit == each.commit and self._is_recent(kept.asked_at):
            self._scans[each.key, each.commit] = kept
            return
        model = split_model_key(each.key)[1]
        if self._session.offline:
            self._note(each, f"the Hub's security scan of {self._shown(each.key)}", OFFLINE)
            return
        try:
            with contained(model):
                scan = each.hub.security_scan(model, each.commit) or SecurityScan(None, ())
        except HubError as error:
            if ends_the_run(error):
                raise
            self._note(each, f"the Hub's security scan of {self._shown(each.key)}", error.in_one_line)
            return
        said = HubScan(commit=each.commit, done=scan.done, files=scan.files, asked_at=self._now)
        self._scans[each.key, each.commit] = said
        self._keep(each.key, _trust(self._known[each.key]).model_copy(update={"scan": said}))

    def verify(self, each: Judging) -> None:
        """Ask whether a model's publisher is verified, once for all of its models."""
        publisher = self._known[each.key].publisher
        if publisher is None or "/" not in split_model_key(each.key)[1]:
            return
        at = (each.hub.name, publisher)
        if at not in self._publishers:
            self._publishers[at] = self._asked(each, publisher)
        said, trust = self._publishers[at], _trust(self._known[each.key])
        if isinstance(said, str):
            self._note(each, f"whether the publisher of {self._shown(each.key)} is verified", said)
        elif trust.verified != said:
            self._keep(each.key, trust.model_copy(update={"verified": said}))

    def _asked(self, each: Judging, publisher: str) -> HubVerified | str:
        """Ask for one publisher; a text is the reason why that is not known."""
        if self._session.offline:
            return OFFLINE
        try:
            with contained(publisher):
                verified = each.hub.is_verified(publisher)
        except HubError as error:
            if ends_the_run(error):
                raise
            return error.in_one_line
        return HubVerified(value=verified, asked_at=self._now)

    def write(self) -> None:
        """Keep what was said with its date."""
        if self._changed:
            with self._session.turns.writing:
                models = tuple(self._known[key] for key in sorted(self._changed))
                self._session.store.write(GraphBatch(models=models))

    def found(self) -> Trust:
        """Return what the Hub said, now or recently."""
        scans: dict[tuple[str, str], Scan] = {}
        for (key, commit), said in self._scans.items():
            scans[key, commit] = Scan(commit, said.done, said.files, said.asked_at)
            if said.done is not True and not (said.done is None and said.files):
                what = f"the Hub's security scan of {self._shown(key)}"
                words = "the Hub's scanners had not finished" if said.done is False else (
                    "the Hub does not say whether it scanned the files; it was asked")  # fmt: skip
                reason = f"{words} on {said.asked_at:%Y-%m-%d}"
                self._unchecked.append((key, Unchecked(what=what, reason=reason)))
        publishers = {key: _trust(model).verified for key, model in self._known.items()}
        verified = {key: said.value for key, said in publishers.items() if said is not None and said.value is not None}
        for key, said_of in publishers.items():
            if said_of is not None and said_of.value is None:
                what = f"whether the publisher of {self._shown(key)} is verified"
                reason = f"the Hub does not say; it was asked on {said_of.asked_at:%Y-%m-%d}"
                self._unchecked.append((key, Unchecked(what=what, reason=reason)))
        return Trust(scans, verified, tuple(self._unchecked))

    def _keep(self, key: str, trust: HubTrust) -> None:
        """Remember what a model's record is to hold. Its aliases stay: they may mean other models by now."""
        self._known[key] = self._known[key].model_copy(update={"trust": trust, "aliases": ()})
        self._changed.add(key)

    def _note(self, each: Judging, what: str, reason: str) -> None:
        self._unchecked.append((each.key, Unchecked(what=what, reason=reason)))

    def _shown(self, key: str) -> str:
        return shown_id(key, self._session.hub.name)

    def _is_recent(self, asked_at: datetime) -> bool:
        """Return whether an answer is used again; offline any is, because the finding shows its date."""
        return self._session.offline or self._now - asked_at <= KEPT_FOR


OFFLINE = "it was not asked for, because of --offline"


def _model(view: StoreView, key: str) -> Model:
    return record_of("Model", NodeRow(key, view.nodes("Model", [key])[key]))


def _trust(model: Model) -> HubTrust:
    return model.trust or HubTrust()


def trusted(trust: Trust, key: str, commit: str | None) -> tuple[Scan | None, bool | None]:
    """Return the scan of a model at a commit, and whether its publisher is verified, each None if not known."""
    return (trust.scans.get((key, commit)) if commit else None), trust.verified.get(key)

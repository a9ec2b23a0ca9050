"""Names of parents, resolved by the Hub to the models that cards and configs mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lineage.collect.parent_forms import parent_quantisations
from lineage.collect.turns import Turns
from lineage.errors import (
    GatedError,
    HubError,
    HubUnreachableError,
    InputError,
    ModelNotFoundError,
    NoAnswerError,
    RateLimitedError,
    UnexpectedError,
)
from lineage.hub.legacy_names import LegacyName, legacy_name
from lineage.store.aliases import key_of_alias
from lineage.unexpected import contained
from lineage_schemas.graph_batch import Attachment
from lineage_schemas.ids import split_model_key
from lineage_schemas.model import Model, ModelState

if TYPE_CHECKING:
    from lineage.derivation.facts import Quantisation
    from lineage.hub.interface import Hub
    from lineage.store.interface import GraphStore
    from lineage_schemas.snapshot import ResolvedRevision


@dataclass(frozen=True)
class KnownName:
    """Hold the model that a name means: its key, whether it can be read, and its creation if the Hub reports it.

    `legacy` is the row of the table that gave the key, if the Hub could not be asked for a legacy name.
    `resolved` is the Hub's answer, if there was one.
    """

    key: str
    state: ModelState
    note: str | None = None
    created: datetime | None = None
    legacy: LegacyName | None = None
    resolved: ResolvedRevision | None = None


class Names:
    """Resolve names to models through the Hub, each name once in a run, with the store as the fallback.

    The Hub's answer takes precedence: it knows legacy names and renamed repositories. If it cannot be asked, the
    aliases in the store decide, then the table of legacy names, then the name as written. A Hub that could not be
    reached once is not asked again in the same run; a cache is, because it may contain another name. Safe to use from
    several threads.
    """

    def __init__(self, hub: Hub, store: GraphStore, turns: Turns | None = None) -> None:
        self._hub = hub
        self._store = store
        self._turns = turns or Turns()
        self._known: dict[str, KnownName] = {}
        self._quantisations: dict[str, tuple[Quantisation, ...] | None] = {}
        self._unreachable = False

    def find(self, name: str) -> KnownName:
        """Find the model behind a name; never raises: a name that cannot be resolved has the state `unknown`."""
        if name not in self._known:
            with self._turns.name(name):
                if name not in self._known:
                    self._known[name] = self._ask(name)
        return self._known[name]

    def quantisations(self, name: str) -> tuple[Quantisation, ...] | None:
        """List the quantisations of the model behind a name, read once in a run; None if they cannot be read."""
        known = self.find(name)
        if known.resolved is None:
            return None
        with self._turns.name(known.key):
            if known.key not in self._quantisations:
                self._quantisations[known.key] = parent_quantisations(self._hub, known.resolved)
        return self._quantisations[known.key]

    def stub(self, name: str) -> Model:
        """Make the record of a model that is known by name only."""
        known = self.find(name)
        hub, model_id = split_model_key(known.key)
        aliases = (name,) if self._hub.key(name) != known.key else ()
        return Model(
            key=known.key,
            hub=hub,
            id=model_id,
            state=known.state,
            state_note=known.note,
            publisher=publisher_of(model_id),
            aliases=aliases,
        )

    def aliases(self, read: ResolvedRevision) -> tuple[Attachment, ...]:
        """List the names that the Hub redirected to another id, to be stored for use offline.

        Names from the table of legacy names are not among them: the Hub did not confirm those.
        """
        answered = {name: known.key for name, known in dict(self._known).items() if known.legacy is None}
        answered[read.asked] = self._hub.key(read.model)
        redirected = ((self._hub.key(name), key) for name, key in sorted(answered.items()))
        return tuple(
            Attachment(kind="alias", key=asked, data=key.encode()) for asked, key in redirected if asked != key
        )

    def _ask(self, name: str) -> KnownName:
        if self._unreachable:
            note = f"{self._hub.name} was not asked for {name}, because it had not responded just before"
            return self._remembered(name, "unknown", note)
        try:
            with contained(name):
                resolved = self._hub.resolve(name)
        except GatedError as error:
            return self._remembered(name, "gated", error.message)
        except (ModelNotFoundError, InputError) as error:
            return self._missing(name, error.message)
        except HubUnreachableError as error:
            self._unreachable = not self._hub.is_local and isinstance(error, NoAnswerError | RateLimitedError)
            return self._remembered(name, "unknown", error.message)
        except UnexpectedError as error:
            return self._remembered(name, "unknown", error.message)
        except HubError as error:
            return self._remembered(name, "present", error.message)
        legacy = legacy_name(name) if resolved.by_table else None
        return KnownName(self._hub.key(resolved.model), "present", None, resolved.created, legacy, resolved)

    def _missing(self, name: str, note: str) -> KnownName:
        """Describe a model that the Hub lacks; a directory has no redirects, so the table of legacy names decides."""
        legacy = legacy_name(name) if self._hub.is_local else None
        return KnownName(self._hub.key(legacy.canonical if legacy else name), "missing", note, None, legacy)

    def _remembered(self, name: str, state: ModelState, note: str) -> KnownName:
        """Find the key of a name without the Hub: by the store's aliases, by the table, or from the name itself."""
        with self._store.reading() as view:
            key = key_of_alias(view, self._hub.name, name)
        legacy = legacy_name(name) if key is None else None
        key = key or self._hub.key(legacy.canonical if legacy else name)
        return KnownName(key, state, note, None, legacy)


def publisher_of(model_id: str) -> str | None:
    """Return the account that owns a model; None for legacy names without an owner."""
    owner, slash, _ = model_id.partition("/")
    return owner if slash else None

"""Cards along a model's lines that name a version: their texts are kept, so that versions can be compared offline."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lineage.errors import HubError
from lineage.log import Log
from lineage.versioning.line import UNDATED, Line
from lineage.versioning.named_versions import card_identities, has_version
from lineage.versioning.texts import CARD

if TYPE_CHECKING:
    from lineage.hub.interface import Hub
    from lineage_schemas.history import History

LOG = Log(__name__)

MAX_TAGGED = 20
"""Tagged commits whose cards are kept whatever they say, the newest ones: these are what people pin."""

MAX_REQUESTS = 20
"""Cards that are requested one by one where the Hub gives no git history: tagged ones first, then the newest."""

MAX_CARDS = 1_000
"""Cards that are looked at where git has them, in the same order: real models have dozens."""

MAX_BYTES = 1_000_000
"""A larger card is not kept for its version."""

MAX_BYTES_TOGETHER = 50_000_000
"""All cards of a model that are read for their versions."""


class CardReader:
    """Read cards along the lines of a model, each commit's once as long as there is room for them."""

    def __init__(self, hub: Hub, model: str) -> None:
        self._hub, self._model = hub, model
        self._read: dict[str, bytes] = {}
        self._room = MAX_BYTES_TOGETHER

    def text(self, commit: str, path: str, size: int | None) -> bytes:
        """Read a text whole, and keep it for `card` if it is one. Raises as `Hub.read_text` does."""
        if path == CARD and commit in self._read:
            return self._read[commit]
        data = self._hub.read_text(self._model, commit, path, size)
        if path == CARD and len(data) <= min(MAX_BYTES, self._room):
            self._read[commit] = data
            self._room -= len(data)
        return data

    def card(self, written: _Written) -> bytes | None:
        """Return a card; None if it is too large to be kept, or cannot be read."""
        if written.commit in self._read:
            return self._read[written.commit]
        if written.size is not None and written.size > MAX_BYTES:
            return None
        try:
            data = self._hub.read_text(self._model, written.commit, CARD, written.size)
        except HubError as error:
            LOG.info("%s: the card at %s was not read: %s", self._model, written.commit, error.message)
            return None
        return data if len(data) <= MAX_BYTES else None


def kept_cards(
    reader: CardReader, history: History, lines: Iterable[Line], known: Mapping[str | None, bytes]
) -> dict[str, bytes]:
    """Read the cards of tagged commits, and those that name a version; texts by the identity of the file.

    `known` are texts that were read already, by identity. Where git has the texts, the cards of all lines are read, up
    to MAX_CARDS and MAX_BYTES_TOGETHER; where each costs a request, the first MAX_REQUESTS of them. A card that cannot
    be read is left out: nothing is compared with it.
    """
    if history.source in ("folder", "cache"):
        return {}
    tagged = {ref.target for ref in history.refs if ref.kind == "tag"}
    found: dict[str, _Written] = {}
    for line in lines:
        for written in _cards(line, tagged):
            earlier = found.setdefault(written.identity, written)
            earlier.tagged = earlier.tagged or written.tagged
    order = sorted(found.values(), key=lambda each: (each.tagged, each.date), reverse=True)
    limit = MAX_REQUESTS if history.source == "api" else MAX_CARDS
    kept: dict[str, bytes] = {}
    room = MAX_BYTES_TOGETHER
    for number, written in enumerate(order[:limit]):
        data = known.get(written.identity) or reader.card(written)
        room -= len(data or b"")
        if room < 0:
            break
        is_kept = history.source == "api" or (written.tagged and number < MAX_TAGGED)
        if data is not None and (is_kept or has_version(data.decode("utf-8", "replace"))):
            kept[written.identity] = data
    return kept


@dataclass
class _Written:
    """Hold one content of a card: a commit that wrote it, and whether it is that of a tagged commit."""

    identity: str
    commit: str
    size: int | None
    date: datetime
    tagged: bool = False


def _cards(line: Line, tagged: Collection[str]) -> Iterator[_Written]:
    """Yield each content that the card has along a line, at the commit that wrote it first."""
    found: dict[str, _Written] = {}
    for position, identity in enumerate(card_identities(line)):
        if identity is None:
            continue
        commit = line.commits[position]
        if identity not in found:
            changes = (change for change in commit.changes or () if change.path == CARD and change.new)
            size = next((change.new.size for change in changes if change.new), None)
            found[identity] = _Written(identity, commit.id, size, commit.date or UNDATED)
        if any(arrived.id in tagged for arrived in line.arrived[position]):
            found[identity].tagged = True
            found[identity].date = commit.date or UNDATED
    yield from found.values()

"""One revision of a model as the Hub shows it: files, card, config and what is observed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from lineage.errors import FileNotInRevisionError, GatedError, HubAnswerError, TextTooLongError
from lineage.hub.bounds import known_size
from lineage.hub.card import read_card
from lineage.hub.git.texts import without_surrogates
from lineage.hub.huggingface.files import Place, RemoteFiles
from lineage.hub.huggingface.listing import list_files
from lineage.hub.interface import MAX_TEXT_BYTES, too_long
from lineage.hub.json_text import parse_json_object
from lineage.hub.lfs import git_blob_id
from lineage_schemas.file import FileEntry
from lineage_schemas.history_ref import HistoryRef
from lineage_schemas.snapshot import Snapshot

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

    from lineage.hub.huggingface.connection import Connection
    from lineage.hub.huggingface.copies import GitCopies

CARD, CONFIG = "README.md", "config.json"


def read_snapshot(
    connection: Connection,
    files: RemoteFiles,
    copies: GitCopies,
    info: ModelInfo,
    commit: str,
    refs: tuple[HistoryRef, ...],
) -> Snapshot:
    """Read a revision whose page was read: the tree, README.md and config.json take one request each.

    A text whose blob is in the git copy takes none. If the files of a gated repository are refused, the card is what
    the page shows of it, and the config is None.
    """
    entries = {entry.path: entry for entry in list_files(connection, info.id, commit)}
    unreadable: dict[str, str] = {}

    def text(path: str) -> bytes | None:
        entry = entries.get(path)
        if entry is None:
            return None
        try:
            held = copies.blob(info.id, entry.blob_id) if entry.blob_id else None
            return held if held is not None else _small_file(files, Place(info.id, commit, path), entry)
        except TextTooLongError as error:
            unreadable[path] = error.reason
        except (GatedError, FileNotInRevisionError, HubAnswerError) as error:
            unreadable[path] = error.message
        return None

    readme, config_bytes = text(CARD), text(CONFIG)
    card_text, card = _card(readme, info, unreadable)
    config = None
    if config_bytes is not None:
        config, problem = parse_json_object(config_bytes)
        if problem is not None:
            unreadable[CONFIG] = problem
    return connection.call(
        lambda: Snapshot(
            model=info.id,
            commit=commit,
            files=tuple(entries.values()),
            card=card,
            card_text=card_text,
            config=config,
            unreadable=unreadable,
            refs=refs,
            created=info.created_at,
            last_modified=info.last_modified,
            downloads=_counted(info.downloads),
            likes=_counted(info.likes),
            gated=info.gated,
            library_name=without_surrogates(info.library_name) if info.library_name else info.library_name,
            pipeline_tag=without_surrogates(info.pipeline_tag) if info.pipeline_tag else info.pipeline_tag,
            tags=tuple(map(without_surrogates, info.tags or ())),
        ),
        info.id,
    )


def _counted(value: Any) -> Any:
    """Leave out a count that no store can hold; the record refuses what is not a number."""
    return known_size(value) if isinstance(value, int) else value


def _card(
    readme: bytes | None, info: ModelInfo, unreadable: dict[str, str]
) -> tuple[str | None, dict[str, Any] | None]:
    """Read the card's text and metadata; the page's excerpt is used if the text cannot be read."""
    if readme is None:
        shown: Any = info.card_data if CARD in unreadable else None
        return None, shown.to_dict() if shown else None
    text, card, problem = read_card(readme)
    if problem is not None:
        unreadable[CARD] = problem
    return text, card


def _small_file(files: RemoteFiles, place: Place, entry: FileEntry) -> bytes:
    """Read a whole small file and check it against its id in the tree."""
    if entry.size is not None and entry.size > MAX_TEXT_BYTES:
        raise TextTooLongError(str(place), too_long(entry.size), model=place.model)
    content = b"".join(files.chunks(place, 0, None if entry.size is not None else MAX_TEXT_BYTES + 1))
    if entry.size is None and len(content) > MAX_TEXT_BYTES:
        raise TextTooLongError(str(place), too_long(None), model=place.model)
    if entry.sha256:
        same = hashlib.sha256(content).hexdigest() == entry.sha256
    else:
        same = entry.blob_id in (None, git_blob_id(content))
    if not same:
        raise HubAnswerError(f"{place}: the bytes do not match the hash in the tree")
    return content

"""Whether a model's config lets a loader use the embedding as the head."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lineage.errors import FileNotInRevisionError, HubError
from lineage.fingerprint.cast import Placed
from lineage.hub.json_text import load_json


def may_be_tied(side: Placed) -> bool | None:
    """Return False if the config says `tie_word_embeddings: false`, None if a config could not be read.

    The config is that of the group's folder, else that of the model. True where none is there or it does not say: the
    library's default is to tie them.
    """
    folder = side.found.group.component
    for path in dict.fromkeys((f"{folder}/config.json" if folder else "config.json", "config.json")):
        try:
            content = load_json(side.hub.read_text(side.model, side.commit, path))
        except FileNotInRevisionError:
            continue
        except (HubError, ValueError, RecursionError):
            return None
        return False not in _declared(content)
    return True


def _declared(content: Any) -> Iterator[Any]:
    """Give what a config and the config of its language model declare."""
    if isinstance(content, dict):
        yield content.get("tie_word_embeddings")
        for part in ("text_config", "decoder", "llm_config", "language_config"):
            inner = content.get(part)
            yield inner.get("tie_word_embeddings") if isinstance(inner, dict) else None

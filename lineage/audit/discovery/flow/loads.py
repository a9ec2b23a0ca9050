"""What calls that load models take: the call, the text of its model, an argument whose text is not known."""

from __future__ import annotations

from typing import NamedTuple

from lineage.audit.discovery.flow.sinks import Sink
from lineage.audit.discovery.flow.spots import Spot
from lineage.audit.discovery.flow.strings import Piece


class Use(NamedTuple):
    """Keep one text that a call takes as its model, and the texts of what it asks for beside it."""

    piece: Piece
    facets: dict[str, Piece]
    sink: Sink
    argument: Spot
    name: str
    trusted: bool | None = None
    safetensors: bool | None = None


class Unknown(NamedTuple):
    """Keep an argument that names a model and whose text is not known."""

    argument: Spot


class Loader(NamedTuple):
    """Keep a call that loads a model: its spot, its names, and its sink."""

    call: Spot
    name: str
    sink: Sink
    root: str = ""

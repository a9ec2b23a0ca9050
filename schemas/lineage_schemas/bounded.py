"""Numbers with bounds: what every store can hold, so that one record has the same answer on all of them.

SQLite has no integer beyond 64 bits, and Neo4j would keep one as text. A record with a larger number is therefore
refused when it is made, before a store sees it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, WithJsonSchema

LARGEST = 2**63 - 1
"""The largest integer of 64 bits with a sign."""

_PLAIN = WithJsonSchema({"type": "integer"})
"""The exported JSON Schemas keep a plain integer: they describe what answers hold, not what they refuse."""

Integer = Annotated[int, Field(ge=-LARGEST - 1, le=LARGEST), _PLAIN]
"""An integer of 64 bits with a sign."""

Count = Annotated[int, Field(ge=0, le=LARGEST), _PLAIN]
"""A size or a number of things: 0 or more, within 64 bits."""

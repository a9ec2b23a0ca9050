"""A weight group while its files are being gathered."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Draft:
    """Hold what is known of a group so far; `of` is None where no name declares a number of shards."""

    name: str
    format: str
    of: int | None
    files: list[str] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    index: str | None = None
    complete: bool | None = None

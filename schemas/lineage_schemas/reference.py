"""References: places of a source tree that name a model."""

from __future__ import annotations

from lineage_schemas.bounded import Count
from lineage_schemas.product import Grade
from lineage_schemas.record import Record


class Place(Record):
    """Name a place in a file. Line and column count from 1; `cell` is that of a notebook, null elsewhere."""

    file: str
    line: Count
    column: Count
    cell: Count | None = None


class Reference(Record):
    """Keep one place where the id of a model stands as text, and what the source asks of that model.

    `model` is the id as it is written, without revision and selector; null if the source does not say which model it
    is, and then `unresolved` is the expression. `canonical` is the full id where it is known. `pinned` is true only for
    a revision of 40 hex digits: tags, branches and shorter hashes move. `used_at` are the places that the id flows to.
    `filename`, `subfolder` and `variant` name the weight group that is used. `trust_remote_code` is null if not given,
    and so is `use_safetensors`.
    """

    model: str | None
    canonical: str | None = None
    revision: str | None = None
    pinned: bool = False
    selector: str | None = None
    grade: Grade
    file: str
    line: Count
    column: Count
    cell: Count | None = None
    filename: str | None = None
    subfolder: str | None = None
    variant: str | None = None
    trust_remote_code: bool | None = None
    use_safetensors: bool | None = None
    used_at: tuple[Place, ...] = ()
    unresolved: str | None = None

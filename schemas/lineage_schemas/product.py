"""Products: software whose source names models, and where it does."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from lineage_schemas.bounded import Count
from lineage_schemas.record import Record

Grade = Literal["certain", "likely", "possible"]
"""How sure it is that a place in a source uses a model. Certain: the id is in a call, flag or file key that loads it.
Likely: it was resolved through a name or a default. Possible: a text or link mentions it."""


class Product(Record):
    """Keep one product that was recorded by name.

    `key` is its name. `path` is the folder that was read, `recorded_at` when that was, and `config` the digest of the
    project file that was used, null without one.
    """

    key: str
    name: str
    path: str | None = None
    recorded_at: AwareDatetime
    config: str | None = None


class Use(Record):
    """Keep one place of a product's source that names a model.

    `product` and `model` are keys, and `place` tells several places from each other (`lineage_schemas.ids.use_place`).
    `revision` is what the source asks for: a commit, a tag or a branch, null for none; `pinned` says whether that is a
    whole commit id. `selector` is what follows the id to choose a file, such as the quantisation of a GGUF. Line and
    column count from 1.
    """

    product: str
    model: str
    place: str
    revision: str | None = None
    pinned: bool = False
    selector: str | None = None
    grade: Grade
    file: str | None = None
    line: Count | None = None
    column: Count | None = None

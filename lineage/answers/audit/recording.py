"""A product in the graph: written only when the user gives it a name, replaced whole each time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.answers.audit.used import GRADES, key_of, used_models
from lineage.errors import InputError
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.ids import use_place
from lineage_schemas.product import Product, Use

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.settings.project_file import Project
    from lineage_schemas.reference import Reference

MAX_NAME = 200
"""Characters of a product's name."""


def check_name(name: str) -> str:
    """Return the name of a product without blanks around it. Raises InputError for one that cannot be a name."""
    kept = name.strip()
    if not kept or len(kept) > MAX_NAME or not kept.isprintable():
        raise InputError(
            f"{name[:40]!r} is not the name of a product",
            hint=f"give --record a name of 1 to {MAX_NAME} printable characters",
        )
    return kept


def record_product(
    session: Session, name: str, path: Path, references: Sequence[Reference], now: datetime | None = None
) -> None:
    """Write a product and the places at which it uses models; places of an earlier record are replaced.

    Places that only mention a model are not recorded. A model that is not in the store is written by its name.
    """
    used, _ = used_models(session, [each for each in references if each.grade in GRADES])
    uses: dict[tuple[str, str], Use] = {}
    with session.store.reading() as view:
        for model in used:
            key = key_of(view, model)
            for each in model.references:
                use = _use(name, key, each)
                uses[key, use.place] = use
    product = Product(
        key=name, name=name, path=str(path.absolute()), recorded_at=now or datetime.now(UTC),
        config=_digest(session.project),
    )  # fmt: skip
    batch = GraphBatch(products=(product,), uses=tuple(uses.values()), replace_uses_of=(name,))
    with session.turns.writing:
        session.store.write(batch)


def _use(product: str, key: str, each: Reference) -> Use:
    return Use(
        product=product, model=key, place=use_place(each.file, each.line, each.column), revision=each.revision,
        pinned=each.pinned, selector=each.selector, grade=each.grade, file=each.file, line=each.line,
        column=each.column,
    )  # fmt: skip


def _digest(project: Project | None) -> str | None:
    """Return the digest of the project file; None without one."""
    if project is None:
        return None
    try:
        return f"sha256:{hashlib.sha256((project.folder / Path(project.shown).name).read_bytes()).hexdigest()}"
    except OSError:  # it was deleted since it was read
        return None

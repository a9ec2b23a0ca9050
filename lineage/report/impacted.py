"""Words for who is hit by a change, for all text formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import short

if TYPE_CHECKING:
    from lineage_schemas.answers.impact import HitModel, ProductUse


def built_on(each: HitModel) -> str:
    """Write the revision that a model was built on, and how that is known."""
    if each.built_on.revision is None:
        return "built on an unknown revision"
    return f"built on {short(each.built_on.revision)} ({each.built_on.how})"


def used_at(each: ProductUse) -> str:
    """Write where a product uses a model."""
    return f"{each.file}:{each.line}" if each.line else each.file or "its project file"


def used_revision(each: ProductUse) -> str:
    """Write which revision of a model a product asks for."""
    if each.revision is None:
        return "no revision"
    return f"pinned to {short(each.revision)}" if each.pinned else f"follows {each.revision}"

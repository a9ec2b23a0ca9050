"""Words for who is hit by a change, for all text formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import short

if TYPE_CHECKING:
    from lineage_schemas.answers.impact import HitModel


def built_on(each: HitModel) -> str:
    """Write the revision that a model was built on, and how that is known."""
    if each.built_on.revision is None:
        return "built on an unknown revision"
    return f"built on {short(each.built_on.revision)} ({each.built_on.how})"

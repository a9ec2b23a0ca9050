"""The files that a product names of a model, and that the model does not have."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.audit.policy.facts import ModelFacts, places_of
from lineage.audit.used_files import named_files
from lineage_schemas.answers.audit import AuditUnchecked


def missing_files(model: ModelFacts) -> Iterator[AuditUnchecked]:
    """List what the product names of a model and the judged commit does not have: what is loaded is not known."""
    for each in (reference for asked in model.asked for reference in asked.references):
        named = named_files(each, model.files) if model.files is not None and model.commit else None
        if named is not None and not named.files:
            reason = f"{model.id} does not have it at {model.commit}, so that a loader fails or takes other files"
            yield AuditUnchecked(what=f"{named.words} of {model.id}", reason=reason, places=places_of((each,)))

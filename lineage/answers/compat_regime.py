"""Whether an update is of the kind that the compatibility measures were made for: with an unchanged tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.errors import few
from lineage.unexpected import contained

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.answers.sides import Listed
    from lineage.evals.summary import Summary
    from lineage_schemas.answers.compat import Regime

NAME_THE_MODELS = "--models OLD NEW compares the tokenizers of two models"


def regime_of(session: Session, old: Summary, new: Summary, models: tuple[str, str] | None) -> tuple[Regime, str]:
    """Return whether the tokenizer is unchanged, and how that is known.

    MUSCLE (section 8) supports no change of the tokenizer or the vocabulary. The summaries of the harness name special
    tokens: different ones show a change, equal ones do not show that nothing else changed. Only the models' files do.
    """
    if models is not None:
        return _of_models(session, *models)
    common = old.tokenizer.keys() & new.tokenizer.keys()
    changed = sorted(key for key in common if old.tokenizer[key] != new.tokenizer[key])
    if changed:
        return "outside", f"the harness used other special tokens: {few(changed)}"
    known = "the special tokens are the same, the vocabulary is not known" if common else "the results do not show it"
    return "unjudged", f"{known}; {NAME_THE_MODELS}"


def _of_models(session: Session, old: str, new: str) -> tuple[Regime, str]:
    """Compare the tokenizer files of two models; no weights are read."""
    from lineage.answers.sides import read_sides
    from lineage.versioning.facets.files import tokenizer_part
    from lineage.versioning.facets.tokenizer import tokenizer

    listed = [_listed(session, text) for text in (old, new)]
    sides = read_sides(*listed)
    without = [text for text, side in zip((old, new), sides, strict=True) if not any(map(tokenizer_part, side.paths))]
    if without:
        return "unjudged", f"{' and '.join(without)}: no tokenizer file"
    found = tokenizer(*sides)
    if found.state == "changed":
        return "outside", f"the tokenizer of {new} differs from that of {old}"
    if found.unjudged:
        return "unjudged", f"the tokenizers could not be compared: {found.unjudged[0].reason}"
    return "inside", f"{new} has the tokenizer of {old}"


def _listed(session: Session, text: str) -> Listed:
    """List one model."""
    from lineage.answers.collect import as_target
    from lineage.answers.looked_up import hub_to_read
    from lineage.answers.sides import Listed

    with contained(text):
        target = as_target(session, text, on_disk=True)
        hub = hub_to_read(session, target)
        return Listed(hub, hub.snapshot(hub.resolve(target.model, target.revision)))

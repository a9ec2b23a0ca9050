"""A suggestion for the renderers: rules of two levels, something unjudged, and judged versions."""

from __future__ import annotations

from lineage_schemas.answers.suggest import (
    CurrentVersion,
    FiredRule,
    JudgedVersion,
    SuggestAnswer,
    SuggestSide,
    UnjudgedRule,
)
from lineage_schemas.pointer import Pointer
from tests.report.traces import commit, header

MODEL = "lab/reflection-70b"


def suggestion() -> SuggestAnswer:
    """Make a suggestion with every part."""
    at = Pointer(model=MODEL, revision=commit(5), file="config.json", field="max_position_embeddings")
    weights = Pointer(model=MODEL, revision=commit(5), file="model.safetensors")
    return SuggestAnswer(
        **header("suggest.v1"),
        model=MODEL,
        from_=SuggestSide(model=MODEL, revision=commit(2)),
        to=SuggestSide(model=MODEL, revision=commit(5)),
        current="1.0.0",
        current_version=CurrentVersion(by="tag", text="v1", revision=commit(2), coerced=True),
        suggested="2.0.0",
        level="major",
        rules=(
            FiredRule(id="SV006", name="context-shrunk", level="major", source="semver",
                      field="max_position_embeddings", pointer=at, before="512", after="256"),
            FiredRule(id="SV012", name="weights-replaced", level="patch", source="ours", field="model.safetensors\x1b",
                      pointer=weights, note="other bytes", moved="minor"),
        ),
        unjudged=(
            UnjudgedRule(facet="weights", pointer=weights, reason="their tensors were not compared", could_be="major"),
            UnjudgedRule(facet=None, pointer=weights, reason="no results", could_be=None, rule="SV010"),
        ),
        announced=(
            JudgedVersion(version="1.0.0", revision=commit(2), by="tag", text="v1", announced_level=None,
                          measured_level=None, verdict="first"),
            JudgedVersion(version="1.0.1", revision=commit(5), by="user", text="1.0.1", announced_level="patch",
                          measured_level="major", verdict="understated"),
        ),
        other_tags=("fp16",),
        commands=(f"git tag v2.0.0 {commit(5)} && git push origin v2.0.0",),
        card="lineage:\n  version: 2.0.0\n",
        notes=("v1 is read as 1.0.0",),
    )  # fmt: skip

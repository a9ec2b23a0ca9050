"""Answers of `lineage impact` for the renderers."""

from __future__ import annotations

from lineage.answers.findings import finding
from lineage_schemas.answers.check import WeightChange
from lineage_schemas.answers.finding import Finding
from lineage_schemas.answers.impact import BuiltOnRevision, HitModel, ImpactAnswer, ProductUse
from lineage_schemas.answers.incomplete import Incomplete
from lineage_schemas.pointer import Pointer
from lineage_schemas.unchecked import Unchecked
from tests.report.traces import READ, commit, header


def misfit(rule: str, model: str, tag: str) -> Finding:
    """A version that does not fit what changed."""
    message = f"version {tag[1:]} (tag {tag}) after 1.0.0 announces another level than what changed"
    return finding(rule, message, Pointer(model=model, revision=commit(2), field=f"refs/tags/{tag}"))


def impact(changes: tuple[WeightChange, ...] = ()) -> ImpactAnswer:
    """A silent change that hits an adapter and, over it, a merge, of which more are not shown; without one, no hit."""
    if not changes:
        return ImpactAnswer(**header("impact.v1"), model="lab/base-7b", changes=(), hit=(), counts={})
    built = BuiltOnRevision(revision=commit(2), how="inferred")
    return ImpactAnswer(
        **header("impact.v1"),
        model="lab/base-7b",
        since="v1.0",
        changes=changes,
        hit=(
            HitModel(model="me/lora", relation="adapter", method="lora", depth=1, built_on=built, silent=True,
                     status="confirmed", advice="pin the base's revision"),
            HitModel(model="me/merged", relation="merge", method="lora_merge", depth=2,
                     built_on=BuiltOnRevision(revision=None, how="unknown"), silent=False, status="inferred",
                     advice="wait for me/lora, which is hit first"),
        ),
        counts={"adapter": 1, "merge": 2},
        incomplete=(Incomplete(model="lab/base-7b", reason="limit", detail="1 more are hit"),),
        products=(
            ProductUse(product="shop", model="me/lora", depth=1, revision=commit(2), pinned=True, file="app.py", line=3,
                       recorded_at=READ),
            ProductUse(product="shop", model="lab/base-7b", depth=0, revision=None, pinned=False, file=None, line=None,
                       recorded_at=READ),
        ),
        findings=(misfit("understated-version", "lab/base-7b", "v1.0.1"),),
        fail_on="warning",
        unchecked=(Unchecked(what="whether 1.0.2 (tag v1.0.2) announced enough", reason="its files are not known",
                             decide_with="lineage suggest lab/base-7b --to 000000000003"),),
    )  # fmt: skip

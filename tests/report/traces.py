"""Hand-made traces, and the first fields of all hand-made answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lineage.answers.findings import finding
from lineage_schemas.answers.incomplete import Incomplete
from lineage_schemas.answers.trace import (
    Deciding,
    HiddenEdges,
    RelatedPair,
    TraceAnswer,
    TracedDerivation,
    TracedEvidence,
    TracedModel,
    Unmeasured,
    UnrelatedPair,
    Unresolvable,
)
from lineage_schemas.derivation import Status
from lineage_schemas.pointer import Pointer

READ = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

HOSTILE = 'evil/\x1b[2J\x1b]0;owned\x07"]|`<img src=x>`\n# @you \\ \u202egnp.\x9b31m &amp; {x} ; -->'
"""Hostile text as it might appear in a title or an id: escapes, markup of every format, a mention, reversed text."""


def commit(number: int) -> str:
    """Make a commit id that differs from others in its first digits."""
    return f"{number:08x}" * 5


def header(schema: str, *, hub: str | None = "huggingface.co", read: datetime | None = READ) -> dict[str, Any]:
    """Make the fields that every answer begins with."""
    return {"schema": schema, "tool": {"version": "0.1.0"}, "hub": hub, "collected_at": read}


def moment(day: int, hour: int = 9, minute: int = 14) -> datetime:
    """Name a moment in September 2024."""
    return datetime(2024, 9, day, hour, minute, tzinfo=UTC)


def traced(model: str, depth: int, **more: Any) -> TracedModel:
    """Make a model of a trace, readable unless the arguments say otherwise."""
    facts = {"state": "present", "licence": "apache-2.0", "family": "llama", "revision": commit(depth + 1)}
    return TracedModel(id=model, depth=depth, **(facts | more))


def proof(child: str, *, value: str | None = None, supports: bool | None = True, **pointer: Any) -> TracedEvidence:
    """Make one piece of evidence in a card, unless the pointer says otherwise."""
    fields = {"model": child, "revision": commit(1), "file": "README.md", "field": "base_model"} | pointer
    rule = "history.duplicate" if fields["file"] is None else "card.base_model"
    return TracedEvidence(id=f"ev-{child}", rule=rule, supports=supports, value=value, pointer=Pointer(**fields))


def edge(child: str, parent: str, *evidence: TracedEvidence, **more: Any) -> TracedDerivation:
    """Make a declared fine-tune, unless the arguments say otherwise."""
    facts: dict[str, Any] = {
        "relation": "finetune", "relation_declared": None, "method": "unknown", "status": "declared",
        "confidence": None, "parent_revision": None, "child_revision": commit(1),
    }  # fmt: skip
    evidence = evidence or (proof(child, value=parent),)
    return TracedDerivation(child=child, parent=parent, evidence=evidence, **(facts | more))


def measured(child: str, parent: str, status: Status, decided: Deciding, *declared: TracedEvidence) -> TracedDerivation:
    """Make a fine-tune whose weights were compared, with the rule that decided."""
    weights = TracedEvidence(
        id=f"ev-{child}-{parent}", rule=decided.rule, supports=status != "contradicted", value=decided.value,
        pointer=Pointer(model=child, revision=commit(1)), score=decided.score,
    )  # fmt: skip
    return edge(child, parent, *declared, weights, status=status, confidence=0.7, decided_by=decided)


def _beside(root: str, left: str, right: str) -> dict[str, Any]:
    """Relatives, foreign and hidden edges, and what was not measured."""
    return dict(
        related=(
            RelatedPair(a=root, b="other/merge-7b", confidence=0.91),
            RelatedPair(
                a=root, b="other/twin-7b", confidence=None, kind="near_twin", rule="numeric.cosine", score=0.99921
            ),
        ),
        unrelated=(
            UnrelatedPair(
                child=right, parent="shop/rival-7b", status="contradicted",
                decided_by=Deciding(rule="numeric.cosine", score=-0.0049, value=None),
            ),
        ),
        hidden=HiddenEdges(min_status="contradicted", edges=1, models=2),
        unmeasured=(
            Unmeasured(
                child=root, parent=left, reason=f"no values of {left} were sampled",
                command=f"lineage compare {root} {left}",
            ),
            Unmeasured(
                child=root, parent=None, command=f"lineage collect {root} --refresh",
                reason=f"no values of {root} were sampled, so that parents which nothing declares were not sought",
            ),
        ),
    )  # fmt: skip


def trace_up() -> TraceAnswer:
    """A merge of two fine-tunes of one base (a diamond), a gated parent, a contradicted edge, a limit."""
    root, left, right, base = "blend/merge-7b", "lab/chat-7b", "shop/code-7b", "origin/base-7b"
    recipe: dict[str, Any] = {"file": "mergekit_config.yml", "revision": commit(1)}
    return TraceAnswer(
        **header("trace.v1"),
        root=root,
        direction="up",
        models=(
            traced(root, 0, licence=None),
            traced(left, 1),
            traced(right, 1, licence="llama3.1", family=None),
            traced(base, 2),
            traced("origin/gated-base", 2, state="gated", licence="llama3.1", family=None, revision=None),
            traced("gone/teacher", 2, state="missing", licence=None, family=None, revision=None),
        ),
        derivations=(
            edge(root, left, proof(root, field="models[0].model", **recipe), relation="merge", method="slerp"),
            edge(
                root, right, proof(root, field="models[1].model", **recipe), proof(root, value=right),
                relation="merge", method="slerp",
            ),
            edge(left, base, parent_revision=commit(9), status="confirmed", confidence=0.987, method="full"),
            edge(left, "gone/teacher", proof(left, value="teacher")),
            edge(
                right, base, proof(right, file="config.json", field="_name_or_path", supports=False),
                proof(right, value=base), relation_declared="adapter", status="contradicted",
            ),
            edge(right, "origin/gated-base", relation=None, method="duplicate"),
            measured(left, "lab/draft-7b", "inferred", Deciding(rule="family.nearest", score=0.0734, value=None)),
            measured(
                right, "lab/draft-7b", "indirect", Deciding(rule="family.nearer_ancestor", score=0.55, value=None),
                proof(right, value="lab/draft-7b"),
            ),
            measured(
                right, "shop/rival-7b", "contradicted", Deciding(rule="numeric.cosine", score=-0.0049, value=None),
                proof(right, value="shop/rival-7b"),
            ),
        ),
        **_beside(root, left, right),
        unresolvable=(
            Unresolvable(
                model=left, value="/content/drive/base", reason="a local path",
                pointer=Pointer(model=left, revision=commit(2), file="config.json", field="_name_or_path"),
            ),
        ),
        findings=(
            finding(
                "licence-wider-than-ancestor", "cc-by-nc-4.0 does not permit commercial use",
                Pointer(model=right, revision=commit(2), file="README.md", field="license"),
            ),
        ),
        incomplete=(
            Incomplete(model="origin/gated-base", reason="gated"),
            Incomplete(model="gone/teacher", reason="missing", detail="404"),
            Incomplete(model=base, reason="limit"),
        ),
    )  # fmt: skip


def trace_root() -> TraceAnswer:
    """A model without a known parent."""
    return TraceAnswer(
        **header("trace.v1"),
        root="origin/base-7b",
        direction="up",
        models=(traced("origin/base-7b", 0),),
        derivations=(),
    )


def trace_cycle() -> TraceAnswer:
    """Two models that name each other as parent, and one that names itself."""
    return TraceAnswer(
        **header("trace.v1"),
        root="a/one",
        direction="up",
        models=(traced("a/one", 0), traced("b/two", 1)),
        derivations=(edge("a/one", "b/two"), edge("b/two", "a/one"), edge("b/two", "b/two")),
    )


def trace_down() -> TraceAnswer:
    """A base with descendants of several relations, more of them than are shown."""
    base = "origin/base-7b"
    return TraceAnswer(
        **header("trace.v1"),
        root=base,
        direction="down",
        models=(traced(base, 0), traced("lab/chat-7b", 1), traced("q/base-GGUF", 1), traced("lab/chat-lora", 2)),
        derivations=(
            edge("lab/chat-7b", base),
            edge("lab/chat-lora", "lab/chat-7b", relation="adapter", method="lora"),
            edge("q/base-GGUF", base, relation="quantized", method="gguf"),
        ),
        counts={"finetune": 1200, "quantized": 300, "adapter": 51, "none": 2},
        incomplete=(Incomplete(model=base, reason="limit", detail="1,550 descendants are not shown"),),
    )


def trace_paths() -> TraceAnswer:
    """Two paths from a merge to its base."""
    whole = trace_up()
    root, base = whole.root, "origin/base-7b"
    return whole.model_copy(
        update={
            "direction": "paths", "to": base, "paths": ((root, "lab/chat-7b", base), (root, "shop/code-7b", base)),
            "related": (), "unresolvable": (), "findings": (), "incomplete": (),
        }
    )  # fmt: skip


def trace_no_path() -> TraceAnswer:
    """Two models of which neither is known to descend from the other."""
    models = (traced("a/one", 0), traced("b/two", 0))
    return TraceAnswer(**header("trace.v1"), root="a/one", to="b/two", direction="paths", models=models, derivations=())

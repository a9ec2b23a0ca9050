"""Hand-made answers to `compat`: binary and graded tasks, flips, a third model, claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.compat import (
    CheckedClaim,
    ComparedTask,
    CompatAnswer,
    CompatClaimsAnswer,
    Compatible,
    CompatibleTask,
    Flip,
    Interval,
    InvalidRows,
    MeasuredAs,
    QuadrantCounts,
    ResultsSource,
    Unpaired,
)
from lineage_schemas.pointer import Pointer
from lineage_schemas.unchecked import Unchecked
from tests.report.traces import commit, header


def interval(value: float, low: float, high: float) -> Interval:
    """Make an interval."""
    return Interval(value=value, low=low, high=high)


def source(path: str, model: str) -> ResultsSource:
    """Make one side."""
    return ResultsSource(path=path, files=2, rows=226, models=(model,), programs=("lm-eval 0.4.13",))


def binary(**more: Any) -> ComparedTask:
    """Make a task of right and wrong answers."""
    facts: dict[str, Any] = {
        "task": "arc_challenge", "metric": "acc_norm", "filter": "none", "kind": "binary", "higher_is_better": True,
        "n": 210, "unpaired": Unpaired(old=3, new=1, prompt=2, duplicate=1), "invalid": InvalidRows(old=0, new=4),
        "acc_old": 161 / 210, "acc_new": 121 / 210,
        "quadrants": QuadrantCounts(
            both_right=116, gained=5, both_wrong=44, lost=45, both_right_differ=22, both_wrong_differ=32
        ),
        "nfr": interval(45 / 210, 0.1619, 0.2714), "pfr": interval(5 / 210, 0.0048, 0.0476),
        "nfr_mc": interval(77 / 210, 0.3, 0.4333), "unobserved": 32 / 210, "btc": interval(116 / 161, 0.65, 0.788),
        "mean_gain": None, "mean_regression": None, "verdict": "above",
        "flips": (
            Flip(id="c0ffee" * 8, direction="negative", old="a heron", new="a wren", reference="a heron",
                 score_old=1.0, score_new=0.0),
            Flip(id="q-7", direction="positive", old=None, new=None, reference=None, score_old=0.0, score_new=1.0),
        ),
    }  # fmt: skip
    return ComparedTask(**facts | more)


def graded() -> ComparedTask:
    """Make a task of graded scores, lower is better."""
    return binary(
        task="notes", metric="ter", filter="first-line", kind="graded", higher_is_better=False, n=16,
        unpaired=Unpaired(old=0, new=0, prompt=0, duplicate=0), invalid=InvalidRows(old=0, new=0), acc_old=1.8125,
        acc_new=1.625, quadrants=None, nfr=interval(0.0, 0.0, 0.2059), pfr=interval(0.5, 0.25, 0.75), nfr_mc=None,
        unobserved=None, btc=None, mean_gain=0.75, mean_regression=None, verdict="within", flips=(),
    )  # fmt: skip


def empty() -> ComparedTask:
    """Make a task without a pair."""
    return binary(
        task="piqa", n=0, acc_old=None, acc_new=None, quadrants=None, nfr=None, pfr=None, nfr_mc=None, unobserved=None,
        btc=None, verdict="unjudged", flips=(),
    )  # fmt: skip


def compat(**more: Any) -> CompatAnswer:
    """Make a comparison above its limit, with a third model."""
    third = CompatibleTask(
        task="arc_challenge", metric="acc_norm", filter="none", n=208, missing=2, acc=0.6,
        nfr=interval(45 / 208, 0.163, 0.274), nfr_c=interval(0.1, 0.06, 0.14), delta=-0.1163, delta_percent=-53.8,
    )  # fmt: skip
    ungraded = CompatibleTask(
        task="notes", metric="ter", filter="first-line", n=0, missing=16, acc=None, nfr=None, nfr_c=None, delta=None,
        delta_percent=None,
    )  # fmt: skip
    facts: dict[str, Any] = {
        **header("compat.v1"), "hub": None, "collected_at": None, "old": source("results/old", "harbour__heron-1"),
        "new": source("results/new", "harbour__heron-2"), "epsilon": 0.01, "confidence": 0.95, "seed": 0,
        "resamples": 10_000, "tasks": (binary(), graded(), empty()),
        "compatible": Compatible(results=source("results/compatible", "harbour__heron-2c"), tasks=(third, ungraded)),
        "regime": "outside", "regime_reason": "the tokenizer of harbour/heron-2 differs from that of harbour/heron-1",
        "limit": 0.02, "verdict": "above", "notes": ("only results/new has results of boolq acc",),
        "unchecked": (Unchecked(what="piqa acc", reason="no instance could be compared"),),
    }  # fmt: skip
    return CompatAnswer(**facts | more)


def compat_nothing() -> CompatAnswer:
    """Make a comparison of results that have nothing in common."""
    return compat(
        tasks=(), compatible=None, regime="unjudged", regime_reason="the results do not show it", limit=None,
        verdict="unjudged", epsilon=0.0, notes=(),
        unchecked=(Unchecked(what="old and new", reason="they have no task, metric and filter in common"),),
    )  # fmt: skip


def claim(verdict: str, **more: Any) -> CheckedClaim:
    """Make a claim with a verdict."""
    facts: dict[str, Any] = {
        "task": "text-generation", "dataset": "ai2_arc", "config": "ARC-Challenge", "split": "test",
        "metric": "acc_norm", "claimed": 76.7, "compared": 0.767, "measured": interval(0.7667, 0.7095, 0.8238),
        "measured_as": MeasuredAs(task="arc_challenge", metric="acc_norm", filter="none"), "n": 210,
        "verdict": verdict, "reason": None,
        "pointer": Pointer(model="harbour/heron-1", revision=commit(1), file="README.md",
                           field="model-index[0].results[0].metrics[0]"),
    }  # fmt: skip
    return CheckedClaim(**facts | more)


def claims(**more: Any) -> CompatClaimsAnswer:
    """Make a check of claims, one of each verdict."""
    unverified = {"measured": None, "measured_as": None, "n": None, "compared": None}
    facts: dict[str, Any] = {
        **header("compat-claims.v1"), "model": "harbour/heron-1", "revision": commit(1),
        "results": source("results/old", "harbour__heron-1"), "confidence": 0.95, "seed": 0,
        "claims": (
            claim("confirmed"), claim("contradicted", claimed=91.0, compared=0.91),
            claim("unverified", dataset=None, config=None, split=None, reason="it names no data set", **unverified),
            claim("unverified", claimed="=high", reason="its value is not a number", **unverified),
        ),
        "verdict": "contradicted",
        "unchecked": (Unchecked(what=".eval_results/gsm8k.yaml", reason="it is not a list of results"),),
    }  # fmt: skip
    return CompatClaimsAnswer(**facts | more)


COMPATS: dict[str, Callable[[], Answer]] = {
    "compat": compat, "compat-nothing": compat_nothing, "compat-claims": claims,
    "compat-no-claims": lambda: claims(claims=(), unchecked=(), verdict="unverified"),
}  # fmt: skip

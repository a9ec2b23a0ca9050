"""Hand-made answers, one for each case that a renderer must be able to show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from lineage.answers.findings import finding
from lineage.answers.rules import rules
from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.check import (
    ChangeCounts,
    CheckAnswer,
    CheckAnswers,
    CheckedGroup,
    PaperDefinition,
    WeightChange,
)
from lineage_schemas.answers.collect import CollectAnswer, CollectedModel
from lineage_schemas.answers.demo import DemoAnswer
from lineage_schemas.answers.diff import (
    DiffAnswer,
    DiffSide,
    FacetDiff,
    LicenceDiff,
    RenamedTensor,
    TensorsDiff,
    WeightsDiff,
)
from lineage_schemas.answers.finding import Ignored
from lineage_schemas.answers.fingerprint import FingerprintAnswer, FingerprintedGroup
from lineage_schemas.answers.history import (
    ClassifiedCommit,
    CommitsOfLine,
    HistoryAnswer,
    HistoryLine,
    ListedPush,
    PeriodCounts,
)
from lineage_schemas.answers.incomplete import Incomplete
from lineage_schemas.answers.verify import Difference, Match, VerifyAnswer
from lineage_schemas.change import Replacement
from lineage_schemas.cost import Cost
from lineage_schemas.digests import Digests
from lineage_schemas.file import FileEntry
from lineage_schemas.licence import LicenceTerm
from lineage_schemas.pointer import Pointer
from lineage_schemas.tensor import Tensor
from lineage_schemas.unchecked import Unchecked
from lineage_schemas.version_signal import VersionSignal
from tests.report.audits import AUDITS
from tests.report.comparisons import COMPARISONS
from tests.report.compats import COMPATS
from tests.report.facets import facets
from tests.report.impacts import impact, misfit
from tests.report.names import NAMES
from tests.report.stores import STORES
from tests.report.suggestions import suggestion
from tests.report.traces import (
    READ,
    commit,
    header,
    moment,
    trace_cycle,
    trace_down,
    trace_no_path,
    trace_paths,
    trace_root,
    trace_up,
)


def change(first: int, commits: int = 1, **more: Any) -> WeightChange:
    """Make a silent replacement of one file, unless the arguments say otherwise."""
    facts: dict[str, Any] = {
        "revisions": tuple(commit(first + i) for i in range(commits)), "start": moment(first),
        "end": moment(first, 9, 14 if commits == 1 else 50), "kind": "replaced", "verdict": "silent", "counts": True,
        "replacements": (), "signals": (),
        "groups": (CheckedGroup(group="model.safetensors", kind="replaced", files=("model.safetensors",)),),
    }  # fmt: skip
    return WeightChange(**(facts | more))


def check_findings() -> CheckAnswer:
    """All shards replaced silently, then an announced and a documented change, and others that do not count."""
    shards = tuple(f"model-{n:05}-of-00162.safetensors" for n in range(1, 163))
    group = CheckedGroup(group="model.safetensors", kind="replaced", files=shards, note="F32→BF16")
    changes = (
        change(1, kind="first_upload", verdict=None, counts=False),
        change(2, kind="format_added", verdict=None, counts=False),
        change(6, 162, groups=(group,), replacements=(Replacement(path=shards[0], times=3),)),
        change(
            7, kind="retrained", verdict="versioned",
            signals=(VersionSignal(kind="tag", value="v2", revision=commit(7)),),
            groups=(
                CheckedGroup(group="model.safetensors", kind="retrained", files=("model.safetensors",)),
                CheckedGroup(group="model.fp16.safetensors", kind="cast", files=("model.fp16.safetensors",)),
            ),
        ),
        change(
            8, kind="partial", verdict="documented",
            signals=tuple(
                VersionSignal(kind="commit_message", value=f"Retrained the head, part {n}", revision=commit(8))
                for n in range(1, 6)
            ),
        ),
    )  # fmt: skip
    return CheckAnswer(
        **header("check.v1"),
        model="lab/reflection-70b",
        branch="refs/heads/main",
        head=commit(8),
        verdict="findings",
        weight_changes=changes,
        counts=ChangeCounts(after_first_upload=3, versioned=1, documented=1, silent=1),
        paper_definition=PaperDefinition(model_file_changes=327, all_file_changes=360, share=0.9083, not_in_name=327),
        findings=(
            finding(
                "silent-weight-change", "replaced: 162 files",
                Pointer(model="lab/reflection-70b", revision=commit(167), file=shards[0]),
            ),
            finding(
                "rewritten-history", "the history was rewritten",
                Pointer(model="lab/reflection-70b", revision=commit(500)),
            ),
            finding(
                "version-removed", "the tag v1.0 is gone", Pointer(model="lab/reflection-70b", revision=commit(2)),
            ).model_copy(update={"ignored": Ignored(reason="withdrawn on purpose", until=date(2027, 1, 31))}),
        ),
        unchecked=(
            Unchecked(
                what="values of model.safetensors", reason="the bytes were not compared",
                decide_with="lineage check lab/reflection-70b --level full",
            ),
        ),
    )  # fmt: skip


def check_clean() -> CheckAnswer:
    """A model whose weights never changed after the first upload."""
    return CheckAnswer(
        **header("check.v1"),
        model="origin/base-7b",
        branch="refs/heads/main",
        head=commit(3),
        verdict="clean",
        weight_changes=(change(1, kind="first_upload", verdict=None, counts=False),),
        counts=ChangeCounts(after_first_upload=0, versioned=0, documented=0, silent=0),
        paper_definition=PaperDefinition(model_file_changes=1, all_file_changes=9, share=1 / 9, not_in_name=1),
        findings=(),
        unchecked=(),
    )


def check_unchecked() -> CheckAnswer:
    """A model that could not be looked up on the Hub, checked from a tag on."""
    return check_clean().model_copy(
        update={
            "model": "far/away", "verdict": "unchecked", "since": "v1.0", "since_revision": commit(2),
            "weight_changes": (), "paper_definition": PaperDefinition(
                model_file_changes=0, all_file_changes=0, share=None, not_in_name=0
            ),
            "unchecked": (Unchecked(what="refs of far/away", reason="offline", decide_with="lineage check far/away"),),
        }
    )  # fmt: skip


def check_several() -> CheckAnswers:
    """Three checks, one of each verdict."""
    answers = (check_findings(), check_clean(), check_unchecked())
    return CheckAnswers(**header("check-several.v1"), answers=answers)


def history() -> HistoryAnswer:
    """Two branches: one with pushes that touch weights and some that do not, one without weights."""
    whole = check_findings()
    pushes = [
        ListedPush(
            revisions=each.revisions, titles=(f"Upload folder, part {n}",), start=each.start, end=each.end,
            tags=("v2",) if each.kind == "retrained" else (), files_changed=len(each.revisions), change=each,
        )
        for n, each in enumerate(whole.weight_changes)
    ]  # fmt: skip
    readme = ListedPush(
        revisions=(commit(9),), titles=("Update README.md with a title that is too long for one row of the table",),
        start=moment(9), end=moment(9), tags=(), files_changed=1, change=None,
    )  # fmt: skip
    none = ChangeCounts(after_first_upload=0, versioned=0, documented=0, silent=0)
    paper = PaperDefinition(model_file_changes=0, all_file_changes=1, share=0.0, not_in_name=0)
    return HistoryAnswer(
        **header("history.v1"),
        model=whole.model,
        source="git-partial",
        lines=(
            HistoryLine(
                branch="refs/heads/main", default=True, head=commit(9), commits=167, pushes=(*pushes, readme),
                counts=whole.counts, paper_definition=whole.paper_definition,
            ),
            HistoryLine(
                branch="refs/heads/dev", default=False, head=commit(9), commits=1, pushes=(readme,), counts=none,
                paper_definition=paper,
            ),
        ),
        unchecked=(Unchecked(what="README.md at 00000003", reason="its bytes are not in the history"),),
        findings=(misfit("overstated-version", whole.model, "v2"),), notes=("3.0.0 was not judged",),
    )  # fmt: skip


def diff() -> DiffAnswer:
    """Tensors and fields of every kind differ."""
    names = tuple(f"model.layers.{n}.mlp.up_proj.weight" for n in range(8))
    model = "lab/chat-7b"
    at = Pointer(model=model, revision=commit(2), file="config.json", field="vocab_size")
    long = '"' + "{% for message in messages %}" * 8 + '"'
    return DiffAnswer(
        **header("diff.v1"),
        a=DiffSide(model=model, revision=commit(1), group="model.safetensors", digests=Digests(files="files.v1:aa")),
        b=DiffSide(model=model, revision=commit(2), group="model.fp16.safetensors"),
        weights=WeightsDiff(
            kind="partial",
            tensors=TensorsDiff(
                compared="bytes", equal=283, changed=names, added=("lm_head.weight",), removed=("score.weight",),
                renamed=(RenamedTensor(before="wte.weight", after="transformer.wte.weight"),),
            ),
        ),
        facets=(
            FacetDiff(name="config.vocab_size", before="32000", after="32048", pointer=at),
            FacetDiff(name="card.license", before=None, after='"mit"', pointer=at),
            FacetDiff(name="tokenizer.chat_template", before=long, after='"{{ messages }}"', pointer=at),
        ),
        licences=LicenceDiff(
            before="apache-2.0", after="llama3.1", relation="narrower", pointer=at,
            terms=(
                LicenceTerm(term="commercial_use", before="yes", after="conditional", relation="narrower"),
                LicenceTerm(term="user_threshold", before="no", after="700000000", relation="narrower"),
            ),
        ),
        by_facet=facets(),
        unchecked=(Unchecked(what="spiece.model", reason="not there on one side"),),
    )  # fmt: skip


def diff_equal() -> DiffAnswer:
    """Nothing differs, and only the layout was compared."""
    tensors = TensorsDiff(compared="layout", equal=291, changed=(), added=(), removed=(), renamed=())
    update = {
        "weights": WeightsDiff(kind="equal", tensors=tensors),
        "facets": (),
        "by_facet": (),
        "licences": None,
        "unchecked": (),
    }
    return diff().model_copy(update=update)


def fingerprint() -> FingerprintAnswer:
    """A group that was read in full and a pickle that was not."""
    file = FileEntry(path="model.safetensors", size=2_000_000_000, sha256="ab" * 32)
    pickle = FileEntry(path="pytorch_model.bin", size=10, blob_id="cd" * 20)
    tensor = Tensor(name="wte.weight", dtype="BF16", shape=(32000, 4096), file=file.path, digest="ef" * 32)
    return FingerprintAnswer(
        **header("fingerprint.v1", hub=None, read=None),
        target="./chat",
        revision=None,
        level="full",
        cost=Cost(requests=0, bytes_read=2_000_000_000),
        groups=(
            FingerprintedGroup(
                group="model.safetensors", format="safetensors", main=True, files=(file,),
                digests=Digests(
                    files="files.v1:" + "11" * 32, weights="weights.v1:" + "22" * 32,
                    content="content.v1:" + "33" * 32, layout="layout.v1:" + "44" * 32,
                ),
                tensors=(tensor,), tensor_count=1, parameter_count=131_072_000, dtypes={"BF16": 1},
                declares={"format": "pt", "nested": {"a": 1}},
            ),
            FingerprintedGroup(
                group="pytorch_model.bin", format="pickle", main=False, files=(pickle,) * 22,
                digests=Digests(files="files.v1:" + "55" * 32), tensors=None, tensor_count=None,
                parameter_count=None, dtypes=None, flags=("pickle", "known-by-sha256"),
            ),
        ),
        unchecked=(),
    )  # fmt: skip


def fingerprint_nothing() -> FingerprintAnswer:
    """A repository without weights, read over the network."""
    update = {"groups": (), "target": "lab/empty", "revision": commit(1), "cost": Cost(requests=1, local=False)}
    return fingerprint().model_copy(update={**update, "hub": "huggingface.co", "collected_at": READ, "level": "header"})


def verify(verdict: str = "different") -> VerifyAnswer:
    """A folder that was compared with a model, or searched for in the store."""
    against = verdict not in {"known", "not_known"}
    match = Match(model="lab/chat-7b", revision=commit(4), group="model.safetensors", by="weights")
    differences = tuple(
        Difference(what=f"tensor h.{n}.weight", expected="aa" * 32, found=None if n else "bb" * 32) for n in range(22)
    )
    unchecked = (Unchecked(what="model.bin", reason="its sha256 is not known", decide_with="lineage verify . -q"),)
    return VerifyAnswer.model_validate(
        {
            **header("verify.v1"), "path": "./chat", "against": "lab/chat-7b" if against else None,
            "revision": commit(4) if against else None, "verdict": verdict,
            "digests": Digests(files="files.v1:" + "11" * 32, weights="weights.v1:" + "22" * 32),
            "summary": "all 38 tensors differ; dtype F32 → F16/I32" if verdict == "different" else None,
            "matches": (match,) if verdict in {"equal", "reserialised", "known"} else (),
            "differences": differences if verdict == "different" else (),
            "unchecked": unchecked if verdict == "unchecked" else (),
        }
    )  # fmt: skip


def collect() -> CollectAnswer:
    """One model of each outcome, and an ancestor that is gated."""
    return CollectAnswer(
        **header("collect.v1"),
        store="/home/you/lineage.db",
        targets=("lab/chat-7b",),
        models=(
            CollectedModel(
                id="lab/chat-7b", outcome="collected", head=commit(4), level="header", commits=12, changes=3,
                parents=("origin/base-7b", "origin/gated-base"), first_uploads=1,
            ),
            CollectedModel(
                id="origin/base-7b", outcome="unchanged", head=commit(5), level="full", commits=1, changes=1, parents=()
            ),
            CollectedModel(
                id="origin/gated-base", outcome="named", head=None, level=None, commits=None, changes=None, parents=(),
                detail="request access",
            ),
            CollectedModel(
                id="gone/model", outcome="failed", head=None, level=None, commits=None, changes=None, parents=(),
                detail="the model is not on the Hub",
            ),
        ),
        cost=Cost(requests=14, bytes_read=200_123, local=False),
        incomplete=(
            Incomplete(model="origin/gated-base", reason="gated", detail="request access"),
            Incomplete(model="gone/model", reason="missing"),
        ),
    )  # fmt: skip


def demo() -> DemoAnswer:
    """The demo's answers."""
    return DemoAnswer(
        **header("demo.v1"), store="/home/you/demo.db", hub_folder="/pkg/hub", collected=collect(), trace=trace_root(),
        contradicted=trace_root(), check=check_findings(), product_folder="/pkg/product", audit=AUDITS["audit"](),
        next_commands=("lineage trace a/b --down", "lineage history a/b", "lineage diff a/b"),
    )  # fmt: skip


def history_commits() -> HistoryAnswer:
    """The default branch with three classified commits, one of them without a date."""
    whole = history()
    commits = tuple(
        ClassifiedCommit(
            category=category, phase=phase, reason="model.safetensors: weights replaced", weights=weights,
            revision=commit(n), date=date, title=f"Commit {n} with a title that is long enough to be cut in a row",
        )
        for n, (category, phase, weights, date) in enumerate(
            [
                ("Output Data", "Modeling", "replaced", moment(1)), ("Unknown", None, "none", moment(2)),
                ("External Documentation", "Deployment", "none", None),
            ]
        )
    )  # fmt: skip
    counts = PeriodCounts(
        month="2024-09", commits=2, categories={"Output Data": 1, "Unknown": 1}, phases={"Modeling": 1}
    )
    undated = PeriodCounts(month=None, commits=1, categories={"External Documentation": 1}, phases={"Deployment": 1})
    found = CommitsOfLine(
        classified=commits, categories={"Output Data": 1, "External Documentation": 1, "Unknown": 1},
        phases={"Modeling": 1, "Deployment": 1}, over_time=(counts, undated),
    )  # fmt: skip
    return whole.model_copy(update={"lines": (whole.lines[0].model_copy(update={"classified_commits": found}),)})


OTHERS = ("equal", "reserialised", "known", "not_known", "unchecked")


ANSWERS: dict[str, Callable[[], Answer]] = {
    "trace-up": trace_up, "trace-root": trace_root, "trace-cycle": trace_cycle, "trace-down": trace_down,
    "trace-paths": trace_paths, "trace-no-path": trace_no_path, "check-findings": check_findings,
    "check-clean": check_clean, "check-unchecked": check_unchecked, "check-several": check_several,
    "history": history, "diff": diff, "diff-equal": diff_equal, "fingerprint": fingerprint,
    "fingerprint-nothing": fingerprint_nothing, "verify-different": verify,
    **{f"verify-{each.replace('_', '-')}": partial(verify, each) for each in OTHERS},
    "collect": collect, **STORES, **COMPARISONS, **AUDITS,
    "impact": lambda: impact(check_findings().weight_changes[:2]), "impact-none": impact,
    "suggest": suggestion, "rules-level": lambda: rules("SV006"), "demo": demo,
    "history-commits": history_commits, **NAMES,
    **COMPATS, "rules": lambda: rules(None), "rules-one": lambda: rules("moved-tag"),
    "rules-evidence": lambda: rules("card.tag"),
}  # fmt: skip
"""Every answer by name; the files of goldens are called by name and format."""

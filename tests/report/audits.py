"""Audits of products, built by hand."""

from __future__ import annotations

from datetime import date

from lineage_schemas.answers.audit import (
    AuditAnswer,
    AuditedModel,
    AuditedWeights,
    AuditFinding,
    AuditSummary,
    AuditUnchecked,
    Modification,
)
from lineage_schemas.answers.finding import Ignored
from lineage_schemas.left_out import LeftOut
from lineage_schemas.pointer import Pointer
from lineage_schemas.reference import Place, Reference
from tests.report.locks import LOCKS
from tests.report.traces import commit, header

APP = Place(file="app/main.py", line=12, column=40)
COMPOSE = Place(file="compose.yml", line=7, column=16)
CELL = Place(file="try it.ipynb", line=33, column=9, cell=2)


def finding(rule: str, name: str, severity: str, message: str, *places: Place, **more: object) -> AuditFinding:
    """Make a finding about the used model, or about the one that `more` points to."""
    fields = {
        "id": name, "rule": rule, "severity": severity, "stride": "tampering", "message": message,
        "pointer": Pointer(model="lab/chat", revision=commit(2)), "help": f"docs/rules/{rule}.md",
        "fix": "Name the commit.", "places": places, **more,
    }  # fmt: skip
    return AuditFinding.model_validate(fields)


def audit() -> AuditAnswer:
    """A product with findings of each severity, an ignored one, and something unchecked."""
    findings = (
        finding("LA019", "pickle-calls", "error", "loading model.bin would call posix.system", APP, COMPOSE, CELL, APP),
        finding("LA001", "unpinned-model", "warning", f"lab/chat is loaded without a revision; at {commit(2)}", APP),
        finding("LA026", "signature-missing", "info", "lab/chat has no model.sig", APP),
        finding(
            "LA013", "licence-non-commercial", "warning", "lab/base is under cc-by-nc-4.0: commercial use no", APP,
            pointer=Pointer(model="lab/base", revision=commit(1), file="README.md", field="license"), stride=None,
            ignored=Ignored(reason="research only", until=date(2027, 1, 31)),
        ),
    )  # fmt: skip
    models = (
        AuditedModel(
            id="lab/chat", used=True, depth=0, commit=commit(2), state="present", licence="mit",
            weights=(AuditedWeights(group="model.safetensors", format="safetensors", main=True, files="files.v1:00"),),
            modifications=(
                Modification(
                    model="lab/chat", parent="lab/base", relation="finetune", method="full", status="confirmed"
                ),
            ),
        ),
        AuditedModel(id="lab/base", used=False, depth=1, commit=commit(1), state="present", licence="cc-by-nc-4.0"),
    )  # fmt: skip
    unchecked = (
        AuditUnchecked(
            what="os.environ['MODEL']", reason="this loads a model, and the source does not show which one",
            decide_with="name the model under [models] of lineage.toml", places=(COMPOSE,),
        ),
        AuditUnchecked(what="data/big.json", reason="it was not read: it has more than 1 MB"),
    )  # fmt: skip
    return AuditAnswer(
        **header("audit.v1"), product="shop", path="services/shop", verdict="findings",
        references=(Reference(model="lab/chat", grade="certain", file="app/main.py", line=12, column=40),),
        models=models, derivations=(), findings=findings, unchecked=unchecked,
        summary=AuditSummary(
            references=1, used=1, ancestors=1, findings={"error": 1, "warning": 1, "info": 1}, counting=2, ignored=1,
            unchecked=2,
        ),
    )  # fmt: skip


def audit_nothing() -> AuditAnswer:
    """A product that names no model."""
    summary = AuditSummary(
        references=0, used=0, ancestors=0, findings={"error": 0, "warning": 0, "info": 0}, counting=0, ignored=0,
        unchecked=0,
    )  # fmt: skip
    none: dict[str, object] = dict.fromkeys(("references", "models", "derivations", "findings", "unchecked"), ())
    changes = {**none, "verdict": "nothing_to_audit", "summary": summary}
    return audit().model_copy(update=changes)


def audit_many() -> AuditAnswer:
    """A product whose models are mostly missing, offline or not read, in a tree that was not searched as a whole."""
    missing, rows = [], []
    for number in range(25):
        model, places = f"lab/gone-{number:02}", (APP.model_copy(update={"line": number + 1}),)
        why = f"{model} is not on huggingface.co"
        pointer = Pointer(model=model)
        missing.append(
            finding("LA005", "model-missing", "error", f"{model} is missing: {why}", *places, pointer=pointer)
        )
        rows.append(
            AuditUnchecked(
                what=model, reason=f"it is missing: {why}", decide_with=f"lineage collect {model}", places=places
            )
        )
    for number in range(3):
        model = f"lab/late-{number}"
        reason = f"huggingface.co did not send /api/models/{model}"
        decide = f"lineage collect {model}"
        rows.append(AuditUnchecked(what=model, reason=reason, decide_with=decide, places=(COMPOSE,)))
    left_out = (
        LeftOut(path="docs/", reason="excluded"), LeftOut(path="old/", reason="excluded"),
        LeftOut(path=".env", reason="ignored"), LeftOut(path="data/big.json", reason="too_large"),
    )  # fmt: skip
    summary = AuditSummary(
        references=28, used=28, ancestors=0, findings={"error": 25, "warning": 0, "info": 0}, counting=25, ignored=0,
        unchecked=28, left_out={"excluded": 9, "ignored": 1, "too_large": 1},
    )  # fmt: skip
    changes = {"models": (), "findings": tuple(missing), "unchecked": tuple(rows), "summary": summary}
    return audit().model_copy(update={**changes, "left_out": left_out})


AUDITS = {"audit": audit, "audit-many": audit_many, "audit-nothing": audit_nothing, **LOCKS}

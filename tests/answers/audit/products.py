"""Products for tests: a folder with a project file, audited against a directory Hub or one over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lineage.answers.audit.audit import AuditOptions, audit
from lineage.answers.project import read_project
from lineage.answers.session import Session
from lineage_schemas.answers.audit import AuditAnswer

CARD = b"---\nlicense: apache-2.0\n---\n"


def product(folder: Path, settings: str, **files: str) -> Path:
    """Write a product's project file, and further files whose names have `__` for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lineage.toml").write_text(settings, "utf-8")
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    return folder


def audited(folder: Path, options: AuditOptions | None = None, **session: Any) -> AuditAnswer:
    """Audit a product in a session of its own."""
    with Session(project=read_project(start=folder), **session) as opened:
        return audit(opened, folder, options)


def found(answer: AuditAnswer) -> dict[str, list[str]]:
    """List the rules that found something of each model, ignored findings left out."""
    models: dict[str, list[str]] = {}
    for each in answer.findings:
        if each.ignored is None:
            models.setdefault(each.pointer.model, []).append(each.id)
    return models

"""Answers about stores, built by hand."""

from __future__ import annotations

from lineage_schemas.answers.store import (
    Contents,
    StoreCheckAnswer,
    StoreCopyAnswer,
    StoreExportAnswer,
    StoreFinding,
    StoreForgetAnswer,
    StoreImportAnswer,
    StoreInfoAnswer,
    StoreRederiveAnswer,
)
from tests.report.traces import header


def store_info() -> StoreInfoAnswer:
    """A store with a few things in it."""
    return StoreInfoAnswer(
        **header("store-info.v1", hub=None, read=None), url="sqlite:////home/you/lineage.db", backend="sqlite",
        schema_version=1, size_bytes=12_345_678, nodes={"Model": 1234, "Revision": 56}, edges={"DERIVED_FROM": 789},
    )  # fmt: skip


def store_forget() -> StoreForgetAnswer:
    """One deleted model, another of which only the name stays, one that was not in the store."""
    return StoreForgetAnswer(
        **header("store-forget.v1", read=None), store="sqlite:////home/you/lineage.db", forgotten=("a/one", "b/two"),
        kept_as_stub=("b/two",), not_found=("c/three",),
    )  # fmt: skip


def contents() -> Contents:
    """Some rows of each kind, and kinds without rows."""
    return Contents(
        nodes={"Model": 1234, "Ref": 0}, edges={"DERIVED_FROM": 789}, awaited=3, attachments=12,
        digest="sha256:" + "ab" * 32,
    )  # fmt: skip


def store_info_server() -> StoreInfoAnswer:
    """A store on a server, which does not report its size."""
    return StoreInfoAnswer(
        **header("store-info.v1", hub=None, read=None), url="neo4j://graph.example:7687", backend="neo4j",
        schema_version=1, size_bytes=None, nodes={"Model": 5}, edges={"DERIVED_FROM": 4}, server="Neo4j/2026.08.1",
        database="models",
        size_note="Neo4j does not report the size of a database to clients: measure its folder on the server",
    )  # fmt: skip


def store_copy() -> StoreCopyAnswer:
    """A copy that an earlier run started."""
    return StoreCopyAnswer(
        **header("store-copy.v1", hub=None, read=None), source="lineage.db", target="neo4j://localhost:7687",
        written=1000, already_there=1035, contents=contents(),
    )  # fmt: skip


def store_export() -> StoreExportAnswer:
    """An export whose command has several lines."""
    return StoreExportAnswer(
        **header("store-export.v1", hub=None, read=None), store="lineage.db", path="csv", file_format="neo4j-csv",
        files=("csv/model.csv",), contents=contents(),
        command="neo4j-admin database import full neo4j \\\n  --nodes=Model=/home/you/csv/model.csv",
    )  # fmt: skip


def store_import(equal: bool | None) -> StoreImportAnswer:
    """An import into a store that was empty or not."""
    return StoreImportAnswer(
        **header("store-import.v1", hub=None, read=None), store="lineage.db", path="backup.jsonl", contents=contents(),
        equal=equal,
    )  # fmt: skip


def store_rederive(changed: tuple[str, ...] = ("lab/child", "dir-hub-1a2b3c4d:lab/other")) -> StoreRederiveAnswer:
    """Every edge worked out again, of which some differ."""
    return StoreRederiveAnswer(
        **header("store-rederive.v1", hub=None), store="lineage.db", models=1200, derivations=1431, changed=changed
    )


def store_check(*findings: StoreFinding) -> StoreCheckAnswer:
    """A store with findings, of which more dangling edges are counted than listed."""
    counts = {"dangling-edge": 1200, "model-key": 1} if findings else {}
    return StoreCheckAnswer(
        **header("store-check.v1", hub=None, read=None), store="lineage.db", backend="sqlite",
        verdict="findings" if findings else "clean", counts=counts, findings=findings,
    )  # fmt: skip


def store_check_findings() -> StoreCheckAnswer:
    """Two findings of two rules."""
    return store_check(
        StoreFinding(id="dangling-edge", about="a/one@" + "1" * 40, message="its parent a/one@0 is not in the store"),
        StoreFinding(id="model-key", about="b/two", message="its Hub and id give the key b/three"),
    )


STORES = {
    "store-info": store_info, "store-info-server": store_info_server, "store-forget": store_forget,
    "store-copy": store_copy, "store-export": store_export, "store-import": lambda: store_import(True),
    "store-import-beside": lambda: store_import(None), "store-import-different": lambda: store_import(False),
    "store-rederive": store_rederive, "store-rederive-same": lambda: store_rederive(changed=()),
    "store-check-clean": store_check, "store-check-findings": store_check_findings,
}  # fmt: skip

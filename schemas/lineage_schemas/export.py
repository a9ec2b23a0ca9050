"""Export the records as JSON Schemas, and check that the committed ones are up to date.

`python -m lineage_schemas.export` writes `json/*.schema.json`; `--check` only compares and exits 1 on a difference.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

SCHEMAS: dict[str, tuple[str, str]] = {
    "model.v1": ("model", "Model"),
    "publisher.v1": ("model", "Publisher"),
    "ref.v1": ("ref", "Ref"),
    "revision.v1": ("revision", "Revision"),
    "history-of-commits.v1": ("history", "History"),
    "snapshot.v1": ("snapshot", "Snapshot"),
    "file.v1": ("file", "FileEntry"),
    "weight-group.v1": ("weight_group", "WeightGroup"),
    "weights.v1": ("weights", "Weights"),
    "tensor.v1": ("tensor", "Tensor"),
    "push.v1": ("push", "Push"),
    "change.v1": ("change", "Change"),
    "version-signal.v1": ("version_signal", "VersionSignal"),
    "evidence.v1": ("evidence", "Evidence"),
    "derivation.v1": ("derivation", "Derivation"),
    "weights-keys.v1": ("match_key", "WeightsKeys"),
    "relatedness.v1": ("relatedness", "Relatedness"),
    "next-version.v1": ("next_version", "NextVersion"),
    "product.v1": ("product", "Product"),
    "use.v1": ("product", "Use"),
    "reference.v1": ("reference", "Reference"),
    "graph-batch.v1": ("graph_batch", "GraphBatch"),
    "lock-file.v1": ("lock", "Lock"),
    "project-file.v1": ("project_file", "ProjectFile"),
    "collect.v1": ("answers.collect", "CollectAnswer"),
    "trace.v1": ("answers.trace", "TraceAnswer"),
    "impact.v1": ("answers.impact", "ImpactAnswer"),
    "history.v1": ("answers.history", "HistoryAnswer"),
    "check.v1": ("answers.check", "CheckAnswer"),
    "check-several.v1": ("answers.check", "CheckAnswers"),
    "audit.v1": ("answers.audit", "AuditAnswer"),
    "diff.v1": ("answers.diff", "DiffAnswer"),
    "suggest.v1": ("answers.suggest", "SuggestAnswer"),
    "lineage-card.v1": ("card_block", "CardBlock"),
    "compare.v1": ("answers.compare", "CompareAnswer"),
    "fingerprint.v1": ("answers.fingerprint", "FingerprintAnswer"),
    "verify.v1": ("answers.verify", "VerifyAnswer"),
    "store-info.v1": ("answers.store", "StoreInfoAnswer"),
    "store-forget.v1": ("answers.store", "StoreForgetAnswer"),
    "store-copy.v1": ("answers.store", "StoreCopyAnswer"),
    "store-export.v1": ("answers.store", "StoreExportAnswer"),
    "store-import.v1": ("answers.store", "StoreImportAnswer"),
    "store-rederive.v1": ("answers.store", "StoreRederiveAnswer"),
    "store-check.v1": ("answers.store", "StoreCheckAnswer"),
    "lock.v1": ("answers.lock", "LockAnswer"),
    "rules.v1": ("answers.rules", "RulesAnswer"),
    "names.v1": ("answers.name", "NamesAnswer"),
    "demo.v1": ("answers.demo", "DemoAnswer"),
    "compat.v1": ("answers.compat", "CompatAnswer"),
    "compat-claims.v1": ("answers.compat", "CompatClaimsAnswer"),
}
"""Schema id to module and record. A released id keeps its meaning; a changed record gets a new one."""

WRITTEN_BY_PEOPLE = {"project-file.v1", "lineage-card.v1", "lock-file.v1"}
"""Files whose schema is about what lineage reads: nothing with a default is required."""

FOLDER = Path(__file__).parent / "json"


def json_schema(schema_id: str) -> dict[str, Any]:
    """Make the JSON Schema (draft 2020-12) of one record, as it is written to JSON, or by people."""
    module, name = SCHEMAS[schema_id]
    record = getattr(import_module(f"lineage_schemas.{module}"), name)
    mode: Literal["validation", "serialization"] = "validation" if schema_id in WRITTEN_BY_PEOPLE else "serialization"
    schema: dict[str, Any] = record.model_json_schema(mode=mode, by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": schema_id, **schema}


def text_of(schema_id: str) -> str:
    """Write one schema as it is committed."""
    return json.dumps(json_schema(schema_id), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def stale() -> list[str]:
    """List the ids whose committed schema is missing or differs from its record."""
    paths = {i: FOLDER / f"{i}.schema.json" for i in SCHEMAS}
    return [i for i, path in paths.items() if not path.exists() or path.read_text("utf-8") != text_of(i)]


def main(arguments: list[str]) -> int:
    """Write the schemas, or with `--check` list those that are out of date."""
    if "--check" in arguments:
        for schema_id in stale():
            sys.stderr.write(f"stale: {schema_id} (python -m lineage_schemas.export writes it)\n")
        return 1 if stale() else 0
    FOLDER.mkdir(exist_ok=True)
    for schema_id in SCHEMAS:
        (FOLDER / f"{schema_id}.schema.json").write_text(text_of(schema_id), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""The exported JSON Schemas: up to date, valid, one for each answer."""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module
from pathlib import Path

import jsonschema
import pydantic
import pytest

import lineage_schemas
from lineage_schemas import export
from lineage_schemas.answers.answer import Answer
from lineage_schemas.record import Record

pytestmark = pytest.mark.slow


def subclasses(kind: type[Record]) -> set[type[Record]]:
    """List all direct and indirect subclasses of `kind` in the package."""
    for module in pkgutil.iter_modules(lineage_schemas.__path__):
        import_module(f"lineage_schemas.{module.name}")
    return {s for direct in kind.__subclasses__() for s in {direct, *subclasses(direct)}}


def record_of(schema_id: str) -> type[Record]:
    module, name = export.SCHEMAS[schema_id]
    record: type[Record] = getattr(import_module(f"lineage_schemas.{module}"), name)
    return record


def test_the_committed_schemas_are_fresh() -> None:
    """The committed schemas equal the records; `python -m lineage_schemas.export` writes them."""
    assert export.stale() == []
    assert {path.name for path in export.FOLDER.iterdir()} == {f"{i}.schema.json" for i in export.SCHEMAS}


@pytest.mark.parametrize("schema_id", export.SCHEMAS)
def test_every_schema_is_valid(schema_id: str) -> None:
    """Each is valid under draft 2020-12, has its own id, and rejects unknown fields unless it is a card's block."""
    schema = json.loads((export.FOLDER / f"{schema_id}.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == schema_id
    assert schema.get("additionalProperties", True) is (schema_id == "lineage-card.v1")


def test_every_answer_has_a_schema() -> None:
    """Every kind of answer has an exported schema, so that programs can rely on it."""
    assert subclasses(Answer) == {r for r in map(record_of, export.SCHEMAS) if issubclass(r, Answer)}


def test_every_record_is_frozen_and_rejects_unknown_fields() -> None:
    """Every record, exported or nested, keeps the configuration of the base record."""
    records = subclasses(Record)
    assert len(records) > 40
    # Other programs and later versions may write more into a card's block than this version knows.
    records = {record for record in records if record.__name__ != "CardBlock"}
    loose = [r.__name__ for r in records if not r.model_config.get("frozen") or r.model_config.get("extra") != "forbid"]
    assert loose == []
    tool = import_module("lineage_schemas.answers.answer").Tool(version="1")
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        tool.version = "2"
    with pytest.raises(pydantic.ValidationError, match="extra_forbidden"):
        type(tool)(version="1", colour="red")


def test_an_answer_written_by_alias_validates() -> None:
    """A record that is written with `by_alias` is valid under the schema, and is read back as the same record."""
    record = record_of("store-forget.v1")
    answer = record.model_validate(
        {
            "schema": "store-forget.v1",
            "tool": {"version": "1"},
            "hub": None,
            "collected_at": None,
            "store": "memory:",
            "forgotten": ["a/b"],
            "kept_as_stub": [],
            "not_found": [],
        }
    )
    text = answer.model_dump_json(by_alias=True)
    jsonschema.validate(json.loads(text), export.json_schema("store-forget.v1"))
    assert record.model_validate_json(text) == answer


def test_a_changed_record_is_stale_until_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check fails on a missing and on an outdated schema, names them, and passes after writing."""
    monkeypatch.setattr(export, "FOLDER", tmp_path / "json")
    assert export.main(["--check"]) == 1
    assert capsys.readouterr().err.count("stale: ") == len(export.SCHEMAS)
    assert export.main([]) == 0
    assert export.main(["--check"]) == 0
    (tmp_path / "json" / "ref.v1.schema.json").write_text("{}\n")
    assert export.main(["--check"]) == 1
    assert "stale: ref.v1 " in capsys.readouterr().err

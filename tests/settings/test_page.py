"""The page of the project file: its example is read, and it names every key."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from lineage.answers.project import read_project
from lineage_cli.main import main
from lineage_schemas.export import json_schema
from lineage_schemas.project_file import ProjectFile
from tests.support.shared import ROOT

PAGE = (ROOT / "docs/reference/project-file.md").read_text("utf-8")

SCHEMA = json_schema("project-file.v1")


def example() -> str:
    """Return the whole example of the page."""
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    return str(text)


def keys(schema: Mapping[str, Any]) -> set[str]:
    """List the keys of all tables of the schema."""
    return {key for table in (schema, *schema["$defs"].values()) for key in table.get("properties", {})}


def test_the_example_is_read(tmp_path: Path) -> None:
    """The example of the page is a project file that uses every table."""
    (tmp_path / "lineage.toml").write_text(example())
    project = read_project(start=tmp_path)
    assert project is not None
    assert project.file.model_fields_set == set(ProjectFile.model_fields)


def test_the_example_is_valid_under_the_schema() -> None:
    """The exported schema accepts the example, as an editor reads it, and rejects a misspelt key."""
    data = json.loads(json.dumps(tomllib.loads(example()), default=str))
    jsonschema.validate(data, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data | {"rulez": {}}, SCHEMA)


def test_every_key_is_on_the_page() -> None:
    """The example or a table of the page has every key that a file may have."""
    assert {
        key for key in keys(SCHEMA) if f"`{key}`" not in PAGE and not re.search(rf"^\W*{key}\W", example(), re.M)
    } == set()


def test_the_error_of_the_page_is_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error that the page shows is that of a file with this mistake."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/typo.toml").write_text("# ours\n[rules]\nmoved-tags = 'info'\n")
    done = CliRunner().invoke(main, ["check", "--config", "examples/typo.toml"])
    (shown,) = re.findall(r"^```console\n\$ [^\n]*\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert done.stderr == shown

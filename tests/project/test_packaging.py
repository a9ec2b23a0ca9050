"""The wheel and the sdist."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from lineage import __version__
from lineage_schemas.export import SCHEMAS
from tests.support.shared import ROOT

pytestmark = pytest.mark.slow


def build(source: Path, kind: str, target: Path) -> Path:
    """Build with the backend itself: no network, no isolation."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())


def text_in(wheel: Path, pattern: str) -> str:
    (name,) = [n for n in names_in(wheel) if re.fullmatch(pattern, n)]
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name).decode()


def test_the_wheel_puts_three_names_into_site_packages(wheel: Path) -> None:
    """The wheel installs only our three packages, because other names could clash with other projects."""
    top = {name.split("/")[0] for name in names_in(wheel)}
    assert {name for name in top if not name.endswith(".dist-info")} == {"lineage", "lineage_cli", "lineage_schemas"}
    assert len(top) == 4


def test_the_wheel_contains_what_it_needs_without_the_repository(wheel: Path) -> None:
    """Schemas, types, old names and the demo's Hub are package data, because an installed wheel has nothing else."""
    names = set(names_in(wheel))
    assert {f"lineage_schemas/json/{schema_id}.schema.json" for schema_id in SCHEMAS} <= names
    assert {"lineage/py.typed", "lineage_cli/py.typed", "lineage_schemas/py.typed"} <= names
    carried = {path for path in (ROOT / "lineage/demo_data").rglob("*") if path.is_file()}
    assert {path.relative_to(ROOT).as_posix() for path in carried} <= names
    assert {"lineage/hub/legacy_names.csv", "lineage/licences/licences.csv", "lineage/licences/exceptions.csv"} <= names
    assert sum(path.stat().st_size for path in carried) <= 12_000_000


def test_the_wheel_has_its_metadata(wheel: Path) -> None:
    """Name, version, licence and command are those in the documents."""
    metadata = text_in(wheel, r".*\.dist-info/METADATA")
    assert f"\nName: model-lineage\nVersion: {__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "lineage = lineage_cli.start:main" in text_in(wheel, r".*\.dist-info/entry_points\.txt")
    assert "Apache License" in text_in(wheel, r".*\.dist-info/licenses/LICENSE")


def test_the_wheel_holds_no_tests_and_no_rubbish(wheel: Path) -> None:
    """The wheel contains no caches, databases and tests."""
    unwanted = re.compile(r"__pycache__|\.pyc$|\.db|(^|/)tests?/|uv\.lock|\.venv")
    assert [name for name in names_in(wheel) if unwanted.search(name)] == []


def test_the_sdist_builds_the_same_wheel_and_holds_the_tests(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    """A build from the sdist gives the same files, and the sdist contains the tests."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    for name in ["pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md", "tests/project/test_packaging.py"]:
        assert (source / name).is_file(), name
    assert not (source / "uv.lock").exists()
    assert names_in(build(source, "wheel", tmp_path / "built")) == names_in(wheel)


def test_the_module_runs_like_the_command(tmp_path: Path) -> None:
    """`python -m lineage` works if the scripts folder is not on PATH."""
    command = [sys.executable, "-m", "lineage", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: ")

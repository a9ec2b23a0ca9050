"""Which store a URL names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lineage.errors import InputError, StoreError
from lineage.store.memory import MemoryStore
from lineage.store.open import is_same_store, open_store
from lineage.store.sqlite.store import SqliteStore
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import FAMILY, model


def test_urls_and_bare_paths_name_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes begin a relative path, four an absolute one; a bare path is taken as it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for url, path in (
        ("sqlite:///a/b.db", Path("a/b.db")),
        (f"sqlite:///{tmp_path}/b.db", tmp_path / "b.db"),
        ("a b#?%.db", Path("a b#?%.db")),
        ("~/b.db", tmp_path / "home/b.db"),
    ):
        store = open_store(url)
        assert isinstance(store, SqliteStore)
        assert (store.path, store.url) == (path, url)


def test_odd_names_of_files_are_taken_as_they_are(tmp_path: Path) -> None:
    """Characters with a meaning in URLs have none in a path."""
    with open_store(str(tmp_path / "a b#?%20&mode=ro.db")) as store:
        store.write(FAMILY)
    assert [path.name for path in tmp_path.iterdir()] == ["a b#?%20&mode=ro.db"]


def test_memory_is_a_store_too() -> None:
    """Each `memory:` is a new store."""
    first, second = open_store("memory:"), open_store("memory:")
    assert isinstance(first, MemoryStore)
    first.write(GraphBatch(models=(model("a/b"),)))
    assert second.info().nodes["Model"] == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a.db", "./a.db", True),
        ("a.db", "sqlite:///a.db", True),
        ("a.db", "b.db", False),
        ("neo4j://host", "bolt://HOST:7687/neo4j", True),
        ("neo4j://host/one", "neo4j://host/two", False),
        ("neo4j://host:7687", "neo4j://host:7688", False),
        ("neo4j://host", "host", False),
    ],
)
def test_two_spellings_of_one_store_are_the_same(one: str, other: str, same: bool) -> None:
    """Paths are compared as files, URLs of a server by host, port and database; no server is asked."""
    assert is_same_store(one, other) is same
    assert is_same_store(other, one) is same


@pytest.mark.parametrize(
    "url",
    ["postgres://host/db", "http://host", "neo4js://host", "sqlite://", "sqlite://host/x", "sqlite:///", "", "a\0b"],
)
def test_what_names_no_store_is_refused(url: str) -> None:
    """An unknown scheme, and a URL without a file, are errors of input."""
    with pytest.raises(InputError):
        open_store(url)


@pytest.mark.parametrize(
    "url",
    ["neo4j:localhost:7687", "bolt:/localhost", "NEO4J+S:h", " neo4j://h", "neo4j ://h", "sqlite:a.db", "memory:x"],
)
def test_a_scheme_without_its_slashes_is_no_file(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped URL makes no file of its name; a path with ./ does."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is not a valid URL") as caught:
        open_store(url)
    assert "neo4j://host" in (caught.value.hint or "")
    with open_store("./neo4j:odd.db") as store:
        store.write(FAMILY)
    assert [path.name for path in tmp_path.iterdir()] == ["neo4j:odd.db"]


def test_folders_grow_for_the_default_store_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first write makes the default store's folder; another store's folder must exist."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    from lineage.settings.environment import Settings

    default = Path(Settings.from_environment({}).store)
    assert default.is_relative_to(tmp_path)
    with open_store(str(default)) as store:
        assert store.info().nodes["Model"] == 0
        assert not default.parent.exists()
        store.write(FAMILY)
    assert default.is_file()
    with (
        open_store(str(tmp_path / "typo/graph.db")) as other,
        pytest.raises(StoreError, match="not exist") as caught,
    ):
        other.write(FAMILY)
    assert caught.value.hint == f"make it: mkdir -p {tmp_path / 'typo'}"
    assert not (tmp_path / "typo").exists()


def test_reading_imports_little(tmp_path: Path) -> None:
    """A walk over a stored graph imports no records, no graph library, and nothing for writing."""
    with open_store(str(tmp_path / "graph.db")) as store:
        store.write(FAMILY)
    code = (
        "import sys\nfrom lineage.store.open import open_store\nfrom lineage.query.walk import ancestors\n"
        f"with open_store({str(tmp_path / 'graph.db')!r}) as store, store.reading() as view:\n"
        "    print(len(ancestors(view, 'you/merged').edges))\n"
        "print(sorted({'pydantic', 'networkx', 'numpy', 'neo4j', 'lineage.store.codec'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["3", "[]", ""]

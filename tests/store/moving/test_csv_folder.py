"""The folder of a CSV export: foreign files stay, and an earlier export is kept until the new one is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lineage.errors import InputError
from lineage.progress import Progress, Task
from lineage.store.memory import MemoryStore
from lineage.store.moving import csv_folder
from lineage.store.moving.neo4j_csv import write_csv
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import AWAITING, FAMILY, model


@pytest.fixture
def source() -> MemoryStore:
    """Fill a store, with awaited edges."""
    store = MemoryStore()
    store.write(FAMILY)
    store.write(AWAITING)
    return store


def export(store: MemoryStore, folder: Path, progress: Progress | None = None) -> tuple[str, ...]:
    """Write a store into a folder; return the names of the files in the answer."""
    with store.reading() as view:
        return tuple(Path(path).name for path in write_csv(view, folder, progress or Progress()).files)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_an_earlier_export_is_replaced(source: MemoryStore, tmp_path: Path) -> None:
    """All files of the earlier export are replaced or removed; the folder itself is kept."""
    source.write(GraphBatch(models=(model("org/odd", tags=("",)),)))
    folder = tmp_path / "csv"
    folder.mkdir(mode=0o750)
    before = folder.stat()
    first = export(source, folder)
    (folder / "model-7.csv").write_bytes((folder / "model.csv").read_bytes())
    assert sorted(contents(folder)) == sorted((*first, "model-7.csv"))
    assert sorted(export(source, folder)) == sorted(contents(folder)) == sorted(first)
    assert (before.st_ino, before.st_dev) == (folder.stat().st_ino, folder.stat().st_dev)
    assert folder.stat().st_mode == before.st_mode


OTHERS = {
    "a table of one's own": ("model.csv", b"name,year\nT,1908\n", False),
    "a table for neo4j-admin": ("model.csv", b"key:ID(Model),year:long\nT,1908\n", False),
    "a thesis": ("text-of-my-thesis.csv", b"page,words\n", True),
    "a table beside an export": ("person.csv", b"key:ID(Person)\nme\n", True),
    "a table in the place of ours": ("model-2.csv", b"name,year\nT,1908\n", True),
    "something else": ("thesis.docx", b"x", True),
    "another store": ("lineagestore.csv", b"name,town\nx,y\n", False),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_not_ours_is_left_alone(source: MemoryStore, tmp_path: Path, case: str) -> None:
    """A folder with a file that is not an export's, by name or content, is refused and not touched."""
    name, content, beside_an_export = OTHERS[case]
    folder = tmp_path / "csv"
    if beside_an_export:
        export(source, folder)
    else:
        folder.mkdir()
    (folder / name).write_bytes(content)
    before = contents(folder)
    with pytest.raises(InputError, match=rf"is not empty: it holds {name}"):
        export(source, folder)
    assert contents(folder) == before


def test_a_folder_in_the_place_of_a_file_is_not_ours(source: MemoryStore, tmp_path: Path) -> None:
    """A folder with the name of an export's file is refused and not touched."""
    (tmp_path / "csv/model.csv").mkdir(parents=True)
    with pytest.raises(InputError, match=r"it holds model\.csv"):
        export(source, tmp_path / "csv")


class Failing(Progress):
    """Stop an export after some rows."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Fail at the tenth row."""
        yield _Failing(self._error)


class _Failing(Task):
    def __init__(self, error: BaseException) -> None:
        self._error, self._left = error, 10

    def advance(self, amount: int = 1) -> None:
        """Count down."""
        self._left -= amount
        if not self._left:
            raise self._error


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "Ctrl-C"])
def test_an_export_that_fails_leaves_the_earlier_one(source: MemoryStore, tmp_path: Path, error: BaseException) -> None:
    """On a full disk, or when stopped, the earlier export is unchanged, and nothing is left beside it."""
    folder = tmp_path / "csv"
    export(source, folder)
    before = contents(folder)
    source.write(GraphBatch(models=(model("late/comer"),)))
    kind = InputError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(kind, match="No space left" if kind is InputError else None):
        export(source, folder, Failing(error))
    assert contents(folder) == before
    export(source, folder)
    assert b"late/comer" in contents(folder)["model.csv"]


@pytest.mark.parametrize("moves", [0, 3])
def test_an_export_that_was_killed_is_followed_by_another(
    source: MemoryStore, tmp_path: Path, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files that a killed export left, at any point, are removed by the next one."""
    folder = tmp_path / "csv"
    files = sorted(export(source, folder))
    left = [moves]
    replace = Path.replace

    def dying(path: Path, target: Path) -> Path:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", dying)
        patched.setattr(csv_folder, "_remove", lambda part: None)
        with pytest.raises(KeyboardInterrupt):
            export(source, folder)
    there = sorted(path.name for path in folder.iterdir())
    assert there == [csv_folder.PART, *files[:moves]], "no mixture of both is taken for an export"
    assert sorted(export(source, folder)) == files == sorted(contents(folder))


def test_a_path_that_cannot_be_imported_is_refused(source: MemoryStore, tmp_path: Path) -> None:
    """A path with a comma, which neo4j-admin cannot read, is refused before a row is read."""
    for folder in (tmp_path / "a,b", tmp_path / "a,b/csv"):
        with pytest.raises(InputError, match="a comma in its path"):
            export(source, folder)
    assert list(tmp_path.iterdir()) == []

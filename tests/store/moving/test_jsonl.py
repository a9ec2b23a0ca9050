"""The dump of JSON lines: stable, complete or refused, readable in every later version."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lineage.errors import InputError
from lineage.store.interface import GraphStore
from lineage.store.memory import MemoryStore
from lineage.store.moving.jsonl import VERSION, read_jsonl, write_jsonl
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.dump import brought_up, dump
from tests.support.graphs import AWAITING, FAMILY, FULL_FAMILY, model, revision
from tests.support.shared import ROOT

OLD = ROOT / "tests/data/dumps"


def exported(store: GraphStore) -> bytes:
    """Write a store as a file."""
    file = io.BytesIO()
    with store.reading() as view:
        write_jsonl(view, file)
    return file.getvalue()


def imported(text: bytes, store: GraphStore | None = None) -> GraphStore:
    """Read a file into a store."""
    store = store or MemoryStore()
    read_jsonl(store, io.BytesIO(text), "dump.jsonl")
    return store


def lines(store: GraphStore) -> list[str]:
    """Dump a store with times of reading."""
    with store.reading() as view:
        return list(dump(view, clocks=True))


@pytest.fixture
def family() -> MemoryStore:
    """Fill a store with a small family; one name needs escapes."""
    store = MemoryStore()
    store.write(FAMILY)
    store.write(GraphBatch(models=(model("org/näme", licence_name='a "quoted"\nline \u2028 end'),)))
    return store


def test_a_dump_comes_back_whole(family: MemoryStore, tmp_path: Path) -> None:
    """An import into another backend gives the exported graph, times of reading included."""
    family.write(FULL_FAMILY)
    with open_store(str(tmp_path / "graph.db")) as store:
        imported(exported(family), store)
        assert lines(store) == lines(family)
        assert exported(store) == exported(family)


def test_a_dump_says_what_it_is(family: MemoryStore) -> None:
    """The first line has format, version and counts, the last one the digests, every other one row."""
    first, *rows, last = map(json.loads, exported(family).splitlines())
    assert (first["format"], first["version"], first["schema_version"]) == ("lineage-graph", 3, 2)
    assert (first["nodes"]["Model"], first["edges"]["DERIVED_FROM"]) == (4, 3)
    assert [json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":")) for row in rows] == lines(family)
    assert set(last) == {"end"}


def test_one_more_model_is_one_more_line(family: MemoryStore) -> None:
    """Dumps can be compared line by line: unchanged rows have the same text in the same order."""
    before = exported(family).splitlines()
    family.write(GraphBatch(models=(model("org/next"),)))
    after = exported(family).splitlines()
    added = [line for line in after[1:-1] if line not in before]
    assert [json.loads(line)["key"] for line in added] == ["org/next"]
    assert [line for line in after[1:-1] if line in before] == before[1:-1]


def test_the_same_file_twice_changes_nothing(family: MemoryStore) -> None:
    """An import is idempotent."""
    store = imported(exported(family))
    assert lines(imported(exported(family), store)) == lines(family)


def test_an_import_meets_what_is_there(family: MemoryStore) -> None:
    """An import keeps the rows that the store had before."""
    store = MemoryStore()
    store.write(GraphBatch(models=(model("some/other"),)))
    imported(exported(family), store)
    with store.reading() as view:
        assert view.count("Model") == 5


def replace_line(number: int, text: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """Replace one line, counted from one."""
    return lambda found: [*found[: number - 1], text, *found[number:]]


BROKEN: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "empty": (lambda found: [], "line 1: not a dump of lineage"),
    "other file": (replace_line(1, b'{"name": "x"}'), "line 1: not a dump of lineage"),
    "newer form": (replace_line(1, b'{"format":"lineage-graph","version":4,"schema_version":1}'), "newer version"),
    "newer schema": (replace_line(1, b'{"format":"lineage-graph","version":1,"schema_version":99}'), "newer version"),
    "no version": (replace_line(1, b'{"format":"lineage-graph"}'), "line 1: version is missing"),
    "no counts": (
        replace_line(1, b'{"format":"lineage-graph","version":1,"schema_version":1}'),
        "line 1: nodes does",
    ),
    "no JSON": (replace_line(4, b"{oops"), "line 4: not valid JSON"),
    "deep JSON": (replace_line(4, b"[" * 100_000), "line 4: not valid JSON"),
    "no text": (replace_line(4, b"\xff\xfe"), "line 4: not valid JSON"),
    "blank line": (replace_line(4, b""), "line 4: not valid JSON"),
    "no object": (replace_line(4, b"[]"), "line 4: not a JSON object"),
    "unknown thing": (replace_line(4, b"{}"), "line 4: neither a node nor an edge nor an attachment"),
    "unknown node": (replace_line(4, b'{"node":"Dragon","key":"x","properties":{}}'), "line 4: unknown kind of node"),
    "no key": (replace_line(4, b'{"node":"Model","properties":{}}'), "line 4: a node needs a key"),
    "unknown edge": (replace_line(4, b'{"edge":["x"]}'), "line 4: unknown kind of edge"),
    "no target": (
        replace_line(4, b'{"edge":"CONTAINS","source":"a","name":"","properties":{}}'),
        "line 4: an edge needs",
    ),
    "unknown bytes": (
        replace_line(4, b'{"attachment":"virus","key":"a","data":""}'),
        "line 4: unknown kind of",
    ),
    "no base64": (replace_line(4, b'{"attachment":"text","key":"a","data":"?"}'), "line 4: the data"),
    "gzip": (lambda found: [gzip.compress(b"x")], "line 1: not a dump"),
    "binary": (lambda found: [bytes(range(255)).replace(b"\n", b"") * 4_000], "line 1: not a dump"),
    "cut in a line": (lambda found: [*found[:10], found[10][:9]], "line 11: the file is cut off"),
    "awaited end": (
        replace_line(4, b'{"awaited":"CONTAINS","source":1,"target":"a","name":"","properties":{}}'),
        "line 4: an edge",
    ),
    "unknown awaited": (replace_line(4, b'{"awaited":"EATS"}'), "line 4: unknown kind of edge"),
    "cut": (lambda found: found[:10], "line 11: the file is cut off"),
    "one line less": (lambda found: [*found[:3], *found[4:]], "line 1 counts"),
    "changed line": (
        lambda found: [*found[:1], found[1].replace(b"silent", b"versioned"), *found[2:]],
        "digest differs",
    ),
    "something behind": (lambda found: [*found, b"more"], "there is text after the last line"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_whole(family: MemoryStore, case: str) -> None:
    """A damaged file is an error that names the line, and nothing of it is written."""
    change, words = BROKEN[case]
    text = b"\n".join(change(exported(family).split(b"\n")[:-1]))
    if case not in {"cut in a line", "empty"}:
        text += b"\n"
    store = MemoryStore()
    with pytest.raises(InputError, match=words) as caught:
        imported(text, store)
    assert caught.value.message.startswith("dump.jsonl line ")
    assert lines(store) == []


def test_a_released_dump_is_readable() -> None:
    """A file of every released version is readable and holds its rows, with the fields that later schemas added."""

    def rows(text: bytes) -> list[str]:
        return text.decode("utf-8").splitlines()[1:-1]

    found = sorted(OLD.glob("*.jsonl"))
    assert [path.stem for path in found] == [f"v{number}" for number in range(1, VERSION + 1)]
    for path in found:
        store = imported(path.read_bytes())
        schema = json.loads(path.read_bytes().splitlines()[0])["schema_version"]
        assert rows(exported(store)) == [brought_up(row, schema) for row in rows(path.read_bytes())]
        with store.reading() as view:
            assert view.nodes("Model", ["org/base"])["org/base"]["licence"] == "mit"
    assert exported(store) == path.read_bytes(), "the newest is written as it was"


def test_a_dump_holds_what_is_awaited(family: MemoryStore, tmp_path: Path) -> None:
    """An awaited edge is in the backup, and appears when its end is written after the import."""
    family.write(AWAITING)
    text = exported(family)
    with open_store(str(tmp_path / "graph.db")) as store:
        imported(text, store)
        assert exported(store) == text
        for each in (family, store):
            each.write(GraphBatch(revisions=(revision("org/base", "b0"),)))
        assert exported(store) == exported(family)
        with store.reading() as view:
            assert view.neighbours("HAS_PARENT", ["org/base@b0"], "in") == [("org/base@c0", "org/base@b0")]

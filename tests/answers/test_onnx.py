"""What `fingerprint`, `verify` and `diff` say of ONNX models whose tensors lie in other files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.collect import collect
from lineage.answers.diff import diff
from lineage.answers.fingerprint import fingerprint
from lineage.answers.session import Session
from lineage.answers.verify import verify
from tests.support.onnx_files import model, tensor

DATA = "160ea76f-918f-11f1-8428-cc15316249d1.data"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open a session on a directory Hub of two models with one graph file and other weights."""
    for name, seed in (("a", 1), ("b", 2)):
        write(tmp_path / "hub" / "org" / name, seed)
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as opened:
        yield opened


def write(folder: Path, seed: int, graph: bytes | None = None) -> Path:
    """Write a model whose tensors lie in a file with a name that says nothing."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph or model([tensor("w", location=DATA)]))
    (folder / DATA).write_bytes(bytes([seed]) * 5_000)
    return folder


def test_a_graph_file_is_not_the_weights(session: Session, tmp_path: Path) -> None:
    """One graph file with other data is another model, for `verify` with and without a model and for `diff`."""
    mine, same = write(tmp_path / "mine", 3), write(tmp_path / "same", 1)
    assert verify(session, str(mine), against="org/a").verdict == "different"
    assert verify(session, str(same), against="org/a").verdict == "equal"
    assert diff(session, "org/a", "org/b").weights.kind == "replaced"
    collect(session, ["org/a"])
    assert verify(session, str(mine)).verdict == "not_known"
    assert [match.model for match in verify(session, str(same)).matches] == ["org/a"]


def test_a_graph_file_alone_is_unchecked(session: Session, tmp_path: Path) -> None:
    """Without the files that it names nothing is said of the weights: not equal, not known, not level full."""
    alone = write(tmp_path / "alone", 1)
    (alone / DATA).unlink()
    for path in (alone, alone / "model.onnx"):
        answer = verify(session, str(path), against="org/a")
        assert answer.verdict == "unchecked"
        found = fingerprint(session, str(path))
        assert found.level == "metadata"
        assert found.groups[0].flags[0] == "incomplete-shards"
        assert "is missing" in found.unchecked[0].reason
    collect(session, ["org/a"])
    shutil.copytree(alone, tmp_path / "hub" / "org" / "c")
    collect(session, ["org/c"])
    assert fingerprint(session, "org/c").unchecked[0].decide_with is None, "no reading brings the missing file"
    assert verify(session, str(alone)).verdict == "unchecked"


def test_data_that_a_damaged_graph_file_does_not_name_are_unchecked(session: Session, tmp_path: Path) -> None:
    """A file that may or may not be data makes equal files unchecked, and other graph files different."""
    mine = write(tmp_path / "mine", 1, b"damaged")
    write(tmp_path / "hub" / "org" / "damaged", 1, b"damaged")
    found = fingerprint(session, str(mine))
    assert (found.level, found.groups[0].flags[-1]) == ("metadata", "data-unread")
    assert DATA in found.unchecked[0].reason
    assert verify(session, str(mine), against="org/damaged").verdict == "unchecked"
    assert verify(session, str(mine), against="org/a").verdict == "different"
    between = diff(session, "org/damaged", "org/a")
    assert (between.weights.kind, bool(between.unchecked)) == ("unknown", True)

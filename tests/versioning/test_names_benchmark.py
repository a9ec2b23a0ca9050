"""The benchmark of names compares labels with what is read, by type and in the place of each."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import names

TYPES = st.lists(st.sampled_from(["identifier", "size", "task", "version", "language"]), max_size=7)


@pytest.mark.parametrize(
    ("label", "read", "expected"),
    [
        ("identifier size", "identifier size", []),
        ("identifier size", "size identifier", []),
        ("identifier description size", "identifier task size", [("description", "task")]),
        ("identifier version version", "identifier version", [("version", "missing")]),
        ("size", "size identifier", [("extra", "identifier")]),
        ("description size", "identifier task size", [
            ("description", "missing"), ("extra", "identifier"), ("extra", "task"),
        ]),
        ("task size version", "version size language", [("task", "missing"), ("extra", "language")]),
    ],
)  # fmt: skip
def test_a_type_is_paired_with_what_was_read_in_its_place(
    label: str, read: str, expected: list[tuple[str, str]]
) -> None:
    """Equal types are right in any order, others are confused only between the same neighbours and in equal number."""
    differ = [pair for pair in names.pairs(label.split(), read.split()) if pair[0] != pair[1]]
    assert differ == expected


@given(TYPES, TYPES)
def test_every_type_is_counted_once(label: list[str], read: list[str]) -> None:
    """The rows of the matrix add up to the labels, the columns to what was read, the diagonal to the hits of F1."""
    found = list(names.pairs(label, read))
    assert Counter(row for row, _ in found if row != "extra") == Counter(label)
    assert Counter(column for _, column in found if column != "missing") == Counter(read)
    assert Counter(row for row, column in found if row == column) == Counter(label) & Counter(read)


def test_the_benchmark_prints_and_writes_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Labelled names give the figures, the matrix and the names that differ; a name without a label is skipped."""
    file = tmp_path / "names.csv"
    rows = ["a/colours-7b,{identifier}{size}", "a/colours-7b-ner,{identifier}{size}{nationality}", "a/colours,"]
    file.write_text("\n".join(["selected_model,Conventional naming", *rows]) + "\n", "utf-8")
    assert names.main([str(file), "--json", str(tmp_path / "found.json")]) == 0
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert found["f1"]["all 2"]["identifier"] == 1.0
    assert found["f1"]["all 2"]["exact"] == 0.5
    assert {"label": "language", "read": "task", "count": 1} in found["confusion"]
    assert [each["differ"] for each in found["wrong"]] == ["language as task (ner)"]
    assert "names whose convention differs: 1 (label, read, difference)\na/colours-7b-ner\n" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "model,label\na/b,{size}\n", "selected_model,Conventional naming\na/b,\n"])
def test_a_file_without_labelled_names_is_refused(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file without labelled names gives an error that names the file, and no figures."""
    (tmp_path / "names.csv").write_text(text, "utf-8")
    with pytest.raises(SystemExit) as ended:
        names.main([str(tmp_path / "names.csv")])
    assert ended.value.code == 2
    assert "names.csv cannot be read as labelled names" in capsys.readouterr().err

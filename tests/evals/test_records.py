"""Plain files, and files that are cut, mixed or hostile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import InputError
from lineage.evals.read import Results, read_results
from lineage.evals.tables import TableKey, hash_of
from tests.support.evals import HARNESS, write_csv, write_jsonl

ROW = {"id": "1", "correct": 1, "prediction": "b"}


def read(path: Path) -> Results:
    """Read results."""
    return read_results(str(path))


def test_csv_and_json_lines_of_the_same_rows_are_equal(tmp_path: Path) -> None:
    """Numbers, truth values and texts mean the same in both forms, in columns of any case and order."""
    rows = [
        {"Prediction": "a", "ID": 1, "Correct": True},
        {"Prediction": "b", "ID": 2, "Correct": False},
        {"Prediction": "", "ID": 3, "Correct": 1},
    ]
    left, right = read(write_csv(tmp_path / "a.csv", rows)), read(write_jsonl(tmp_path / "a.jsonl", rows))
    key = TableKey("results", "correct", "none")
    for name in ("keys", "answers", "places", "values"):
        assert getattr(left.tables[key], name) == getattr(right.tables[key], name)
    assert left.tables[key].values.tolist() == [1.0, 0.0, 1.0]
    assert left.tables[key].answers[2] == hash_of(None)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheet_may_separate_columns_by_other_signs(tmp_path: Path, delimiter: str) -> None:
    """Comma, semicolon and tab are found in the header; a byte order mark is ignored."""
    path = tmp_path / "a.csv"
    path.write_text("\ufeff" + delimiter.join(("id", "correct")) + "\n" + delimiter.join(("x", "1")) + "\n", "utf-8")
    assert read(path).rows == 1


def test_both_columns_are_two_metrics_unless_they_say_the_same(tmp_path: Path) -> None:
    """`correct` and `score` are compared apart; a score that repeats `correct` is dropped."""
    rows: list[dict[str, Any]] = [
        {"id": i, "correct": i % 2, "score": i / 10, "metric": "em", "task": "t"} for i in range(4)
    ]
    assert [key.metric for key in read(write_jsonl(tmp_path / "a.jsonl", rows)).tables] == ["em", "em (score)"]
    same = [row | {"score": float(row["correct"])} for row in rows]
    assert [key.metric for key in read(write_jsonl(tmp_path / "b.jsonl", same)).tables] == ["em"]


def test_a_cut_file_gives_its_other_rows(tmp_path: Path) -> None:
    """The last line of a file that was cut is reported with its position, the others are read."""
    path = write_jsonl(tmp_path / "a.jsonl", [ROW, ROW | {"id": "2"}])
    path.write_bytes(path.read_bytes()[:-9])
    found = read(path)
    assert found.rows == 1
    assert [problem.what for problem in found.problems] == [f"{path}, record 2"]
    table = write_csv(tmp_path / "a.csv", [ROW, ROW | {"id": "2"}])
    table.write_bytes(table.read_bytes()[:-5])
    assert [problem.what for problem in read(table).problems] == [f"{table}, record 3"]


BROKEN = {
    "nested": b'{"id": "2", "correct": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "digits": b'{"id": "2", "correct": ' + b"9" * 10_000 + b"}",
    "bytes": b'{"id": "\xff\xfe", "correct": 1}',
    "list": b"[1, 2]",
    "form": b'{"name": "x"}',
    "id": b'{"id": null, "correct": 1}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_line_is_skipped_with_a_reason(tmp_path: Path, name: str) -> None:
    """Hostile and broken lines end neither the reading nor the process."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(json.dumps(ROW).encode() + b"\n" + BROKEN[name] + b"\n" + json.dumps(ROW | {"id": "3"}).encode())
    found = read(path)
    assert found.rows == 2
    (problem,) = found.problems
    assert problem.what.endswith("record 2")
    assert problem.reason


def test_half_a_surrogate_pair_is_replaced(tmp_path: Path) -> None:
    """JSON can hold text that no encoding has; pairs, as of emoji, are kept."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"id": "1", "correct": 1, "task": "a\\ud800b"}\n{"id": "2", "correct": 1, "task": "\\ud83d\\ude00"}\n'
    )
    assert [key.task for key in read(path).tables] == ["a\ufffdb", "\U0001f600"]


def test_many_broken_lines_are_one_problem(tmp_path: Path) -> None:
    """Positions of the first few and the number of the others are reported."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(ROW) + "\n" + "{\n" * 500, "utf-8")
    (problem,) = read(path).problems
    assert problem.what == f"{path}, records 2, 3, 4 and 497 more"


NOT_RESULTS = {
    "empty.jsonl": "",
    "other.jsonl": '{"name": "x"}\n',
    "other.csv": "a,b\n1,2\n",
    "twice.csv": "id,id,correct\n1,2,1\n",
    "array.json": '[{"id": "1", "cor',
    "notes.txt": "id,correct\n",
}


@pytest.mark.parametrize("name", NOT_RESULTS)
def test_a_file_without_results_is_refused(tmp_path: Path, name: str) -> None:
    """The error names the file, and the hint says what is accepted."""
    path = tmp_path / name
    path.write_text(NOT_RESULTS[name], "utf-8")
    with pytest.raises(InputError, match=name) as caught:
        read(path)
    assert caught.value.hint


def test_paths_without_results_are_refused(tmp_path: Path) -> None:
    """A missing path, a folder without files and an unknown task are errors with a hint."""
    for path in (str(tmp_path / "gone"), str(tmp_path), ""):
        with pytest.raises(InputError) as caught:
            read_results(path)
        assert caught.value.hint
    with pytest.raises(InputError, match="no results of nothing"):
        read_results(str(HARNESS / "old"), tasks=["nothing"])


def test_a_json_array_is_read_like_lines(tmp_path: Path) -> None:
    """Early versions of the harness wrote one array."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps([ROW, ROW | {"id": "2"}], indent=1), "utf-8")
    assert read(path).rows == 2


def test_one_unreadable_file_of_a_folder_leaves_the_others(tmp_path: Path) -> None:
    """A harness file that is broken is a problem; a table that is not results is skipped with a note."""
    write_jsonl(tmp_path / "m/good.jsonl", [ROW])
    (tmp_path / "m/samples_arc_2026-01-01T00-00-00.1.jsonl").write_text('{"x": 1}\n', "utf-8")
    (tmp_path / "m/prices.csv").write_text("a,b\n", "utf-8")
    found = read(tmp_path)
    assert found.rows == 1
    assert [Path(problem.what).name for problem in found.problems] == ["samples_arc_2026-01-01T00-00-00.1.jsonl"]
    assert "prices.csv" in found.notes[0]


def test_the_newest_run_of_a_task_counts(tmp_path: Path) -> None:
    """The harness appends runs to a folder; the earlier ones are named and not read."""
    row = {"doc_hash": "d", "filtered_resps": ["x"], "acc": 1.0}
    for date, value in (("2026-01-02T00-00-00.1", 0.0), ("2026-01-01T00-00-00.1", 1.0)):
        write_jsonl(tmp_path / f"org__m/samples_arc_{date}.jsonl", [row | {"acc": value}])
    found = read(tmp_path)
    assert found.tables[TableKey("arc", "acc", "none")].values.tolist() == [0.0]
    assert "2026-01-01" in found.notes[0]


def test_two_models_in_one_folder_are_refused(tmp_path: Path) -> None:
    """Rows of two models of one task must not be mixed."""
    for model in ("org__a", "org__b"):
        write_jsonl(
            tmp_path / model / "samples_arc_2026-01-01T00-00-00.1.jsonl",
            [{"doc_hash": "d", "filtered_resps": [], "acc": 1.0}],
        )
    with pytest.raises(InputError, match="several models"):
        read(tmp_path)


def test_what_a_folder_hides_from_the_reader_is_a_problem(tmp_path: Path) -> None:
    """Compressed files, links to folders and pipes are reported, not skipped; a pipe is not opened."""
    write_jsonl(tmp_path / "run" / "a.jsonl", [ROW])
    (tmp_path / "run" / "b.csv.gz").write_bytes(b"")
    (tmp_path / "run" / "notes.txt.gz").write_bytes(b"")
    os.mkfifo(tmp_path / "run" / "c.jsonl")
    write_jsonl(tmp_path / "elsewhere" / "d.jsonl", [ROW])
    (tmp_path / "run" / "linked").symlink_to(tmp_path / "elsewhere")
    found = read(tmp_path / "run")
    assert found.rows == 1
    assert {Path(problem.what).name for problem in found.problems} == {"b.csv.gz", "c.jsonl", "linked"}


def test_json_files_of_a_folder_are_read_if_they_hold_rows(tmp_path: Path) -> None:
    """An array and an object a line are rows; a settings file over several lines is not opened as results."""
    (tmp_path / "a.json").write_text(json.dumps([ROW]), "utf-8")
    (tmp_path / "b.json").write_text(json.dumps(ROW) + "\n", "utf-8")
    (tmp_path / "config.json").write_text(json.dumps({"seed": 1}, indent=2), "utf-8")
    (tmp_path / "small.json").write_text('{"seed": 1}', "utf-8")
    found = read(tmp_path)
    assert {key.task for key in found.tables} == {"a", "b"}
    assert (found.problems, len(found.notes)) == ([], 1)


def test_csv_in_another_encoding_is_skipped_with_a_reason(tmp_path: Path) -> None:
    """A row that is not UTF-8 would compare as another answer, so it is not read; nor is a header."""
    path = tmp_path / "a.csv"
    path.write_bytes("id,correct,prediction\n1,1,a\n2,1,é\n".encode("latin-1"))
    found = read(path)
    assert (found.rows, [problem.reason for problem in found.problems]) == (1, ["it is not UTF-8 text"])
    path.write_bytes("id,correct\n1,1\n".encode("utf-16"))
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read(path)


@pytest.mark.parametrize("score", [1e308, "-1e308", 10**200])
def test_a_score_whose_square_is_not_finite_is_unusable(tmp_path: Path, score: Any) -> None:
    """Sums of such scores overflow; the row counts as invalid."""
    found = read(write_jsonl(tmp_path / "a.jsonl", [{"id": 1, "score": score}, {"id": 2, "score": 0.5}]))
    (table,) = found.tables.values()
    assert (len(table), table.invalid) == (1, 1)

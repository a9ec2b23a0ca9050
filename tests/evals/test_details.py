"""lighteval's details: Parquet files, as pyarrow writes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from lineage.errors import InputError
from lineage.evals.details import read_details
from lineage.evals.read import read_results
from lineage.evals.row import Row
from lineage.evals.tables import TableKey
from tests.support.evals import samples


def detail(query: str, choices: list[str], gold: int, metric: dict[str, float], **response: Any) -> dict[str, Any]:
    """Make a row as lighteval 0.13 writes it; other columns of it are not read."""
    answered = {"input": query, "text": [], "logprobs": [], "text_post_processed": None} | response
    return {
        "doc": {"query": query, "choices": choices, "gold_index": gold, "id": "0", "task_name": "t"},
        "metric": metric,
        "model_response": answered,
    }


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def rows_of(path: Path) -> list[Row]:
    """Read all rows of a file."""
    found = list(read_details(path, "task"))
    assert all(isinstance(row, Row) for row in found)
    return [row for row in found if isinstance(row, Row)]


def test_a_choice_is_the_highest_log_likelihood(tmp_path: Path) -> None:
    """The answer of acc is the argmax, also if it is divided by the lengths that the metric's name asks for."""
    metric = {"acc": 1.0, "acc:logprob_normalization=LogProbCharNorm(name='norm', ignore_first_space=True)": 0.0}
    path = write(tmp_path / "a.parquet", [detail("Q", [" a", " abcdef"], 0, metric, logprobs=[-1.0, -1.5])])
    (row,) = rows_of(path)
    assert [score.prediction for score in row.scores.values()] == ["0", "1"]
    assert row.reference == " a"


def test_a_generated_text_is_the_answer(tmp_path: Path) -> None:
    """The text after processing is the one that the metric saw; several samples have no one answer."""
    rows = [
        detail("Q", ["4"], 0, {"em": 1.0}, text=["think 4"], text_post_processed=["4"]),
        detail("R", ["4"], 0, {"em": 0.5}, text=["4", "5"], text_post_processed=["4", "5"]),
    ]
    found = rows_of(write(tmp_path / "a.parquet", rows))
    assert [row.scores["em"].prediction for row in found] == ["4", None]


def test_a_value_that_contradicts_the_choice_leaves_it_unknown(tmp_path: Path) -> None:
    """Normalisations that the file does not show, as by tokens, give no answer."""
    metric = {"acc": 0.0, "acc:LogProbTokenNorm": 1.0}
    path = write(tmp_path / "a.parquet", [detail("Q", [" a", " b"], 0, metric, logprobs=[-1.0, -1.5])])
    assert [score.prediction for score in rows_of(path)[0].scores.values()] == [None, None]


def test_earlier_versions_wrote_flat_columns(tmp_path: Path) -> None:
    """Versions before 0.10: example, predictions, metrics, gold."""
    row = {"example": "Q", "full_prompt": "P Q", "predictions": ["x"], "metrics": {"em": 0.0}, "gold": ["y"]}
    (found,) = rows_of(write(tmp_path / "a.parquet", [row]))
    assert (found.scores["em"].value, found.scores["em"].prediction, found.reference) == (0.0, "x", "y")


def test_the_folder_of_the_details_is_searched(tmp_path: Path) -> None:
    """Tasks are named in the files, and the model is the folder above the date's."""
    for date, value in (("2026-01-01T00-00-00.1", 0.0), ("2026-01-02T00-00-00.1", 1.0)):
        path = tmp_path / f"details/org/m/{date}/details_arc:challenge|25_{date}.parquet"
        write(path, [detail("Q", ["a"], 0, {"acc": value}, text=["a"])])
    found = read_results(str(tmp_path))
    assert found.tables[TableKey("arc:challenge|25", "acc", "none")].values.tolist() == [1.0]
    assert found.files[0].model == "m"


def test_details_and_the_harness_agree_on_answers(tmp_path: Path) -> None:
    """The same log-likelihoods in both forms give the same answers of acc."""
    harness = samples("old", "toy_choice")
    rows = [
        detail(
            row["doc"]["question"], [f" {each}" for each in row["doc"]["choices"]], int(row["target"]),
            {"acc": row["acc"]}, logprobs=[float(each[0]) for each in row["filtered_resps"]],
        )
        for row in harness
    ]  # fmt: skip
    found = rows_of(write(tmp_path / "a.parquet", rows))
    highest = [max(range(4), key=lambda i, row=row: float(row["filtered_resps"][i][0])) for row in harness]  # type: ignore[misc]
    assert [row.scores["acc"].prediction for row in found] == [str(each) for each in highest]
    assert len({row.id for row in found}) == len(harness)


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    """A file that is cut, is no Parquet or has other columns is an error with its name."""
    whole = write(tmp_path / "a.parquet", [detail("Q", ["a"], 0, {"acc": 1.0})])
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole.read_bytes()[:-20])
    other = write(tmp_path / "other.parquet", [{"x": 1}])
    for path in (cut, other):
        with pytest.raises(InputError, match=path.name):
            rows_of(path)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which command installs what is missing."""
    path = write(tmp_path / "a.parquet", [detail("Q", ["a"], 0, {"acc": 1.0})])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError) as caught:
        rows_of(path)
    assert "model-lineage[parquet]" in (caught.value.hint or "")

"""Rows of the real harness: scores as it printed them, and the answer that each metric judges."""

from __future__ import annotations

from typing import Any

import pytest

from lineage.evals.harness import read_row
from lineage.evals.read import read_results
from lineage.evals.row import Row
from lineage.evals.tables import TableKey
from tests.support.evals import HARNESS, plain_rows, printed, samples


def row_of(data: dict[str, Any], delimiter: str | None = None) -> Row:
    """Read one row."""
    found = read_row(data, "task", delimiter)
    assert isinstance(found, Row)
    return found


@pytest.mark.parametrize("run", ["old", "new", "third"])
def test_means_are_those_that_the_harness_printed(run: str) -> None:
    """The mean of each table is the value in the harness' own summary, for every task, metric and filter."""
    tables = read_results(str(HARNESS / run)).tables
    expected = printed(run)["results"]
    means = {key: float(table.scores().mean()) for key, table in tables.items()}
    assert means == {key: pytest.approx(expected[key.task][f"{key.metric},{key.filter}"]) for key in tables}
    assert len(tables) == 6


@pytest.mark.parametrize("run", ["old", "new"])
def test_predictions_are_the_argmax_that_numpy_finds(run: str) -> None:
    """The answer is the highest log-likelihood, for acc_norm divided by the characters without the delimiter."""
    wanted = {(row["id"], row["metric"]): row["prediction"] for row in plain_rows(run) if row["task"] == "toy_choice"}
    found = {
        (data["doc_hash"], metric): score.prediction
        for data in samples(run, "toy_choice")
        for metric, score in row_of(data).scores.items()
    }
    assert found == wanted
    assert len(set(found.values())) == 4


def choice(lls: list[float], texts: list[str], target: str, **metrics: Any) -> dict[str, Any]:
    """Make a row of multiple choice."""
    arguments = {f"gen_args_{i}": {"arg_0": "Q", "arg_1": text} for i, text in enumerate(texts)}
    responses = [[str(each), "False"] for each in lls]
    facts = {"doc_hash": "d", "target": target, "arguments": arguments, "filtered_resps": responses, "filter": "none"}
    return facts | {"metrics": list(metrics)} | metrics


def test_the_delimiter_is_not_part_of_a_choice() -> None:
    """By 1 and 4 characters the first choice wins, by 2 and 5 the second would; another delimiter is respected."""
    lls, target = [-1.0, -4.1], "0"
    assert row_of(choice(lls, [" a", " abcd"], target, acc_norm=1.0)).scores["acc_norm"].prediction == "0"
    assert row_of(choice(lls, ["::a", "::abcd"], target, acc_norm=1.0), "::").scores["acc_norm"].prediction == "0"


def test_a_choice_that_the_logged_value_contradicts_is_not_reported() -> None:
    """If the worked-out choice is right and the logged value says wrong, the answer is unknown."""
    found = row_of(choice([-1.0, -2.0], [" a", " b"], "0", acc=0.0))
    assert (found.scores["acc"].value, found.scores["acc"].prediction) == (0.0, None)


def test_bytes_and_mutual_information_have_their_own_choice() -> None:
    """acc_bytes divides by bytes of UTF-8, acc_mutual_info subtracts the log-likelihood without the prompt."""
    row = choice([-2.0, -2.5], [" é", " abc"], "1", acc_bytes=1.0, acc=0.0)
    assert row_of(row).scores["acc_bytes"].prediction == "1"
    assert row_of(row).scores["acc"].prediction == "0"
    row = choice([-1.0, -2.0, -0.5, -3.0], [" a", " b", " a", " b"], "1", acc_mutual_info=1.0, acc=0.0)
    for key in ("gen_args_2", "gen_args_3"):
        row["arguments"][key]["arg_0"] = ""
    assert row_of(row).scores["acc_mutual_info"].prediction == "1"
    assert row_of(row).scores["acc"].prediction == "0"


def test_choices_in_the_prompt_have_no_known_length() -> None:
    """Where the prompts differ, as in Winogrande, acc has an answer and acc_norm has none."""
    row = choice([-1.0, -2.0], [" same", " same"], "0", acc=1.0, acc_norm=1.0)
    row["arguments"]["gen_args_1"]["arg_0"] = "another prompt"
    found = row_of(row).scores
    assert (found["acc"].prediction, found["acc_norm"].prediction) == ("0", None)


def test_more_than_ten_choices_keep_their_order() -> None:
    """Arguments are in the order of their numbers, also if a tool sorted their names as texts."""
    texts = [" " + "x" * (i + 1) for i in range(12)]
    row = choice([-float(i + 1) for i in range(11)] + [-1.0], texts, "11", acc_norm=1.0)
    row["arguments"] = dict(sorted(row["arguments"].items()))
    assert row_of(row).scores["acc_norm"].prediction == "11"


def test_a_row_of_an_earlier_version_has_the_same_ids() -> None:
    """Versions without doc_hash, prompt_hash and metrics, with lists as arguments, pair with newer ones."""
    for task in ("toy_choice", "toy_sums", "toy_notes"):
        for data in samples("old", task):
            before = {k: v for k, v in data.items() if k not in ("doc_hash", "prompt_hash", "target_hash", "metrics")}
            before["arguments"] = [list(each.values()) for each in data["arguments"].values()]
            assert row_of(before) == row_of(data)


def test_a_metric_over_all_instances_is_not_a_score() -> None:
    """A pair of reference and answer (f1, mcc) is listed as aggregated, beside the scores."""
    found = row_of(choice([-1.0, -2.0], [" a", " b"], "0", acc=1.0, f1=[0, 0]))
    assert (list(found.scores), found.aggregated) == (["acc"], ("f1",))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "high", 10**400])
def test_an_unusable_score_is_counted_and_not_compared(value: object) -> None:
    """NaN, infinity, null, a word and a number beyond all floats are no score."""
    assert row_of(choice([-1.0, -2.0], [" a", " b"], "0", acc=value)).scores["acc"].value != 0
    found = row_of(choice([-1.0, -2.0], [" a", " b"], "0", acc=value)).scores["acc"].value
    assert found != found


def test_a_row_without_a_document_is_skipped() -> None:
    """Neither a hash nor a document: the row cannot be paired with any other."""
    assert isinstance(read_row({"filtered_resps": [], "acc": 1.0}, "task"), str)


def test_filters_are_tables_of_their_own() -> None:
    """A document has one row for each filter."""
    tables = read_results(str(HARNESS / "old"), tasks=["toy_sums"]).tables
    assert list(tables) == [
        TableKey("toy_sums", "exact_match", "strict-match"),
        TableKey("toy_sums", "exact_match", "flexible-extract"),
    ]
    assert {len(table) for table in tables.values()} == {20}

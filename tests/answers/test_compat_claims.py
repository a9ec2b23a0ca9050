"""`lineage compat --claims`: do measured results confirm what a card claims?"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from lineage.answers.compat_claims import check_claims
from lineage.answers.session import Session
from lineage_schemas.answers.compat import CompatClaimsAnswer
from tests.support.evals import HARNESS, write_csv, write_jsonl

Ask = Callable[..., CompatClaimsAnswer]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Check the claims of a model in a folder."""
    with Session(store_url=str(tmp_path / "unused.db")) as session:

        def asked(results: Path, *claims: dict[str, Any], files: dict[str, str] | None = None) -> CompatClaimsAnswer:
            folder = tmp_path / "model"
            (folder / ".eval_results").mkdir(parents=True, exist_ok=True)
            card = {"model-index": [{"name": "m", "results": list(claims)}]}
            (folder / "README.md").write_text(f"---\n{yaml.safe_dump(card)}---\n", "utf-8")
            (folder / "config.json").write_text("{}", "utf-8")
            for name, text in (files or {}).items():
                (folder / ".eval_results" / name).write_text(text, "utf-8")
            return check_claims(session, str(folder), str(results))

        yield asked


def claim(value: Any, dataset: str | None = "imdb", metric: str = "accuracy", **more: str) -> dict[str, Any]:
    """Make an entry of model-index."""
    named: dict[str, Any] = {"task": {"type": "text-classification"}, "metrics": [{"type": metric, "value": value}]}
    return named if dataset is None else named | {"dataset": {"type": dataset, "name": dataset} | more}


def results(folder: Path, right: int, n: int = 100, task: str = "imdb") -> Path:
    """Write results of which `right` are right."""
    return write_csv(folder / "r.csv", [{"id": i, "correct": int(i < right), "task": task} for i in range(n)])


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.9, "confirmed"), (90, "confirmed"), ("90.0", "confirmed"), ("90 %", "confirmed"), (0.5, "contradicted"),
     (99.9, "contradicted"), ("0.9%", "contradicted"), ("high", "unverified"), (True, "unverified"),
     ({"a": 1}, "unverified"), (None, "unverified")],
)  # fmt: skip
def test_a_claim_is_compared_as_fraction_or_percent(ask: Ask, tmp_path: Path, value: Any, verdict: str) -> None:
    """90 of 100 are right: values on either scale are compared, and what is not a number is unverified."""
    answer = ask(results(tmp_path, 90), claim(value))
    assert (answer.claims[0].verdict, answer.verdict) == (verdict, verdict)
    assert answer.claims[0].pointer.field == "model-index[0].results[0].metrics[0]"


def test_a_claim_without_a_data_set_is_unverified(ask: Ask, tmp_path: Path) -> None:
    """It is unknown what was measured."""
    (found,) = ask(results(tmp_path, 90), claim(0.9, None)).claims
    assert (found.verdict, found.reason) == ("unverified", "it names no data set")


NAMES = [
    # task of the results, data set, configuration, metric; whether they are the same
    ("arc_challenge", "allenai/ai2_arc", "ARC-Challenge", "Accuracy", True),
    ("arc_challenge", "ai2_arc", "ARC-Challenge", "acc", True),
    ("arc_easy", "ai2_arc", "ARC-Challenge", "acc", False),
    ("leaderboard|arc_challenge|25", "ai2_arc", "ARC-Challenge", "acc", True),
    ("hellaswag", "Rowan/hellaswag", None, "accuracy", True),
    ("hellaswag", "other/hellaswag", None, "accuracy", False),
    ("gsm8k", "gsm8k", "main", "accuracy", True),
    ("gsm8k", "gsm8k", None, "exact_match", False),
    ("my_task", "my-task", None, "accuracy", True),
]


@pytest.mark.parametrize(("task", "dataset", "config", "metric", "same"), NAMES)
def test_names_are_matched_by_the_tables(
    ask: Ask, tmp_path: Path, task: str, dataset: str, config: str | None, metric: str, same: bool
) -> None:
    """Data sets, configurations and metrics have several names; another owner or configuration is another one."""
    made = claim(0.9, dataset, metric, **({"config": config} if config else {}))
    answer = ask(results(tmp_path, 90, task=task), made)
    assert answer.claims[0].verdict == ("confirmed" if same else "unverified")
    assert same or answer.claims[0].reason


def test_filters_that_disagree_leave_a_claim_unverified(ask: Ask, tmp_path: Path) -> None:
    """Strict and flexible matching have other values: the claim does not say which it is."""
    rows = [
        {"id": str(i), "task": "gsm8k", "metric": "exact_match", "filter": name, "correct": int(i < right)}
        for name, right in (("strict", 40), ("flexible", 90))
        for i in range(100)
    ]
    path = write_jsonl(tmp_path / "r.jsonl", rows)
    (found,) = ask(path, claim(0.9, "gsm8k", "exact_match")).claims
    assert found.verdict == "unverified"
    assert "filters" in (found.reason or "")
    assert ask(path, claim(0.65, "gsm8k", "exact_match")).claims[0].verdict == "contradicted"


def test_files_of_results_are_claims_too(ask: Ask, tmp_path: Path) -> None:
    """`.eval_results` names no metric: the only one of the data set counts; a broken file is unchecked."""
    files = {
        "imdb.yaml": "- dataset: {id: imdb, task_id: default}\n  value: 90.0\n",
        "broken.yaml": "just a text",
    }
    answer = ask(results(tmp_path, 90), files=files)
    assert [(each.verdict, each.pointer.file) for each in answer.claims] == [("confirmed", ".eval_results/imdb.yaml")]
    assert [each.what for each in answer.unchecked] == [".eval_results/broken.yaml"]
    assert answer.verdict == "unverified", "not all claims were read"


def test_the_summary_of_the_harness_names_the_data_set(ask: Ask) -> None:
    """The toy tasks are made of the data set `json`, which only their configuration says."""
    answer = ask(HARNESS / "old", claim(0.25, "json", "acc"), claim(0.9, "toy_choice", "acc_norm"))
    assert [each.verdict for each in answer.claims] == ["confirmed", "contradicted"]
    assert answer.verdict == "contradicted"


def test_a_card_without_claims_confirms_nothing(ask: Ask, tmp_path: Path) -> None:
    """No claim is not a confirmed one."""
    answer = ask(results(tmp_path, 90))
    assert (answer.claims, answer.verdict) == ((), "unverified")


def test_unusable_rows_leave_a_claim_unverified(ask: Ask, tmp_path: Path) -> None:
    """The mean of the other rows is not the mean that the card claims; equal repeated rows count once."""
    rows: list[dict[str, Any]] = [{"id": i, "correct": int(i < 90), "task": "imdb"} for i in range(100)]
    missing = [row | {"correct": "nan"} if row["id"] < 40 else row for row in rows]
    torn = [*rows, *({"id": i, "correct": 1, "task": "imdb"} for i in range(90, 100))]
    for made, reason in ((missing, "usable score: 40"), (torn, "contradict each other: 10")):
        (found,) = ask(write_csv(tmp_path / "r.csv", made), claim(0.9)).claims
        assert found.verdict == "unverified"
        assert reason in (found.reason or "")
    (found,) = ask(write_csv(tmp_path / "r.csv", [*rows, *rows]), claim(0.9)).claims
    assert (found.verdict, found.n) == ("confirmed", 100)


def test_a_claim_that_names_no_configuration_is_not_guessed(ask: Ask, tmp_path: Path) -> None:
    """Results of ARC-Easy alone say nothing of a claim that only names ARC's data set."""
    (found,) = ask(results(tmp_path, 90, task="arc_easy"), claim(0.4, "allenai/ai2_arc")).claims
    assert (found.verdict, found.reason) == (
        "unverified",
        "it names no configuration of allenai/ai2_arc; the results are of arc_easy",
    )


def test_each_row_of_the_tables_has_a_source() -> None:
    """What no source shows is marked as our reading."""
    for name in ("claim_tasks.csv", "claim_metrics.csv"):
        text = files("lineage.evals").joinpath(name).read_text("utf-8")
        for row in csv.DictReader(text.splitlines()):
            assert re.match(
                r"lm-eval \d|lighteval \d|cards? |config as in the card |our reading: |the column ", row["source"]
            )

"""`lineage compat`: what a new version answers wrong where the old one was right."""

from __future__ import annotations

import csv
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lineage.answers.compat import compat
from lineage.answers.compat_tasks import CompatOptions
from lineage.answers.session import Session
from lineage.versioning.compat.intervals import exact_at_an_end
from lineage_schemas.answers.compat import ComparedTask, CompatAnswer
from tests.support.evals import HARNESS, plain_rows, samples, write_csv, write_jsonl
from tests.support.shared import SHARED, needs_shared

Ask = Callable[..., CompatAnswer]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Compare with a session whose store and Hub must not be opened."""
    with Session(store_url=str(tmp_path / "unused.db")) as session:

        def asked(old: Path, new: Path, *, third: Path | None = None, **options: Any) -> CompatAnswer:
            chosen = CompatOptions(**options)
            return compat(session, str(old), str(new), compatible=str(third) if third else None, options=chosen)

        yield asked
        assert not session._opened, "neither a store nor a Hub is needed"


def only(answer: CompatAnswer) -> ComparedTask:
    """Return the only task of an answer."""
    (task,) = answer.tasks
    return task


def made(folder: Path, name: str, rights: str, **columns: Any) -> Path:
    """Write results whose answers are right (1) or wrong (0), one a character."""
    rows = [{"id": i, "correct": each} | {k: v[i] for k, v in columns.items()} for i, each in enumerate(rights)]
    return write_csv(folder / f"{name}.csv", rows)


def comparable(answer: CompatAnswer) -> list[dict[str, Any]]:
    """Write the tasks of an answer, in the order of their names."""
    tasks = [task.model_dump(exclude={"flips"}) for task in answer.tasks]
    return sorted(tasks, key=lambda task: (task["task"], task["metric"], task["filter"]))


def test_quadrants_are_those_counted_by_hand(ask: Ask, tmp_path: Path) -> None:
    """Ten instances with one answer each: the rates, the counts and both answers of the flip."""
    old = made(tmp_path, "old", "1111100000", prediction="aaaaabbbbb", reference="aaaaaaaaaa")
    new = made(tmp_path, "new", "1111011000", prediction="aaaacaabbc", reference="aaaaaaaaaa")
    task = only(ask(old, new, show_flips=9))
    assert task.quadrants is not None
    counts = task.quadrants
    assert (counts.both_right, counts.gained, counts.both_wrong, counts.lost) == (4, 2, 3, 1)
    assert (counts.both_right_differ, counts.both_wrong_differ) == (0, 1)
    assert task.nfr is not None
    assert task.nfr_mc is not None
    assert task.btc is not None
    assert (task.n, task.acc_old, task.acc_new) == (10, 0.5, 0.6)
    assert (task.nfr.value, task.nfr_mc.value, task.unobserved, task.btc.value) == (0.1, 0.2, 0.1, 0.8)
    assert [(each.id, each.direction, each.old, each.new) for each in task.flips] == [
        ("4", "negative", "a", "c"), ("5", "positive", "b", "a"), ("6", "positive", "b", "a"),
    ]  # fmt: skip


def test_no_flip_has_an_exact_bound(ask: Ask, tmp_path: Path) -> None:
    """Of 20 instances without a flip the upper bound is 0.168, not 0."""
    task = only(ask(made(tmp_path, "old", "1" * 20), made(tmp_path, "new", "1" * 20)))
    expected = exact_at_an_end(0, 20)
    assert task.nfr is not None
    assert (task.nfr.low, task.nfr.high) == pytest.approx((0.0, expected.high))
    assert (task.nfr_mc, task.unobserved) == (None, None), "no predictions"


def test_three_forms_of_one_run_give_equal_answers(ask: Ask, tmp_path: Path) -> None:
    """The harness' folders, JSON lines and CSV of the same two runs: every rate and interval is the same."""
    answers = [ask(HARNESS / "old", HARNESS / "new", epsilon=0.01)]
    for write, ending in ((write_jsonl, "jsonl"), (write_csv, "csv")):
        paths = [write(tmp_path / f"{run}.{ending}", plain_rows(run)) for run in ("old", "new")]
        answers.append(ask(*paths, epsilon=0.01))
    first, *others = map(comparable, answers)
    assert len(first) == 6
    assert others == [first, first]


def test_the_third_model_is_compared_on_the_instances_of_all_three(ask: Ask, tmp_path: Path) -> None:
    """NFRc and its change are worked out on the common instances; what the third lacks is counted."""
    old, new = made(tmp_path, "old", "11111"), made(tmp_path, "new", "10011")
    third = write_csv(tmp_path / "third.csv", [{"id": i, "correct": int(i != 1)} for i in range(4)])
    answer = ask(old, new, third=third)
    assert answer.compatible is not None
    (task,) = answer.compatible.tasks
    assert (task.n, task.missing) == (4, 1)
    assert task.nfr is not None
    assert task.nfr_c is not None
    assert (task.nfr.value, task.nfr_c.value, task.delta, task.delta_percent) == (0.5, 0.25, -0.25, -50.0)


def test_a_lower_score_can_be_better(ask: Ask) -> None:
    """The harness' summary gives the direction: gain and regression are positive, the means are as it printed them."""
    answer = ask(HARNESS / "old", HARNESS / "new")
    (task,) = [each for each in answer.tasks if each.metric == "missed"]
    pairs = list(zip(samples("old", "toy_notes"), samples("new", "toy_notes"), strict=True))
    worse = [new["missed"] - old["missed"] for old, new in pairs if new["missed"] > old["missed"]]
    assert not task.higher_is_better
    assert task.nfr is not None
    assert task.nfr.value == len(worse) / len(pairs)
    assert task.mean_regression == pytest.approx(sum(worse) / len(worse))
    assert task.acc_old == pytest.approx(sum(old["missed"] for old, _ in pairs) / len(pairs))
    assert (task.btc, task.nfr_mc) == (None, None)


def test_unpaired_rows_are_counted_by_their_reason(ask: Ask, tmp_path: Path) -> None:
    """Missing partners, other prompts, repeated ids and unusable scores, each once."""
    rows = [{"id": str(i), "correct": 1, "prompt_hash": "p"} for i in range(8)]
    old = write_jsonl(tmp_path / "old.jsonl", [*rows, rows[0]])
    changed: list[dict[str, Any]] = [row | {} for row in rows if row["id"] != "7"]
    changed[1]["prompt_hash"] = "q"
    changed[2]["correct"] = float("nan")
    new = write_jsonl(tmp_path / "new.jsonl", [*changed, rows[0] | {"id": "x"}])
    task = only(ask(old, new))
    assert task.unpaired.model_dump() == {"old": 2, "new": 1, "prompt": 1, "duplicate": 1}
    assert task.invalid.model_dump() == {"old": 0, "new": 1}
    assert task.n == 5


def test_the_limit_is_judged_on_the_lower_bound(ask: Ask, tmp_path: Path) -> None:
    """A rate that chance explains is within the limit, with a note; a higher one is above."""
    old = made(tmp_path, "old", "1" * 20)
    few, many = made(tmp_path, "few", "0" + "1" * 19), made(tmp_path, "many", "0" * 10 + "1" * 10)
    within = ask(old, few, limit=0.02)
    assert (within.verdict, within.unchecked) == ("within", ())
    assert "do not exclude" in within.notes[0]
    assert ask(old, many, limit=0.02).verdict == "above"
    assert ask(old, many).verdict == "unjudged"


def test_the_same_files_on_both_sides_are_noted(ask: Ask, tmp_path: Path) -> None:
    """A script that names one file twice finds no flip; the answer says why."""
    path = made(tmp_path, "old", "1" * 20)
    assert "the old and the new results are the same files" in ask(path, path.parent / "." / path.name).notes


def test_a_new_version_that_fails_on_instances_is_not_within(ask: Ask, tmp_path: Path) -> None:
    """Instances of the old version without a partner leave the verdict open if they could decide it."""
    answer = ask(made(tmp_path, "old", "1" * 100), made(tmp_path, "new", "1" * 80), limit=0.02)
    assert answer.verdict == "unjudged"
    assert "20 instances" in answer.unchecked[0].reason
    assert ask(made(tmp_path, "old", "1" * 100), made(tmp_path, "new", "1" * 99), limit=0.02).verdict == "within"


def test_what_one_side_lacks_is_unchecked_or_noted(ask: Ask, tmp_path: Path) -> None:
    """A metric of the old side only is unchecked, one of the new side only a note; the rest is answered."""
    old, new = tmp_path / "old", tmp_path / "new"
    for side, run in ((old, "old"), (new, "new")):
        shutil.copytree(HARNESS / run, side)
    for side, metric in ((old, "brier"), (new, "fluency")):
        (path,) = side.glob("*/samples_toy_notes_*")
        rows = [json.loads(line) | {metric: 0.5} for line in path.read_text("utf-8").splitlines()]
        write_jsonl(path, [row | {"metrics": [*row["metrics"], metric]} for row in rows])
    (path,) = new.glob("*/samples_toy_sums_*")
    path.write_bytes(path.read_bytes()[:-200])
    answer = ask(old, new, limit=0.9)
    assert len(answer.tasks) == 6
    whats = [each.what for each in answer.unchecked]
    assert "toy_notes brier" in whats
    assert any("record 40" in what for what in whats)
    assert any("fluency" in note for note in answer.notes)
    assert answer.verdict == "unjudged"


def test_results_of_two_harness_versions_are_compared_with_a_note(ask: Ask, tmp_path: Path) -> None:
    """Rows without hashes pair with newer ones; other versions of program and task are named."""
    old = tmp_path / "old"
    shutil.copytree(HARNESS / "old", old)
    for path in old.glob("*/samples_*"):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        kept = ("doc_hash", "prompt_hash", "target_hash", "metrics")
        write_jsonl(path, [{k: v for k, v in row.items() if k not in kept} for row in rows])
    (summary,) = old.glob("*/results_*")
    data = json.loads(summary.read_text("utf-8"))
    data |= {"lm_eval_version": "0.4.2", "versions": data["versions"] | {"toy_choice": 0.0}}
    summary.write_text(json.dumps(data), "utf-8")
    answer = ask(old, HARNESS / "new")
    assert comparable(answer) == comparable(ask(HARNESS / "old", HARNESS / "new"))
    assert any("0.4.2" in note and "0.4.13" in note for note in answer.notes)
    assert any("toy_choice (0.0 and 1.0)" in note for note in answer.notes)


def test_nothing_in_common_is_unchecked(ask: Ask, tmp_path: Path) -> None:
    """Other tasks, other ids and other prompts: no rate, and the reason."""
    row = {"id": "1", "correct": 1, "prompt_hash": "p"}
    old = write_jsonl(tmp_path / "old.jsonl", [row])
    for changed, word in (({"id": "2"}, "no id"), ({"prompt_hash": "q"}, "another prompt")):
        answer = ask(old, write_jsonl(tmp_path / "new.jsonl", [row | changed]))
        task = only(answer)
        assert (task.n, task.nfr, task.acc_old, task.btc) == (0, None, None, None)
        assert word in answer.unchecked[0].reason
    two = [row | {"task": name} for name in ("a", "b")]
    answer = ask(old, write_jsonl(tmp_path / "new.jsonl", two))
    assert (answer.tasks, len(answer.unchecked)) == ((), 2)


def test_two_named_files_of_one_task_belong_together(ask: Ask, tmp_path: Path) -> None:
    """A renamed file of the harness has the task of the file that it is compared with."""
    (path,) = (HARNESS / "old").glob("*/samples_toy_sums_*")
    (other,) = (HARNESS / "new").glob("*/samples_toy_sums_*")
    shutil.copy(path, tmp_path / "before.jsonl")
    assert {task.task for task in ask(tmp_path / "before.jsonl", other).tasks} == {"toy_sums"}


def test_perplexity_is_printed_as_the_harness_does(ask: Ask, tmp_path: Path) -> None:
    """The harness logs log-likelihoods under this name: higher is better, and the mean is exp(-mean)."""
    paths = []
    for name, values in (("old", [-1.0, -2.0]), ("new", [-1.5, -1.0])):
        rows = [
            {"doc_hash": str(i), "filtered_resps": [[str(v), "False"]], "perplexity": v} for i, v in enumerate(values)
        ]
        paths.append(write_jsonl(tmp_path / name / "lambada.jsonl", rows))
    task = only(ask(*(path.parent for path in paths)))
    assert (task.acc_old, task.mean_gain, task.mean_regression) == pytest.approx((4.4817, 1.0, 0.5), abs=1e-4)


def test_other_special_tokens_are_outside_the_papers_regime(ask: Ask, tmp_path: Path) -> None:
    """The harness' summaries show a changed tokenizer; equal ones do not show that the vocabulary is the same."""
    for name, token in (("old", "</s>"), ("new", "<|end|>"), ("same", "</s>")):
        shutil.copytree(HARNESS / "old", tmp_path / name)
        (summary,) = (tmp_path / name).glob("*/results_*")
        data = json.loads(summary.read_text("utf-8")) | {"tokenizer_eos_token": [token, "2"]}
        summary.write_text(json.dumps(data), "utf-8")
    assert ask(tmp_path / "old", tmp_path / "new").regime == "outside"
    assert ask(tmp_path / "old", tmp_path / "same").regime == "unjudged"
    assert "--models" in ask(HARNESS / "old", HARNESS / "new").regime_reason


CHAINS = SHARED / "data/compat/real_chains_210.csv"

COUNTED = [
    # old, new, accuracies, NFR and NFRmc, by direct count
    ("llama-3.1-70b", "llama-3.3-70b", 0.767, 0.576, 0.214, 0.367),
    ("llama-3-70b", "llama-3.1-70b", 0.405, 0.767, 0.033, 0.219),
    ("deepseek-v3-0324", "deepseek-v3.1", 0.886, 0.876, 0.024, 0.095),
]


@needs_shared
@pytest.mark.parametrize(("old", "new", "before", "after", "flips", "inconsistent"), COUNTED)
def test_real_chains_have_the_rates_of_a_direct_count(
    ask: Ask, tmp_path: Path, old: str, new: str, before: float, after: float, flips: float, inconsistent: float
) -> None:
    """210 real items of models in version chains; a minor number may lose a fifth of them."""
    rows = defaultdict(list)
    with CHAINS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows[row["model"]].append({"id": row["item"], "correct": row["correct"], "prediction": row["answer"]})
    task = only(ask(*(write_csv(tmp_path / f"{name}.csv", rows[name]) for name in (old, new))))
    assert task.nfr is not None
    assert task.nfr_mc is not None
    found = (task.acc_old, task.acc_new, task.nfr.value, task.nfr_mc.value)
    assert found == pytest.approx((before, after, flips, inconsistent), abs=5e-4)


def test_a_task_without_scores_of_instances_is_unchecked(ask: Ask, tmp_path: Path) -> None:
    """Metrics over all instances alone leave a task uncompared: the verdict is not `within`."""
    for side in ("old", "new"):
        rows = [row | {"metrics": ["f1"], "f1": [0, 1]} for row in samples(side, "toy_sums")]
        write_jsonl(tmp_path / side / "samples_other_2026-01-01T00-00-00.jsonl", rows)
        write_jsonl(tmp_path / side / "samples_toy_sums_2026-01-01T00-00-00.jsonl", samples(side, "toy_sums"))
    answer = ask(tmp_path / "old", tmp_path / "new", limit=0.9)
    assert [each.what for each in answer.unchecked] == ["other"]
    assert answer.verdict == "unjudged"

"""The benchmark of comparisons runs on a zoo and counts what is right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest

from benchmarks import compare
from tests.support.model_folders import model, write_adapter, write_model
from tests.support.sketches import trained


def write_zoo(root: Path) -> None:
    """Write a base, its cast, a fine-tune, a model of another seed, and a LoRA merged into the base."""
    base = model(0, layers=2)
    half = {name: each.astype(numpy.float16) for name, each in base.items()}
    write_model(root / "a/base", base)
    write_model(root / "a/half", half, dtype="F16")
    write_model(root / "b/tuned/r0", trained(base, 3))
    write_model(root / "b/tuned/r1", trained(base, 4))
    write_model(root / "b/other", model(1, layers=2))
    write_model(root / "a/merged", write_adapter(root / "a/lora", base, "a/base"))
    edges = [
        ("a/half", "a/base", "cast", "F32 to F16"), ("b/tuned", "a/base", "finetune", "light"),
        ("a/lora", "a/base", "adapter", "rank 8"), ("a/merged", "a/base", "merge", "lora base"),
        ("a/merged", "a/lora", "merge", "lora adapter"),
    ]  # fmt: skip
    truth = {
        "nodes": [{"id": each} for each in ("a/base", "a/half", "a/lora", "a/merged", "b/tuned", "b/other", "b/gone")],
        "edges": [
            {"child": child, "parent": parent, "relation": relation, "detail": detail, "shares_weights": True}
            for child, parent, relation, detail in edges
        ],
    }
    (root / "truth.json").write_text(json.dumps(truth))


@pytest.mark.slow
def test_the_benchmark_counts_what_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each pair is judged against the truth, edges by relation, and each model's sample is counted at a server."""
    write_zoo(tmp_path / "zoo")
    code = compare.main(["--zoo", str(tmp_path / "zoo"), "--json", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert (code, found["goals missed"]) == (0, [])
    assert found["confusion"]["unrelated"] == {"unrelated": 5}
    assert found["edges"]["cast"]["direction"] == {"right": 1}
    assert found["edges"]["merge"]["method"] == {"right": 2}
    assert found["edges"]["adapter"]["verdict"] == {"derived": 1}
    assert set(found["sample of each model"]) == {"a/base", "a/half", "a/lora", "a/merged", "b/other"}
    assert all(each["bytes"] > 0 and each["requests"] > 0 for each in found["sample of each model"].values())
    assert "least related:" in capsys.readouterr().out


def test_a_missed_goal_is_named() -> None:
    """Figures beyond a goal fail the benchmark, by name."""
    figures = {
        "related called unrelated": 1, "unrelated called related": 0, "share undecided": 0.2, "direction right": 1.0,
        "cpu seconds a pair": {"mean": 0.1, "most": 9.0}, "peak bytes a pair": 1,
    }  # fmt: skip
    assert compare.goals_missed(figures) == ["related called unrelated: 1", "share undecided: 0.2"]

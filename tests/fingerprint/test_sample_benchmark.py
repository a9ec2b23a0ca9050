"""The benchmark of samples serves sparse files of large models and counts what is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import layouts, sample
from tests.support import layouts as shapes

CONFIG = {"model_type": "llama", "hidden_size": 512, "num_attention_heads": 4, "num_key_value_heads": 4}

SMALL = shapes.llama(512, 1_024, 2, 1_024, 512)


@pytest.mark.parametrize(
    "layout",
    [
        layouts.plain(SMALL, "BF16", CONFIG), layouts.gptq(SMALL, CONFIG, act_order=True),
        layouts.gptq(SMALL, CONFIG, act_order=False), layouts.awq(SMALL, CONFIG), layouts.nf4(SMALL, CONFIG),
        layouts.gguf(SMALL, 2, 4, 4),
    ],
    ids=["plain", "gptq", "gptq in order", "awq", "nf4", "gguf"],
)  # fmt: skip
def test_each_layout_is_a_model_that_can_be_sampled(layout: layouts.Layout) -> None:
    """Headers of every layout are read as those of real files: all 16 matrices have a strip, three a square."""
    found = sample.measure(layout)
    assert (found["strips"], found["squares"], found["vectors"]) == (16, 3, 4)
    assert found["bytes"] > 0


def test_the_benchmark_writes_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A 7B model in BF16 keeps all strips within the budget, and its terabytes take no room."""
    assert sample.main(["--only", "7B BF16", "--json", str(tmp_path / "found.json")]) == 0
    (found,) = json.loads((tmp_path / "found.json").read_text("utf-8")).values()
    assert found["size"] > 13 * 10**9
    assert (found["strips"], found["squares"], found["vectors"]) == (64, 3, 32)
    assert found["bytes"] < 16_000_000 + found["of it headers"]
    assert found["ranges"] <= 200
    assert "above 2% of the model: none" in capsys.readouterr().out

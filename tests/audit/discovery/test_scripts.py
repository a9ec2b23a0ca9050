"""Models in shell text: flags, words, variables, programs inside programs, and what only looks like one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lineage.audit.discovery import scripts
from lineage.audit.discovery.discover import discover

Found = list[tuple[str | None, str | None, str, int]]
HEX = "89abcdef0123456789abcdef0123456789abcdef"

SCRIPTS: dict[str, Found] = {
    "vllm serve acme/a --revision v1": [("acme/a", "v1", "certain", 1)],
    f"vllm serve \\\n  --port 80 \\\n  acme/a \\\n  --revision {HEX}": [("acme/a", HEX, "certain", 3)],
    "python -m vllm.entrypoints.openai.api_server --model=acme/a --served-model-name acme/b": [
        ("acme/a", None, "certain", 1)
    ],
    "hf download acme/a x.gguf --revision main --local-dir models/a": [("acme/a", "main", "certain", 1)],
    "hf download --repo-type dataset acme/a": [],
    "hf upload acme/a . .": [("acme/a", None, "possible", 1)],
    "text-generation-launcher --model-id acme/a --quantize awq": [("acme/a", None, "certain", 1)],
    "llama-server -hf acme/a:Q4_K_M -hfd acme/d --hf-file x.gguf": [
        ("acme/a", None, "certain", 1),
        ("acme/d", None, "certain", 1),
    ],
    "lm_eval --model hf --model_args pretrained=acme/a,revision=v2,peft=acme/p --tasks mmlu": [
        ("acme/a", "v2", "certain", 1),
        ("acme/p", None, "certain", 1),
    ],
    "huggingface-cli download --resume-download acme/a --local-dir acme/b": [("acme/a", None, "certain", 1)],
    "pip install git+https://huggingface.co/acme/a@v1": [("acme/a", "v1", "certain", 1)],
    "tmux new -d 'vllm serve acme/a'; ssh host \"cd /x && vllm serve acme/b\"": [
        ("acme/a", None, "certain", 1),
        ("acme/b", None, "certain", 1),
    ],
    "helm install x ./c --set model.name=acme/a,model.revision=v1 --set image.repository=acme/i": [
        ("acme/a", "v1", "certain", 1)
    ],
    "ollama run hf.co/acme/a:Q8_0; ollama pull llama3": [("acme/a", None, "certain", 1)],
    "git clone -b v3 https://huggingface.co/acme/a": [("acme/a", "v3", "certain", 1)],
    "git clone https://huggingface.co/datasets/acme/a": [],
    "git clone https://github.com/acme/a": [],
    "curl -LO https://huggingface.co/acme/a/resolve/v4/model.bin": [("acme/a", "v4", "certain", 1)],
    "# vllm serve acme/a\n: '\nvllm serve acme/b\n'": [],
    "echo 'vllm serve acme/a'": [],
    "M=acme/a\nvllm serve $M --revision v1": [("acme/a", "v1", "likely", 1)],
    'M=${1:-acme/a}\nvllm serve "$M"': [("acme/a", None, "likely", 1)],
    "vllm serve ${M:-acme/a}": [("acme/a", None, "likely", 1)],
    "vllm serve $UNKNOWN": [(None, None, "possible", 1)],
    "for m in acme/a acme/b; do hf download $m; done": [("acme/a", None, "likely", 1), ("acme/b", None, "likely", 1)],
    "MODELS=(acme/a\n acme/b)\nfor m in ${MODELS[@]}; do vllm serve $m; done": [
        ("acme/a", None, "likely", 1),
        ("acme/b", None, "likely", 2),
    ],
    "MODEL_ID=acme/a": [("acme/a", None, "possible", 1)],
    "export MODEL_ID=acme/a": [("acme/a", None, "likely", 1)],
    "docker model pull hf.co/acme/a; docker model run ai/smollm2; ollama run hf.co/acme/b": [
        ("acme/a", None, "certain", 1),
        ("acme/b", None, "certain", 1),
    ],
    "eland_import_hub_model --hub-model-id acme/a; python -m onnxruntime_genai.models.builder -m acme/b -o out/b": [
        ("acme/a", None, "certain", 1),
        ("acme/b", None, "certain", 1),
    ],
    "lm_eval --model_args base_url=http://x/v1,tokenizer=acme/a": [("acme/a", None, "certain", 1)],
    "modelscope download --model acme/a": [],
    "for m in acme/a acme/b; do lighteval vllm model_name=$m,dtype=x; done": [
        ("acme/a", None, "likely", 1),
        ("acme/b", None, "likely", 1),
    ],
    "read -d '' c <<X\ntrain --pretrain acme/a \\\n  --prompt_data acme/d\nX": [("acme/a", None, "certain", 2)],
    'bash -c "vllm serve acme/a"': [("acme/a", None, "certain", 1)],
    "cat > c.yaml <<EOF\nmodel_id: acme/a\nEOF": [("acme/a", None, "likely", 2)],
    "x=$(hf download acme/a)": [("acme/a", None, "certain", 1)],
    "docker run -e MODEL_ID=acme/a --rm acme/image:latest --tokenizer acme/t": [
        ("acme/a", None, "likely", 1),
        ("acme/t", None, "certain", 1),
    ],
    "docker run vllm/vllm-openai:latest acme/a": [("acme/a", None, "certain", 1)],
    'vllm serve acme/a --lora-modules s=acme/l --speculative-config \'{"model": "acme/s"}\'': [
        ("acme/a", None, "certain", 1),
        ("acme/l", None, "certain", 1),
        ("acme/s", None, "certain", 1),
    ],
    "python train.py --model_name_or_path bert-base-uncased --dataset_name acme/d --hub_model_id acme/o": [
        ("bert-base-uncased", None, "certain", 1),
        ("acme/o", None, "possible", 1),
    ],
    "python train.py model.name=acme/a data.path=acme/d": [("acme/a", None, "certain", 1)],
    "litellm --model openai/gpt-4o-mini; aider --model anthropic/claude-3": [],
}

Read = Callable[[str, str], Found]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Discover the models of one file."""

    def of(name: str, content: str) -> Found:
        (tmp_path / name).write_text(content)
        return [(each.model, each.revision, each.grade, each.line) for each in discover(tmp_path).references]

    return of


@pytest.mark.parametrize(("script", "found"), SCRIPTS.items())
def test_a_script_names_its_models(read: Read, script: str, found: Found) -> None:
    """Each command that loads a model is found, with its line, its revision and how sure that is."""
    assert read("run.sh", script) == found


def test_a_use_through_a_variable_is_kept(tmp_path: Path) -> None:
    """The place of a reference is that of the id; where the variable is used is kept beside it."""
    (tmp_path / "a.sh").write_text("M=acme/a\n\nvllm serve $M\n")
    (found,) = discover(tmp_path).references
    assert (found.line, found.column, [(use.line, use.column) for use in found.used_at]) == (1, 3, [(3, 12)])


@pytest.mark.parametrize("hostile", ['"$(', "${a:-", "<<A\n", "'", "$(", "a=(", "<", "`", "x ", "\\\n"])
def test_a_hostile_script_ends(read: Read, hostile: str) -> None:
    """Brackets and quotes that never close cost no more than their length."""
    assert read("run.sh", hostile * 20_000) == []


def test_more_commands_than_people_write_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script of a megabyte of commands is read up to a number of them, and reported as not read in full."""
    monkeypatch.setattr(scripts, "MAX_COMMANDS", 100)
    (tmp_path / "run.sh").write_text("vllm serve acme/a\n" + "a\n" * 100 + "vllm serve acme/b\n")
    found = discover(tmp_path)
    assert [each.model for each in found.references] == ["acme/a"]
    assert [(each.file, "100 commands" in each.reason) for each in found.unread] == [("run.sh", True)]

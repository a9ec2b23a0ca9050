"""Forms of configurations and commands beside the usual ones: XML, tables, functions of the shell, sources of git."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lineage.audit.discovery.discover import discover

HEX = "89abcdef0123456789abcdef0123456789abcdef"
Found = list[tuple[int, str, str | None, str]]

FILES: list[tuple[str, str, Found]] = [
    ("a.xml", "<r>\n<!-- <model>acme/x</model> -->\n<string name=\"model_id\">acme/a</string>\n"
              "<model ref='v'>acme/b</model>\n<add key=\"EmbeddingModel\" value=\"acme/c\"/><image>a/d</image></r>", [
        (3, "acme/a", None, "likely"), (4, "acme/b", None, "likely"), (5, "acme/c", None, "likely")]),
    ("Info.plist", "<dict><key>ModelRepo</key>\n<string>acme/a</string><key>Team</key><string>acme/b</string></dict>", [
        (2, "acme/a", None, "likely")]),
    ("config.pbtxt", "parameters: {\n key: \"model_id\"\n value: { string_value: \"acme/a\" } # model: \"a/b\"\n}\n", [
        (3, "acme/a", None, "likely")]),
    ("models.csv", "repo_id,revision\nacme/a,v1\n\"acme/b\",\n", [
        (2, "acme/a", "v1", "certain"), (3, "acme/b", None, "certain")]),
    ("results.csv", "model,accuracy\nacme/a,0.9\n", []),
    ("app.config", "<configuration><add key='model' value='acme/a'/></configuration>", [(1, "acme/a", None, "likely")]),
    ("nextflow.config", "params {\n  model = 'acme/a'\n}\n", [(2, "acme/a", None, "likely")]),
    ("MLproject", "entry_points:\n  main:\n    parameters:\n      base_model: {type: string, default: acme/a}\n", [
        (4, "acme/a", None, "likely")]),
    ("a.yaml", "model_args: pretrained=acme/a,revision=v1,dtype=x\n", [(1, "acme/a", "v1", "certain")]),
    ("a.yaml", "PRELOAD_MODELS: '[\"acme/a\", {\"model\": \"acme/b\"}]'\n", [
        (1, "acme/a", None, "likely"), (1, "acme/b", None, "likely")]),
    ("a.yaml", "build-args: |\n  HF_REPO=acme/a\n  BASE=acme/image\n", [(2, "acme/a", None, "certain")]),
    ("a.yaml", "providers: [{id: 'huggingface:text-generation:acme/a'}, 'openai:gpt-4o']\nmodel: hf/acme/b\n", [
        (1, "acme/a", None, "certain"), (2, "acme/b", None, "likely")]),
    ("a.yaml", f"source:\n  repoURL: https://huggingface.co/acme/a\n  targetRevision: {HEX}\nx: https://hf.co/a/b\n", [
        (2, "acme/a", HEX, "likely"), (4, "a/b", None, "possible")]),
    ("package.json", '{"dependencies": {"m": "git+https://huggingface.co/acme/a.git#v2"}}', [
        (1, "acme/a", "v2", "certain")]),
    ("a.yaml", "weights: acme/notes\nclip: acme/clip-vit-base\n", [(2, "acme/clip-vit-base", None, "likely")]),
    ("a.yaml", "NVIDIA_NIM_MODEL: acme/a\nGITHUB_MODELS_MODEL: acme/b\nHUGGING_FACE_ID: acme/c\n", [
        (3, "acme/c", None, "likely")]),
    ("a.sh", "get() {\n  hf download \"$1\" --revision $2\n}\nget acme/a v1\nget acme/b v2\n", [
        (4, "acme/a", "v1", "likely"), (5, "acme/b", "v2", "likely")]),
    ("a.sh", "function get { hf download $1; }\nget acme/a\nother acme/b\n", [(2, "acme/a", None, "likely")]),
    ("a.sh", "declare -A MODELS=([chat]=\"acme/a\" [x]=acme/b)\nfor k in x; do hf download ${MODELS[$k]}; done\n", [
        (1, "acme/a", None, "likely"), (1, "acme/b", None, "likely")]),
    ("a.sh", "download_model acme/a\npython x.py acme/b\n", [
        (1, "acme/a", None, "likely"), (2, "acme/b", None, "possible")]),
    ("a.sh", "curl http://x/v1 -d '{\"model\": \"acme/a\"}'\nhelm install x --set 'a.spec[0].modelURL=acme/b'\n", [
        (2, "acme/b", None, "certain")]),
    ("a.sh", "mteb run -m acme/notes-bert-base\nrun -m acme/notes\npull huggingface:acme/c\n", [
        (1, "acme/notes-bert-base", None, "likely"), (3, "acme/c", None, "certain")]),
    ("a.rs", "let r = api.repo(Repo::with_revision(\n \"acme/a\".into(),\n RepoType::Model,\n \"v1\".into()));\n", [
        (2, "acme/a", "v1", "certain")]),
    ("a.go", "var all = []string{\n\t\"acme/notes-bert-base\",\n\t\"acme/notes\",\n}\n", [
        (2, "acme/notes-bert-base", None, "likely")]),
    ("main.tf", 'variable "model_id" { default = "acme/a" }\nenv { EMBED_MODEL = "acme/b" }\n', [
        (1, "acme/a", None, "likely"), (2, "acme/b", None, "likely")]),
    ("tox.ini", "[testenv]\ncommands =\n    hf download acme/a\n    echo acme/b\n", [(3, "acme/a", None, "certain")]),
    ("a.json", '{"command": "vllm", "args": ["serve", "acme/a"], "x": ["--base-model", "acme/b", "--data", "a/d"]}', [
        (1, "acme/a", None, "certain"), (1, "acme/b", None, "certain")]),
    ("a.yaml", "params:\n- name: model-id\n  default: acme/a\n- {key: HF_MODEL, input: {default: acme/b}}\n", [
        (3, "acme/a", None, "likely"), (4, "acme/b", None, "certain")]),
    ("crontab", "0 3 * * * hf download acme/a\n", [(1, "acme/a", None, "certain")]),
    ("a.sh", "MODELS=\"acme/a acme/b\"\nfor m in $MODELS; do hf download $m; done\n", [
        (1, "acme/a", None, "likely"), (1, "acme/b", None, "likely")]),
    ("leaderboard.json", '[{"model": "acme/a", "accuracy": 0.9}, {"name": "acme/b-7b", "elo": 9}]', [
        (1, "acme/a", None, "possible")]),
    ("models.tsv", "lang\tmodel\nes\tacme/a\n", [(2, "acme/a", None, "likely")]),
    ("a.yaml", "envs:\n- {name: A_MODEL, value: acme/a}\n- name: TOKEN\nmodel_hub: hub\nwhisper_hub: acme/b\n", [
        (2, "acme/a", None, "likely"), (5, "acme/b", None, "likely")]),
    ("a.sh", "python -m train -m model.pretrained=acme/a,acme/b seed=1,2\n", [
        (1, "acme/a", None, "certain"), (1, "acme/b", None, "certain")]),
    ("models.txt", "# to fetch\nacme/a\nacme/b@v1\n", [(2, "acme/a", None, "likely"), (3, "acme/b", "v1", "likely")]),
    ("model_notes.txt", "acme/a\nis better than acme/b\n", []),
    ("a.ps1", 'param(\n  [string]$Repo = "acme/a",\n  [string]$Out = ".\\x"\n)\nhf download $Repo\n', [
        (2, "acme/a", None, "likely")]),
    ("catalog.yml", "a:\n  type: hub.TransformerPipelineDataset\n  model_name: acme/a\n"
                    "b:\n  type: hub.HFDataset\n  model_name: acme/b\n", [(3, "acme/a", None, "likely")]),
    ("a.sh", "train --model_name_or_path saved_outputs/mrpc\ntrain --model_name_or_path my_lab/mrpc\n", [
        (2, "my_lab/mrpc", None, "certain")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "found"), FILES)
def test_a_file_of_another_form_names_its_models(tmp_path: Path, name: str, content: str, found: Found) -> None:
    """Each model is found with its line, revision and grade, and nothing that only looks like a model."""
    (tmp_path / name).write_text(content)
    references = [each for each in discover(tmp_path).references if each.model]
    assert [(each.line, each.model, each.revision, each.grade) for each in references] == found


HOSTILE = {
    "tags.xml": "<a>" * 30_001,
    "quotes.xml": "<a b='" * 60_000,
    "open.xml": "<!--" * 60_000,
    "braces.pbtxt": "{" * 50_000,
    "wide.csv": "repo_id," + "a," * 100_000 + "\n" + "b," * 100_000,
    "marks.yaml": '- {{ .Values.a | default "' * 10_000,
    "tasks.yaml": "x: " + "huggingface:a-b:" * 20_000 + "\n",
    "names.yaml": "".join(f"k{number}: acme/bert-base-{number}\n" for number in range(500)),
    "calls.sh": "f() {\n f $1 $1\n f $1\n}\n" + "f acme/a\n" * 1_000,
}


@pytest.mark.slow
def test_hostile_forms_are_bounded(tmp_path: Path) -> None:
    """Elements without an end, quotes that do not close and functions that call themselves are read in seconds."""
    for name, content in HOSTILE.items():
        (tmp_path / name).write_text(content)
    started = time.monotonic()
    found = discover(tmp_path)
    assert time.monotonic() - started < 60
    assert "tags.xml" in {each.file for each in found.unread}

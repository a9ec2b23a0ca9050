"""Models in configurations whose key does not say so, and names that only look like those of models that are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.audit.discovery.discover import discover
from lineage.audit.discovery.name_shapes import is_telling

Found = list[tuple[str, int, str | None, str | None, str]]

TREES: list[tuple[dict[str, str], Found]] = [
    ({"a.yaml": "summary:\n  path: acme/notes-bart-large\nindex:\n  path: acme/notes\nimages:\n  path: a/vit-base\n"}, [
        ("a.yaml", 2, "acme/notes-bart-large", None, "likely")]),
    ({"a.yaml": "brain: {source: HF, repo: acme/a, rev: v1}\nother: {source: npm, repo: acme/b}\n"}, [
        ("a.yaml", 1, "acme/a", "v1", "likely")]),
    ({"a.yaml": "brain:\n  id: acme/a\n  torch_dtype: auto\nbranch: acme/bert-base\nx: acme/a-7b-dataset\n"}, [
        ("a.yaml", 2, "acme/a", None, "likely")]),
    ({"a.yaml": "step: {repo_id: acme/a, type_info: {name: LoadDataFromHub}}\nstep2: {repo_id: acme/b}\n"}, [
        ("a.yaml", 2, "acme/b", None, "certain")]),
    ({"a.yaml": "model_list:\n- model_name: acme/alias\n  litellm_params: {model: hosted_vllm/x}\n"
                "models:\n- {name: acme/alias, model: acme/a}\n- {name: acme/b}\n"}, [
        ("a.yaml", 5, "acme/a", None, "likely"), ("a.yaml", 6, "acme/b", None, "likely")]),
    ({"run.sh": "vllm serve acme/a --served-model-name chat/small\n", "ui.yaml": "model: chat/small\n"}, [
        ("run.sh", 1, "acme/a", None, "certain"), ("ui.yaml", 1, "chat/small", None, "possible")]),
    ({"run.sh": "vllm serve acme/a --served-model-name acme/a\n", "ui.yaml": "model: acme/a\n"}, [
        ("run.sh", 1, "acme/a", None, "certain"), ("ui.yaml", 1, "acme/a", None, "likely")]),
    ({".env": "BRAIN=acme/a\nBRAIN_PIN='v1'\nWHO=acme/b\n", "deploy/compose.yaml":
        "services:\n  s:\n    image: vllm/vllm-openai\n    command: --model ${BRAIN} --revision ${BRAIN_PIN}\n"}, [
        (".env", 1, "acme/a", "v1", "likely")]),
    ({".env": "M=acme/a\n", "x/.env": "M=acme/b\n", "x/run.sh": "hf download $M --revision v1\n"}, [
        ("x/.env", 1, "acme/b", "v1", "likely")]),
    ({"c/values.yaml": "brain: {name: acme/a, pin: v1}\nimage: {name: acme/image}\n", "c/templates/d.yaml":
        "args:\n- --model={{ .Values.brain.name }}\n- --revision\n- {{ .Values.brain.pin | quote }}\n"}, [
        ("c/values.yaml", 1, "acme/a", "v1", "likely")]),
    ({"c/templates/d.yaml": "args:\n- --model-id\n- {{ .Values.a.b | default \"acme/a\" | quote }}\n"}, [
        ("c/templates/d.yaml", 3, "acme/a", None, "likely")]),
    ({"run.sh": "mlc_llm serve HF://acme/a-MLC\n./start -hfd acme/b:Q8_0\n"}, [
        ("run.sh", 1, "acme/a-MLC", None, "certain"), ("run.sh", 2, "acme/b", None, "certain")]),
    ({"run.sh": "M=acme/a\nvllm serve --model $M --tokenizer $M --revision v1\n"}, [
        ("run.sh", 1, "acme/a", "v1", "likely")]),
    ({"a.yaml": "models:\n- {type: main, engine: nim, model: acme/a}\n- {type: x, engine: vllm, model: acme/b}\n"}, [
        ("a.yaml", 3, "acme/b", None, "likely")]),
    ({"group_vars/all.yml": "brain: acme/a\npin: v1\n",
      "tasks.yml": "- command: hf download {{ brain }} --revision {{ pin }}\n"}, [
        ("group_vars/all.yml", 1, "acme/a", "v1", "likely")]),
    ({".env": "EMBEDDING_MODEL=acme/a\nEMBEDDING_REVISION=v1\n", "a.yaml":
        "x: {model: acme/b, commit_sha: v2}\ny: {model: {name: acme/c}, revision: v3}\n"
        "base: &base {revision: v4}\nz:\n  <<: *base\n  model: acme/d\n"}, [
        (".env", 1, "acme/a", "v1", "likely"), ("a.yaml", 1, "acme/b", "v2", "likely"),
        ("a.yaml", 2, "acme/c", "v3", "likely"), ("a.yaml", 6, "acme/d", "v4", "likely")]),
]  # fmt: skip


@pytest.mark.parametrize(("files", "found"), TREES)
def test_a_tree_of_configurations_names_its_models(tmp_path: Path, files: dict[str, str], found: Found) -> None:
    """A model is found by what is beside it, by its own parts, or by a variable that another file sets."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    references = [each for each in discover(tmp_path).references if each.model]
    assert [(each.file, each.line, each.model, each.revision, each.grade) for each in references] == found


@pytest.mark.parametrize("model", ["acme/notes-7b", "acme/x-GGUF", "acme/tickets-bert-base", "acme/whisper-small-de"])
def test_some_names_say_that_they_are_models(model: str) -> None:
    """A size, a form of weights, or a family with a variant says that an id is one of a model."""
    assert is_telling(model)


@pytest.mark.parametrize(
    "name", ["acme/website", "acme/llama-client", "feature/bert-base", "acme/chat-data-7b", "acme/base", "a/b/c-7b"]
)
def test_other_names_do_not(name: str) -> None:
    """Datasets, branches, repositories of code and names with one hint only are not read without a key."""
    assert not is_telling(name)

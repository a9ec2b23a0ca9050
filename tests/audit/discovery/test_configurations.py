"""Models in files of configuration: keys, arguments and scripts in them, and values that only look like a model."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from lineage.audit.discovery.discover import Discovery, discover

HEX = "89abcdef0123456789abcdef0123456789abcdef"
Found = list[tuple[str | None, str | None, str, int]]

FILES: list[tuple[str, str, Found]] = [
    ("a.yaml", "model_id: acme/a\nrevision: v1\n", [("acme/a", "v1", "likely", 1)]),
    ("a.yaml", "embedder:\n  name: acme/a\n  commit: '0123'\n", [("acme/a", "0123", "likely", 2)]),
    ("a.yaml", "model: acme/a\nmodel_revision: v1\ntokenizer: acme/t\n", [
        ("acme/a", "v1", "likely", 1), ("acme/t", None, "likely", 3)]),
    ("a.yaml", "storageUri: hf://acme/a:v2\n", [("acme/a", "v2", "certain", 1)]),
    ("a.yaml", "dataset:\n  name: acme/a\n  repo_id: acme/b\n", []),
    ("a.yaml", "repo_id: acme/a\nrepo_type: dataset\n", []),
    ("a.yaml", "image: acme/a\nuses: acme/b@v1\nlicense: acme/c\nname: acme/d\n", []),
    ("a.yaml", "# model: acme/a\nmodel: ./acme/a\nprompt: acme/a\nmetric: acme/b\n", []),
    ("a.yaml", "hub_model_id: acme/a\n", [("acme/a", None, "possible", 1)]),
    ("a.yaml", "llm: {provider: openrouter, config: {model: acme/a}}\n", []),
    ("a.yaml", "llm: {provider: openai, base_url: 'http://localhost:8000/v1', model: acme/a}\n", [
        ("acme/a", None, "likely", 1)]),
    ("a.yaml", "base: &m acme/a\nmodel: *m\n", [("acme/a", None, "likely", 1)]),
    ("a.yaml", "base: acme/a\nmodel: ${base}\n", [("acme/a", None, "likely", 1)]),
    ("a.yaml", "model: \"acme/\\u0061\"\nlink: see https://huggingface.co/acme/b\n", [
        ("acme/a", None, "likely", 1), ("acme/b", None, "possible", 2)]),
    ("a.yaml", "_target_: transformers.AutoModel.from_pretrained\n_args_: [acme/a]\n", [
        ("acme/a", None, "certain", 2)]),
    ("a.yaml", "models:\n- model: acme/a\n- model: acme/b+acme/l\n", [
        ("acme/a", None, "likely", 2), ("acme/b", None, "likely", 3), ("acme/l", None, "likely", 3)]),
    ("a.yaml", "services:\n  s:\n    image: x\n    command: >\n      --model-id acme/a\n      --revision v1\n", [
        ("acme/a", "v1", "certain", 5)]),
    ("a.yaml", "run: >\n  serve\n  --model acme/a\n  --lora-modules s=acme/l\n", [
        ("acme/a", None, "certain", 3), ("acme/l", None, "certain", 4)]),
    ("a.yaml", "model_name:\n  values: [acme/a]\ndataset:\n  values: [acme/d]\n", [("acme/a", None, "likely", 2)]),
    ("a.yaml", "model: ${env.M:=acme/a}\n", [("acme/a", None, "likely", 1)]),
    ("a.yaml", "model: ${oc.env:M,acme/a}\ntokenizer: ${M:acme/t}\nencoder: ${hydra:runtime.cwd}/x/y\n", [
        ("acme/a", None, "likely", 1), ("acme/t", None, "likely", 2)]),
    ("a.yaml", "base_model: acme/a\nrevision_of_model: v1\nlora_model_dir: acme/l\nadapter: lora\n", [
        ("acme/a", "v1", "likely", 1), ("acme/l", None, "likely", 3)]),
    ("a.yaml", "model:\n  type: acme/x\n  tokenizer: {library: huggingface, type: acme/a}\n", [
        ("acme/a", None, "likely", 3)]),
    ("a.yaml", "include:\n- {model: acme/a, rev: v1}\n- {model: acme/b, rev: v2}\n- {model: acme/c}\n"
               "run: vllm serve ${{ matrix.model }} --revision ${{ matrix.rev }}\n", [
        ("acme/a", "v1", "likely", 2), ("acme/b", "v2", "likely", 3), ("acme/c", None, "likely", 4)]),
    ("a.yaml", "serveConfigV2: |\n  apps:\n  - model_source: acme/a\n    model_id: acme/alias\n", [
        ("acme/a", None, "likely", 3)]),
    ("a.yaml", "patch: |\n  - op: replace\n    path: /a/b\n    value: --model=acme/a\n", [
        ("acme/a", None, "certain", 4)]),
    ("a.yaml", "write_files:\n- path: /x/y.container\n  content: |\n    [Container]\n    Exec=--model-id acme/a\n", [
        ("acme/a", None, "certain", 5)]),
    ("a.yaml", "runcmd:\n- [hf, download, acme/a]\n- vllm serve acme/b\n", [
        ("acme/a", None, "certain", 2), ("acme/b", None, "certain", 3)]),
    ("a.yaml", "model_id: ${env.M:=acme/a}\nprovider_model_id: acme/b\n", [("acme/b", None, "likely", 2)]),
    ("pixi.toml", "[x]\nfetch = 'hf download acme/a'\nabout = 'llama is acme/b'\n", [("acme/a", None, "certain", 2)]),
    ("a.container", "[Container]\nEnvironment=MODEL_ID=acme/a\nExec=--model-id acme/b\n", [
        ("acme/a", None, "likely", 2), ("acme/b", None, "certain", 3)]),
    ("a.yaml", "args: ['--model=$(M)']\ncommand: [serve]\nenv:\n- name: M\n  value: acme/a\n", [
        ("acme/a", None, "likely", 5)]),
    ("a.yaml", "data:\n  run.sh: |\n    vllm serve acme/a\n", [("acme/a", None, "certain", 3)]),
    ("a.yaml", "{% if x %}\nmodel: {{ m | default('acme/a') }}\n{% endif %}\n", [("acme/a", None, "likely", 2)]),
    ("a.yaml", "a: [b\nmodel: acme/a\n", [("acme/a", None, "likely", 2)]),
    ("a.json", '{"args": ["--model", "acme/a"], // c\n "scripts": {"x": "hf download acme/b"},}', [
        ("acme/a", None, "certain", 1), ("acme/b", None, "certain", 2)]),
    ("a.json", '{"base_model_name_or_path": "acme/a", "revision": null}', [("acme/a", None, "certain", 1)]),
    ("a.yaml", "model: acme/a\nrevision: ~\n", [("acme/a", None, "likely", 1)]),
    ("a.json", '{"model":\n "acme\\/a"}', [("acme/a", None, "likely", 2)]),
    ("a.toml", "[[runs]]\nmodel = { id = 'acme/a', revision = \"v1\" }\n[runs.x]\nmodels = [\n 'acme/b', # c\n]\n", [
        ("acme/a", "v1", "likely", 2), ("acme/b", None, "likely", 5)]),
    ("pyproject.toml", "[tool.lineage]\nmodel = 'acme/a'\n[tool.x]\nmodel = 'acme/b'\n", [
        ("acme/b", None, "likely", 4)]),
    (".env", f"EMBED_MODEL=acme/a\nEMBED_MODEL_REVISION={HEX}\nOPENAI_MODEL=acme/b\n#MODEL=acme/c\n", [
        ("acme/a", HEX, "likely", 1)]),
    ("main.tf", 'variable "model_id" {\n  default = "acme/a"\n}\n', [("acme/a", None, "likely", 2)]),
    ("main.tf", 'resource "x" {\n  model {\n    name = "acme/a"\n    revision = "v1"\n  }\n  name = "acme/b"\n}\n', [
        ("acme/a", "v1", "likely", 3)]),
    ("Dockerfile", "RUN python -c \"from peft import AutoModel; \\\n  AutoModel.from_pretrained('acme/a')\"\n", [
        ("acme/a", None, "certain", 2)]),
    ("Dockerfile", "FROM acme/image\nENV M=acme/a\nRUN x && \\\n  hf download $M --revision v1\n", [
        ("acme/a", "v1", "likely", 2)]),
    ("Dockerfile.gpu", 'ENTRYPOINT ["vllm", "serve"]\nCMD ["acme/a", "--revision", "v1"]\n', [
        ("acme/a", "v1", "certain", 2)]),
    ("Dockerfile", "RUN <<EOF\nhf download acme/a\nEOF\nADD https://huggingface.co/acme/b/resolve/v1/x /x\n", [
        ("acme/a", None, "certain", 2), ("acme/b", "v1", "certain", 4)]),
    ("Dockerfile", f"RUN git clone https://huggingface.co/acme/a /a && cd /a && git checkout {HEX}\n", [
        ("acme/a", HEX, "certain", 1)]),
    ("Makefile", "M ?= acme/a\n# M = acme/c\nx:\n\t@vllm serve $(M)\n\tfor m in acme/b; do hf download $$m; done\n", [
        ("acme/a", None, "likely", 1), ("acme/b", None, "likely", 5)]),
    ("justfile", "m := 'acme/a'\nget:\n  hf download {{m}}; hf download acme/b\nrun model='acme/c': get\n  x\n", [
        ("acme/a", None, "likely", 1), ("acme/b", None, "certain", 3), ("acme/c", None, "likely", 4)]),
    ("a.py", 'run(["lm_eval", "--model", "hf", "--model_args", "pretrained=acme/a,dtype=x"])\n', [
        ("acme/a", None, "certain", 1)]),
    ("Modelfile", "FROM hf.co/acme/a:Q4_K_M\nFROM llama3\n# FROM hf.co/acme/b\n", [("acme/a", None, "certain", 1)]),
    ("Procfile", "web: text-embeddings-router --model-id acme/a\n", [("acme/a", None, "certain", 1)]),
    ("a.service", "[Service]\nEnvironment=\"MODEL=acme/a\"\nExecStart=vllm serve \\\n  acme/b\n", [
        ("acme/a", None, "likely", 2), ("acme/b", None, "certain", 4)]),
    ("a.ps1", '$M = "acme/a"\nvllm serve $M `\n  --revision v1\n', [("acme/a", "v1", "likely", 1)]),
    ("a.bat", "set M=acme/a\nvllm serve %M% --revision v1\n", [("acme/a", "v1", "likely", 1)]),
    ("a.rs", 'let a = api.model("acme/a".to_string());\n// api.model("acme/b")\nlet p = "src/main";\n', [
        ("acme/a", None, "certain", 1)]),
    ("a.txt", "See https://huggingface.co/acme/a, or hf://acme/b@v1.\n", [
        ("acme/a", None, "possible", 1), ("acme/b", "v1", "certain", 1)]),
]  # fmt: skip


def _discover(folder: Path, name: str, content: str) -> Discovery:
    (folder / name).write_text(content)
    return discover(folder)


@pytest.mark.parametrize(("name", "content", "found"), FILES)
def test_a_configuration_names_its_models(tmp_path: Path, name: str, content: str, found: Found) -> None:
    """Each model is found with its line, revision and grade, and nothing that only looks like a model."""
    references = _discover(tmp_path, name, content).references
    assert [(each.model, each.revision, each.grade, each.line) for each in references] == found


def test_a_place_is_that_of_the_id(tmp_path: Path) -> None:
    """Line and column are those of the id in the file, through quotes, escapes, folds and nested texts."""
    found = _discover(tmp_path, "a.yaml", 'run: |\n    bash -c "hf download \'acme/a\'"\nx: {model_id: "\\tacme/b"}\n')
    assert [(each.line, each.column) for each in found.references] == [(2, 27), (3, 18)]


def test_what_is_asked_beside_the_id(tmp_path: Path) -> None:
    """Selector, file, subfolder, variant and trust in code come from the keys and flags beside the id."""
    text = "model_id: acme/a:Q4_K_M\nsubfolder: s\nvariant: fp16\nfilename: f\ntrust_remote_code: true\n"
    (found,) = _discover(tmp_path, "a.yaml", text).references
    assert (found.selector, found.subfolder, found.variant) == ("Q4_K_M", "s", "fp16")
    assert (found.filename, found.trust_remote_code) == ("f", True)


def test_broken_files_are_reported(tmp_path: Path) -> None:
    """A file that is read in part, or by its lines, is named with the reason."""
    for name in ("a.yaml", "b.json", "c.toml"):
        (tmp_path / name).write_text(
            "a: [b\n" if name == "a.yaml" else '{"a": ' if name == "b.json" else "a = 1\n???\n"
        )
    unread = discover(tmp_path).unread
    assert [(each.file, each.reason.partition(":")[0].partition(" in ")[0]) for each in unread] == [
        ("a.yaml", "not valid YAML"), ("b.json", "not valid JSON"), ("c.toml", "not valid TOML"),
    ]  # fmt: skip


HOSTILE = {
    "bomb.yaml": "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 200)),
    "deep.yaml": "[" * 20_000,
    "deep.json": '{"a":' * 20_000,
    "deep.toml": "a = " + "[" * 20_000,
    "marks.yaml": "{{" * 20_000,
    "loop.sh": "A=$B\nB=$A\nvllm serve $A\n" * 300,
    "words.sh": "vllm serve " + "acme/a " * 5_000,
    "Dockerfile": "RUN \\\n" * 5_000,
}


def test_hostile_configurations_are_bounded(tmp_path: Path) -> None:
    """Texts that grow, nest or loop are read in seconds, and what was left out is reported."""
    for name, content in HOSTILE.items():
        (tmp_path / name).write_text(content)
    started = time.monotonic()
    found = discover(tmp_path)
    assert time.monotonic() - started < 60
    assert {each.file for each in found.unread} >= {"deep.yaml", "deep.json", "deep.toml", "words.sh"}


def test_files_inside_of_files_are_bounded(tmp_path: Path) -> None:
    """A file of YAML in a value of YAML is read, and one inside of a hundred others is not: it takes no time."""
    text = "model: acme/a\nx: 1\n"
    for _ in range(100):
        text = "x.yaml: |\n" + "".join(f" {line}\n" for line in text.splitlines()) + "y: 1\n"
    begin = time.monotonic()
    found = _discover(tmp_path, "a.yaml", text)
    assert not found.unread
    assert time.monotonic() - begin < 10


def test_a_submodule_is_pinned_by_the_index(tmp_path: Path) -> None:
    """The commit of a submodule is that which git's index holds; a submodule of a dataset is not a model."""
    (tmp_path / ".gitmodules").write_text(
        '[submodule "a"]\n\tpath = vendor/a\n\turl = https://huggingface.co/acme/a\n'
        '[submodule "d"]\n\tpath = vendor/d\n\turl = https://huggingface.co/datasets/acme/d\n'
        '[submodule "b"]\n\tpath = vendor/b\n\turl = git@hf.co:acme/b\n\tbranch = v2\n'
    )
    for command in (["init", "-q"], ["update-index", "--add", "--cacheinfo", f"160000,{HEX},vendor/a"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    found = [(each.model, each.revision, each.pinned, each.line) for each in discover(tmp_path).references]
    assert found == [("acme/a", HEX, True, 3), ("acme/b", "v2", False, 9)]


def test_a_submodule_that_is_not_fetched_is_reported(tmp_path: Path) -> None:
    """An empty or missing folder of a submodule hides sources; a fetched one, an excluded one and a model do not."""
    paths = ("empty", "missing", "fetched", "left")
    lines = [f'[submodule "{each}"]\n\tpath = {each}\n\turl = https://git.example/{each}.git\n' for each in paths]
    model = '[submodule "m"]\n\tpath = m\n\turl = https://huggingface.co/acme/m\n'
    (tmp_path / ".gitmodules").write_text("".join([*lines, model]))
    for each in ("empty", "fetched", "left", "m"):
        (tmp_path / each).mkdir()
    (tmp_path / "fetched" / "a.py").write_text("x = 1\n")
    unread = {each.file: each.reason for each in discover(tmp_path, exclude=["/left/"]).unread}
    assert unread.keys() == {"empty", "missing"}
    assert "git submodule update --init" in unread["empty"]


def test_weights_of_the_tree_are_found(tmp_path: Path) -> None:
    """A folder of a model counts once, a weight file alone by itself, and training state not at all."""
    for file in (
        *("m/config.json", "m/model.safetensors", "m/model.fp16.safetensors", "x.gguf", "m/optimizer.pt"),
        *("p/model_index.json", "p/unet/config.json", "p/unet/diffusion_pytorch_model.safetensors"),
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"{}")
    assert [tuple(each) for each in discover(tmp_path).weights] == [("m", True), ("p", True), ("x.gguf", False)]

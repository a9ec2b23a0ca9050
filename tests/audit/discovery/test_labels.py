"""Labels: what a keyword, key, variable or option says of a string that no known call loads."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path

import pytest

from lineage.audit.discovery.discover import discover


def marked(folder: Path, text: str, name: str = "app.py") -> tuple[set[str], set[str]]:
    """Return the models that a source marks by `# models:`, and those found as certain or likely on the same lines.

    A model has its line and, behind `@`, its revision.
    """
    source = textwrap.dedent(text)
    (folder / name).write_text(source)
    wanted = {
        f"{number} {model}"
        for number, line in enumerate(source.splitlines(), 1)
        for model in line.partition("models: ")[2].split()
    }
    found = {
        f"{each.line} {each.model}" + (f"@{each.revision}" if each.revision else "")
        for each in discover(folder).references
        if each.grade != "possible" and each.file == name
    }
    return wanted, found


def test_labels_of_any_library_name_models(tmp_path: Path) -> None:
    """A keyword, positional text, key, default or choice whose label says model is likely, with the revision beside."""
    wanted, found = marked(
        tmp_path,
        """\
        from somewhere import Wrapper, TextEncoder, build_tagger_hf, models, Sparse
        Wrapper(model="acme/kw-1", revision="r1")  # models: acme/kw-1@r1
        Wrapper(textEncoderName="acme/kw-2", backbone="acme/kw-3")  # models: acme/kw-2 acme/kw-3
        TextEncoder("acme/positional-1")  # models: acme/positional-1
        build_tagger_hf("acme/tagger-1")  # models: acme/tagger-1
        models.llamacpp_like("acme/of-module-1")  # models: acme/of-module-1
        KVoicePipeline(lang="a", repo_id="acme/repo-1")  # models: acme/repo-1
        NERModel("roberta", "roberta-base")  # models: roberta-base
        RERANK_MODEL = "acme/constant-1"  # models: acme/constant-1
        start(RERANK_MODEL)
        def answer(prompt, model_name: str = "acme/default-1"):  # models: acme/default-1
            return backend.run(model_name, prompt)
        EMBEDDER = env("EMBEDDER_MODEL", default="acme/env-1")  # models: acme/env-1
        OTHER = env.str("CHAT_MODEL", "acme/env-2")  # models: acme/env-2
        go(OTHER, EMBEDDER)
        registry = {"small": {"model_id": "acme/key-1", "revision": "r2"}}  # models: acme/key-1@r2
        go(registry)
        go(config={"embedder": {"provider": "huggingface", "config": {"model": "acme/key-2"}}})  # models: acme/key-2
        trial.suggest_categorical("base_model", ["acme/pick-1", "acme/pick-2"])  # models: acme/pick-1 acme/pick-2
        Choice(label="Embedding model", choices=["acme/choice-3"])  # models: acme/choice-3
        parser.add_argument("--teacher", default="acme/option-1")  # models: acme/option-1
        class Settings(BaseSettings):
            local_llm: str = "acme/field-1"  # models: acme/field-1@main
            local_llm_revision: str = "main"
            class Inner:
                encoder = Field("acme/field-2", alias="X")  # models: acme/field-2
        ENCODERS = {}
        ENCODERS["de"] = "acme/item-1"  # models: acme/item-1
        go(ENCODERS, Settings.Inner.encoder)
        evaluate(model="hf", model_args="pretrained=acme/packed-1,revision=r3")  # models: acme/packed-1@r3
        subprocess.run("vllm serve acme/split-1".split())  # models: acme/split-1
        LLM(model="huggingface/acme/routed-1")  # models: acme/routed-1
        ChatOpenAI(model="acme/own-1", base_url="http://vllm:8000/v1")  # models: acme/own-1
        go(ModelSpec(id="acme/spec-1", revision="r5"))  # models: acme/spec-1@r5
        class EmbeddingSettings(BaseSettings):
            name: str = "acme/general-1"  # models: acme/general-1
        later(hf_hub_download, "acme/later-1", "a.bin", revision="r4")  # models: acme/later-1@r4
        """,
    )
    assert found == wanted


def test_what_stands_beside_a_label_says_that_it_is_none(tmp_path: Path) -> None:
    """Providers, services, datasets, outputs, logs, paths and images under labels of models are not models."""
    wanted, found = marked(
        tmp_path,
        """\
        from litellm import completion
        from transformers import AutoModel
        MODEL = "meta-llama/Llama-3.3-70B-Instruct"
        client = OpenAI(base_url="https://openrouter.ai/api/v1")
        client.chat.completions.create(model=MODEL)
        completion(model="acme/served-1")
        TogetherEmbeddings(model="acme/served-2")
        ChatOpenAI(model="acme/served-3", base_url="https://api.together.xyz/v1")
        requests.post(URL, json={"model": "acme/served-4"})
        payload = {"model": "acme/served-5"}
        requests.post(URL, json=payload)
        AI = [{"model": "acme/served-6", "api_type": "together"}]
        init_chat_model("acme/served-7", model_provider="groq")
        def ask(model="qwen/qwen-2.5-72b-instruct"):
            return session.run(model)
        class Settings(BaseSettings):
            openrouter_model: str = "mistralai/mistral-small-24b"
            model_url: str = "example.com/model-1"
            tokenizer_dir: str = "vocab/dialect-1"
            model_type: str = "decoder/llama-1"
        class Hosted(BaseSettings):
            provider: str = "openrouter"
            model: str = "acme/served-8"
        mlflow.register_model("runs:/x", "acme/made-1")
        mlflow.log_param("model", "acme/made-2")
        mlflow.set_tag("base_model", "acme/made-3")
        NEW_MODEL_NAME = "acme/made-4"
        merged_model = "acme/made-5"
        push(NEW_MODEL_NAME, merged_model)
        upload_model("acme/made-6")
        ReadDataFromHub(repo_id="acme/data-1")
        hf_hub_download("acme/data-2", "x.json", repo_type="dataset")
        get_model(model_id="soccer-players/2")
        torch.hub.load("acme/code-1", "small", model="acme/code-2")
        MODEL_IMAGE = "acme/image-1:1.2"
        load_model("checkpoints/run-1")
        UNUSED_MODEL = "acme/unused-1"
        class OpenRouterEmbedder:
            def __init__(self, model="acme/served-9"):
                self.model = model
        class Client:
            def __init__(self, config):
                self.config = config
                self.config.chat_model = self.config.chat_model or "acme/served-10"
            def ask(self):
                params = {"temperature": 0}
                params["model"] = self.config.chat_model
                return self.client.chat.completions.create(**params)
        assert settings.model == "acme/compared-1"
        """,
    )
    assert found == wanted == set()


def test_a_used_setting_of_a_framework_counts(tmp_path: Path) -> None:
    """A file of settings is read by a framework, so nothing in the tree has to name its constants."""
    (tmp_path / "configs").mkdir()
    wanted, found = marked(
        tmp_path,
        """\
        models = [
            dict(type=Causal, abbr="a", path="acme/mapped-1", revision="r1"),  # models: acme/mapped-1@r1
        ]
        judge_models = [dict(type=Served, path="gpt-4o-2024-08-06")]
        """,
        "configs/eval.py",
    )
    assert found == wanted


def test_a_label_says_nothing_of_what_another_file_loads(tmp_path: Path) -> None:
    """A field that a later file loads at a revision is one reference, at that revision; a served one is none."""
    (tmp_path / "a_config.py").write_text(
        'class C(Base):\n    model: str = "acme/field-1"\n    rev: str = "v9"\n    other_model: str = "acme/served-1"\n'
    )
    (tmp_path / "b.py").write_text(
        "from a_config import C\nc = C()\nAutoModel.from_pretrained(c.model, revision=c.rev)\n"
        "openai.chat.completions.create(model=c.other_model)\n"
    )
    found = [(each.model, each.revision) for each in discover(tmp_path).references if each.grade != "possible"]
    assert found == [("acme/field-1", "v9")]


def test_scripts_have_labels_too(tmp_path: Path) -> None:
    """Objects, constants and classes of TypeScript are read by the same rule."""
    wanted, found = marked(
        tmp_path,
        """\
        import { createOpenRouter } from '@openrouter/ai-sdk-provider';
        import { downloadFile } from '@huggingface/hub';
        new Embedder({ model: 'acme/ts-1', dimensions: 384 }); // models: acme/ts-1
        export const RERANKER = { modelId: 'acme/ts-2', revision: 'r1' }; // models: acme/ts-2@r1
        worker.postMessage(RERANKER);
        await downloadFile({ repo: { type: 'model', name: 'acme/ts-3' }, path: 'a.json' }); // models: acme/ts-3
        await downloadFile({ repo: { type: 'dataset', name: 'acme/ts-4' }, path: 'a.json' });
        const router = createOpenRouter({ apiKey: 'x' });
        router.chat('acme/served-1');
        await fetch(URL, { body: JSON.stringify({ model: 'acme/served-2' }) });
        """,
        "app.ts",
    )
    assert found == wanted


@pytest.mark.parametrize("line", ["MODEL_{0} = 'org/x-{0}'", "D[k{0}] = Encoder('org/x-{0}')\nload(D[z])"])
def test_a_file_with_many_labels_is_bounded(tmp_path: Path, line: str) -> None:
    """The time grows with the size of the file, not with its square."""
    (tmp_path / "a.py").write_text("D = {}\n" + "\n".join(line.format(number) for number in range(600)))
    began = time.process_time()
    discover(tmp_path)
    assert time.process_time() - began < 4

"""Forms in which programs name the models they load: enumerations, forms of gradio, ids inside longer texts."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from lineage.audit.discovery.discover import discover
from lineage_schemas.reference import Reference

SHA = "0123456789abcdef0123456789abcdef01234567"


def sure(folder: Path, text: str, name: str = "a.py") -> list[Reference]:
    """Return the certain and likely references of one file."""
    (folder / name).write_text(textwrap.dedent(text))
    found = discover(folder)
    assert found.unread == ()
    return [each for each in found.references if each.grade != "possible"]


def named(found: list[Reference]) -> list[tuple[str | None, str | None, int]]:
    return [(each.model, each.revision, each.line) for each in found]


def test_members_of_an_enumeration_keep_their_revisions(tmp_path: Path) -> None:
    """A parameter of an enumeration's type may be any member, and id and revision of a member stay together."""
    found = sure(
        tmp_path,
        f"""\
        class Spec(NamedTuple):
            repo: str
            revision: str | None = None

        class Models(Enum):
            BIG = Spec("acme/big", "v1")
            SMALL = Spec(repo="acme/small", revision="{SHA}")
            _ignored = "acme/ignored"

        def load(which: Models | None = Models.BIG):
            spec = which.value
            return AutoModel.from_pretrained(spec.repo, revision=spec.revision)
        """,
    )
    assert named(found) == [("acme/big", "v1", 6), ("acme/small", SHA, 7)]


def test_one_member_of_an_enumeration_is_one_reference(tmp_path: Path) -> None:
    """Where a program names the member, the others are not loaded."""
    found = sure(
        tmp_path,
        """\
        class Models(str, Enum):
            BIG = "acme/big"
            SMALL = "acme/small"

        AutoModel.from_pretrained(Models.SMALL.value)
        """,
    )
    assert named(found) == [("acme/small", None, 3)]


@pytest.mark.parametrize("text", ['f"hf-hub:{MODEL}"', '"hf-hub:" + MODEL', '"hf-hub:%s" % MODEL'])
def test_an_id_in_a_longer_text_is_placed_where_the_id_stands(tmp_path: Path, text: str) -> None:
    """The text around the id is put together elsewhere; a reader looks for the line with the id."""
    found = sure(tmp_path, f'MODEL = "acme/clip"\nname = {text}\nopen_clip.create_model_and_transforms(name)\n')
    assert named(found) == [("acme/clip", None, 1)]


def test_what_a_form_of_gradio_gives_reaches_the_function(tmp_path: Path) -> None:
    """The function of an event gets the values of the inputs; what a user may choose is loaded."""
    found = sure(
        tmp_path,
        """\
        def run(text, name):
            return AutoModel.from_pretrained(name)

        def chat(message, history, name):
            return AutoModel.from_pretrained(name)

        box, names = gr.Textbox(), gr.Dropdown(choices=["acme/a", "acme/b"])
        gr.Button().click(run, [box, names], None)
        gr.Interface(fn=run, inputs=["text", gr.Radio(["acme/c"])], outputs="text")
        gr.ChatInterface(chat, additional_inputs=[gr.Textbox(value="acme/d")])
        """,
    )
    assert [each.model for each in found] == ["acme/a", "acme/b", "acme/c", "acme/d"]


def test_gradio_loads_models_and_spaces(tmp_path: Path) -> None:
    """`gr.load` names a model behind `models/` or `huggingface/`; a Space is none."""
    found = sure(
        tmp_path,
        """\
        import gradio as gr
        gr.load("models/acme/a")
        gr.load("huggingface/acme/b")
        gr.load("acme/c", src="models")
        gr.load("spaces/acme/space")
        gr.load("acme/space", src="spaces")
        """,
    )
    assert [each.model for each in found] == ["acme/a", "acme/b", "acme/c"]


def test_the_tokenizer_of_a_pipeline_has_the_revision_of_the_call(tmp_path: Path) -> None:
    """`pipeline` reads both at one revision; vLLM has a keyword for the revision of the tokenizer."""
    found = sure(
        tmp_path,
        """\
        from transformers import pipeline
        from vllm import LLM
        pipeline("ner", model="acme/m",
                 tokenizer="acme/m", revision="v1")
        LLM(model="acme/l", revision="v2",
            tokenizer="acme/t", tokenizer_revision="v3")
        LLM(model="acme/x", revision="v4",
            tokenizer="acme/y")
        """,
    )
    assert named(found) == [
        ("acme/m", "v1", 3),
        ("acme/m", "v1", 4),
        ("acme/l", "v2", 5),
        ("acme/t", "v3", 6),
        ("acme/x", "v4", 7),
        ("acme/y", None, 8),
    ]


@pytest.mark.parametrize(
    "call",
    [
        "from haystack.components.generators.chat import HuggingFaceAPIChatGenerator\n"
        'HuggingFaceAPIChatGenerator(api_type="serverless_inference_api", api_params={"model": "acme/model"})',
        'from sentence_transformers import models\nmodels.Transformer("acme/model", max_seq_length=256)',
        'from bert_score import score\nscore(found, wanted, model_type="acme/model")',
        'from llama_index.core import Settings\nSettings.embed_model = "local:acme/model"',
        'from llama_index.core import VectorStoreIndex\nVectorStoreIndex(documents, embed_model="local:acme/model")',
    ],
)
def test_calls_of_libraries_that_name_a_model(tmp_path: Path, call: str) -> None:
    """Each library has its own place for the id."""
    assert named(sure(tmp_path, call)) == [("acme/model", None, 2)]


def test_the_page_of_a_model_is_loaded_where_it_is_the_model(tmp_path: Path) -> None:
    """web-llm takes the address of a page as `model`; a page under another name is only mentioned."""
    found = sure(
        tmp_path,
        """\
        const config = { model_list: [{ model: "https://huggingface.co/acme/model", model_id: "m" }] };
        const docs = { homepage: "https://huggingface.co/acme/other" };
        """,
        "a.ts",
    )
    assert named(found) == [("acme/model", None, 1)]

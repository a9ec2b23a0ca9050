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


@pytest.mark.parametrize("use", ["body.voice", "body.voice.value"])
def test_a_field_of_an_enumeration_may_be_any_member(tmp_path: Path, use: str) -> None:
    """A request may name any of the members; a text enumeration is its own value."""
    found = sure(
        tmp_path,
        f"""\
        class Voice(StrEnum):
            SMALL = "acme/small"
            LARGE = "acme/large"

        class Speech(BaseModel):
            voice: Voice = Voice.SMALL

        def speak(body: Speech):
            return AutoModel.from_pretrained({use})
        """,
    )
    assert named(found) == [("acme/small", None, 2), ("acme/large", None, 3)]


def test_the_choices_of_an_option_are_loaded(tmp_path: Path) -> None:
    """An option may be any of its choices, with a default and without one."""
    found = sure(
        tmp_path,
        """\
        parser.add_argument("--model", default="acme/a", choices=["acme/a", "acme/b"])
        parser.add_argument("--teacher", choices=["acme/c"])
        args = parser.parse_args()
        AutoModel.from_pretrained(args.model)
        AutoModel.from_pretrained(args.teacher)
        """,
    )
    assert {each.model for each in found} == {"acme/a", "acme/b", "acme/c"}


def test_a_partial_call_has_the_sink_of_its_function(tmp_path: Path) -> None:
    """`load = partial(M.from_pretrained)` loads what it is called with."""
    found = sure(tmp_path, 'load = partial(M.from_pretrained, device_map="auto")\nload("acme/a")\n')
    assert [(each.model, each.grade) for each in found] == [("acme/a", "certain")]


def test_hyperparameters_are_those_of_the_constructor(tmp_path: Path) -> None:
    """lightning keeps the arguments of the constructor in `self.hparams`."""
    found = sure(
        tmp_path,
        """\
        class Lit(LightningModule):
            def __init__(self, backbone="acme/backbone"):
                self.save_hyperparameters()
                self.encoder = AutoModel.from_pretrained(self.hparams.backbone)
        """,
    )
    assert named(found) == [("acme/backbone", None, 2)]


@pytest.mark.parametrize(
    "call",
    [
        'from txtai import Embeddings\nEmbeddings({"path": "acme/model", "content": True})',
        'from txtai.pipeline import Summary\nSummary("acme/model")',
        'from semantic_router.encoders import HuggingFaceEncoder\nHuggingFaceEncoder(name="acme/model")',
    ],
)
def test_calls_of_further_libraries_that_name_a_model(tmp_path: Path, call: str) -> None:
    """The dictionary that a call gets first has the id under the name of the keyword."""
    assert named(sure(tmp_path, call)) == [("acme/model", None, 2)]


@pytest.mark.parametrize(
    "call",
    [
        'const hub = createHuggingFace({ apiKey: key });\nhub("acme/model");',
        'import { huggingface } from "@ai-sdk/huggingface";\nhuggingface("acme/model");',
        'const files = new Wllama();\nfiles.loadModelFromHF("acme/model", "q8.gguf");',
        'import { HuggingFaceEmbedding } from "llamaindex";\nnew HuggingFaceEmbedding({ modelType: "acme/model" });',
    ],
)
def test_calls_of_scripts_that_name_a_model(tmp_path: Path, call: str) -> None:
    """A provider of the AI SDK is a function that takes the id."""
    assert named(sure(tmp_path, call, "a.ts")) == [("acme/model", None, 2)]


def test_a_parameter_of_a_scripts_enumeration_may_be_any_member(tmp_path: Path) -> None:
    """TypeScript names the type of a parameter as Python does."""
    found = sure(
        tmp_path,
        """\
        import { pipeline } from "@huggingface/transformers";
        enum Model {
          Small = "acme/small",
          Base = "acme/base",
        }
        export const load = (id: Model = Model.Small) => pipeline("feature-extraction", id);
        """,
        "a.ts",
    )
    assert named(found) == [("acme/small", None, 3), ("acme/base", None, 4)]


def test_an_embedder_of_lancedbs_registry(tmp_path: Path) -> None:
    """The registry's name says that the model is one of the Hub; a hosted one is none."""
    found = sure(
        tmp_path,
        """\
        from lancedb.embeddings import get_registry
        get_registry().get("sentence-transformers").create(name="acme/embedder", device="cpu")
        get_registry().get("openai").create(name="acme/hosted")
        """,
    )
    assert named(found) == [("acme/embedder", None, 2)]


def test_further_models_have_their_own_revision_and_the_calls_trust(tmp_path: Path) -> None:
    """`custom_revision` is that of `custom_pipeline`; `trust_remote_code` is for each model that the call loads."""
    found = sure(
        tmp_path,
        f"""\
        from diffusers import DiffusionPipeline
        DiffusionPipeline.from_pretrained("acme/base", custom_pipeline="acme/code", custom_revision="main",
                                          revision="{SHA}", trust_remote_code=True)
        pipeline("text-generation", model="acme/x", tokenizer="acme/y", trust_remote_code=True)
        """,
    )
    assert [each.filename for each in found] == [None, "pipeline.py", None, None]
    assert [(each.model, each.revision, each.trust_remote_code) for each in found] == [
        ("acme/base", SHA, True), ("acme/code", "main", True), ("acme/x", None, True), ("acme/y", None, True),
    ]  # fmt: skip

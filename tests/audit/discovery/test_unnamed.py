"""Calls that load a model and name none, or one that no Hub can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.audit.discovery.discover import discover


def _found(folder: Path, source: str) -> list[tuple[str | None, str | None]]:
    (folder / "a.py").write_text(source)
    return [(each.model, each.unresolved) for each in discover(folder).references]


@pytest.mark.parametrize(
    "source",
    [
        "from transformers import pipeline\npipeline('sentiment-analysis')",
        "import transformers\ntransformers.pipeline(task='summarization', device=0)",
        "from transformers import pipeline\nTASK = 'translation_en_to_fr'\npipeline(TASK, model=None)",
        "import timm\ntimm.create_model('resnet50', pretrained=True)",
        "from timm import create_model\ncreate_model(f'resnet{50}', True, num_classes=2)",
        "import open_clip\nopen_clip.create_model_and_transforms('ViT-B-32', pretrained='laion2b_s34b_b79k')",
        "from langchain_huggingface import HuggingFaceEmbeddings\nHuggingFaceEmbeddings()",
        "from bertopic import BERTopic\nBERTopic(language='english')",
    ],
)
def test_a_model_that_the_library_chooses_is_unresolved(tmp_path: Path, source: str) -> None:
    """The source names a task or an architecture; which model that is depends on the library's version."""
    ((model, expression),) = _found(tmp_path, source)
    assert model is None
    assert expression == " ".join(source.splitlines()[-1].split()) or "f'" in source


@pytest.mark.parametrize(
    "source",
    [
        "from transformers import pipeline\npipeline = pipeline('ner', tagger)\npipeline('The film was great')",
        "import timm\ntimm.create_model('resnet50')\ntimm.create_model('resnet50', pretrained=False)",
        "import timm\ntimm.create_model('vit', pretrained=True, pretrained_cfg_overlay={'file': 'vit.bin'})",
        "import open_clip\nopen_clip.create_model('ViT-B-32', pretrained='/models/clip.pt')",
        "from keybert import KeyBERT\nKeyBERT(embedder())",
        "def run(m):\n    pass\nm.generate(custom_generate=run)",
    ],
)
def test_a_call_that_loads_nothing_of_the_hub_is_no_reference(tmp_path: Path, source: str) -> None:
    """Without `pretrained`, from a file, or with an object of the program, the library chooses no model."""
    found = _found(tmp_path, source)
    assert [each for each in found if each != (None, "tagger")] == []


@pytest.mark.parametrize("name", ["acme/\x1b[31mred", "acme/b ase", "a/b/c", "acme/mod--el", "acme/na\u200bme!"])
def test_an_id_that_no_model_can_have_is_unresolved(tmp_path: Path, name: str) -> None:
    """The call loads something or fails: it is listed, and what would move a terminal is escaped."""
    source = f"import transformers as t\nt.AutoModel.from_pretrained({name!r})\n"
    assert _found(tmp_path, source) == [(None, repr(name))]


@pytest.mark.parametrize(
    "name", ["./a/b/c", "/a/b/c", "out/run/best", "ckpts/a b", "your-name/x/y", "a/b/c.bin", "in/a/b", "spaces/a/b"]
)
def test_paths_and_placeholders_are_not_unresolved(tmp_path: Path, name: str) -> None:
    """A path that the program writes or the tree has, and a name that the reader replaces, load nothing of the Hub."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.txt").write_text("x")
    assert _found(tmp_path, f"import transformers as t\nt.AutoModel.from_pretrained({name!r})\n") == []


def test_code_of_generation_is_a_reference(tmp_path: Path) -> None:
    """`custom_generate` names a repository whose code runs."""
    (tmp_path / "a.py").write_text("m.generate(x, custom_generate='acme/rc', trust_remote_code=True)\n")
    (found,) = discover(tmp_path).references
    assert (found.model, found.trust_remote_code, found.grade) == ("acme/rc", True, "certain")

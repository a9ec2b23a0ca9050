"""Values that flow through a program: which id, which revision, and where both stand."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from lineage.audit.discovery.discover import discover
from lineage_schemas.reference import Reference

SHA = "0123456789abcdef0123456789abcdef01234567"


def read(tmp_path: Path, **files: str) -> list[Reference]:
    for name, text in files.items():
        (tmp_path / f"{name.replace('__', '.')}").write_text(textwrap.dedent(text))
    found = discover(tmp_path)
    assert found.unread == ()
    return list(found.references)


def sure(references: list[Reference]) -> list[tuple[str | None, str | None]]:
    return [(each.model, each.revision) for each in references if each.grade != "possible"]


def test_a_call_over_several_lines_is_placed_where_the_id_stands(tmp_path: Path) -> None:
    """Line and column are those of the id's first character, and the call's facets belong to the reference."""
    (found,) = read(
        tmp_path,
        a__py=f"""\
        pipe = DiffusionPipeline.from_pretrained(
            "acme/pipe",
            revision="{SHA}", subfolder="unet",
            variant="fp16", trust_remote_code=True,
        )
        """,
    )
    assert (found.model, found.line, found.column, found.grade, found.pinned) == ("acme/pipe", 2, 6, "certain", True)
    assert (found.subfolder, found.variant, found.trust_remote_code) == ("unet", "fp16", True)


def test_a_constant_of_another_module_is_placed_where_it_stands(tmp_path: Path) -> None:
    """The place of the text is the reference, and the calls that it flows to are `used_at`."""
    (found,) = read(
        tmp_path,
        config__py='MODEL = "acme/model"\n',
        app__py="""\
        from config import MODEL
        tokenizer = AutoTokenizer.from_pretrained(MODEL)
        model = AutoModel.from_pretrained(MODEL)
        """,
    )
    assert (found.file, found.line, found.column, found.grade) == ("config.py", 1, 10, "likely")
    assert [(place.file, place.line) for place in found.used_at] == [("app.py", 2), ("app.py", 3)]


PAIRED = {
    "calls": """\
        def load(model, revision="main"):
            return AutoModel.from_pretrained(model, revision=revision)
        load("acme/a", "v1")
        load("acme/b")
        """,
    "loop": """\
        for model, revision in [("acme/a", "v1"), ("acme/b", "main")]:
            AutoModel.from_pretrained(model, revision=revision)
        """,
    "objects": """\
        class Loader:
            def __init__(self, model, revision="main"):
                self.model, self.revision = model, revision
            def load(self):
                return AutoModel.from_pretrained(self.model, revision=self.revision)
        Loader("acme/a", revision="v1").load()
        Loader("acme/b").load()
        """,
    "dataclasses": """\
        @dataclass
        class Spec:
            model: str
            revision: str = "main"
        SPECS = {"a": Spec("acme/a", "v1"), "b": Spec(model="acme/b")}
        def load(name):
            spec = SPECS[name]
            return AutoModel.from_pretrained(spec.model, revision=spec.revision)
        """,
    "classes": """\
        class Base:
            revision = "main"
            def load(self):
                return AutoModel.from_pretrained(self.model, revision=self.revision)
        class A(Base):
            model, revision = "acme/a", "v1"
        class B(Base):
            model = "acme/b"
        """,
    "keywords": """\
        def load(model, **options):
            return AutoModel.from_pretrained(model, **options)
        load("acme/a", revision="v1")
        load("acme/b", revision="main")
        """,
    "later": """\
        def load(model, revision="main"):
            return AutoModel.from_pretrained(model, revision=revision)
        functools.partial(load, "acme/a", revision="v1")
        Thread(target=load, args=("acme/b",)).start()
        """,
}


@pytest.mark.parametrize("source", PAIRED.values(), ids=PAIRED)
def test_an_id_keeps_its_own_revision(tmp_path: Path, source: str) -> None:
    """Each id has the revision of its own call, element or object, and not that of another one."""
    assert sure(read(tmp_path, a__py=source)) == [("acme/a", "v1"), ("acme/b", "main")]


def test_a_name_that_is_assigned_again_has_the_value_that_reaches_its_use(tmp_path: Path) -> None:
    """What is assigned before is gone, while both branches of a condition reach what is behind them."""
    found = read(
        tmp_path,
        a__py="""\
        model = "acme/a"
        AutoModel.from_pretrained(model, revision="v1")
        model = "acme/b"
        AutoModel.from_pretrained(model, revision="v2")
        if big:
            model = "acme/c"
        else:
            model = "acme/d"
        AutoModel.from_pretrained(model, revision="v3")
        """,
    )
    assert sure(found) == [("acme/a", "v1"), ("acme/b", "v2"), ("acme/c", "v3"), ("acme/d", "v3")]


def test_what_is_added_to_a_list_is_one_of_its_elements(tmp_path: Path) -> None:
    """Appended elements, added keywords and further arguments of a call are followed as those of a literal are."""
    found = read(
        tmp_path,
        a__py="""\
        MODELS = ["acme/a"]
        MODELS.append("acme/b")
        MODELS += ["acme/c"]
        def load_all(*models):
            for model in models:
                AutoModel.from_pretrained(model, revision="v1")
        load_all("acme/d", *MODELS)
        """,
    )
    assert sure(found) == [("acme/a", "v1"), ("acme/b", "v1"), ("acme/c", "v1"), ("acme/d", "v1")]


def test_what_is_no_model_is_not_found(tmp_path: Path) -> None:
    """Comments, docstrings, datasets, paths, hosted services and the module's own output are none."""
    found = read(
        tmp_path,
        a__py='''\
        """AutoModel.from_pretrained("acme/docstring")"""
        # AutoModel.from_pretrained("acme/comment")
        load_dataset("acme/data")
        hf_hub_download("acme/data", "a.csv", repo_type="dataset")
        model.save_pretrained("runs/best")
        AutoModel.from_pretrained("runs/best")
        AutoModel.from_pretrained("./models/local")
        client.chat.completions.create(model="openai/gpt-4o-mini")
        requests.get(url, headers={"Accept": "text/plain"})
        ''',
    )
    assert [each for each in found if each.grade != "possible"] == []


def test_an_id_that_is_not_known_is_reported_as_an_expression(tmp_path: Path) -> None:
    """A call whose id comes from outside has no model; the expression says where to look."""
    (found,) = read(tmp_path, a__py='AutoModel.from_pretrained(os.environ["MODEL"])\n')
    assert (found.model, found.unresolved, found.grade, found.column) == (None, "os.environ['MODEL']", "possible", 27)


def test_javascript_flows_as_python_does(tmp_path: Path) -> None:
    """Static fields, enumerations, defaults in patterns and exports of another module resolve to their texts."""
    found = read(
        tmp_path,
        models__ts="""\
        export enum Asr { Tiny = 'acme/asr' }
        export const CHAT = { id: 'acme/chat', revision: 'v1' } as const;
        """,
        app__ts="""\
        import { pipeline } from '@huggingface/transformers';
        import { Asr, CHAT } from './models';
        class One { static model = 'acme/one'; static get() { return pipeline('x', this.model); } }
        pipeline('asr', Asr.Tiny);
        pipeline('chat', CHAT.id, { revision: CHAT.revision });
        const load = ({ model = 'acme/two' }) => pipeline('x', model);
        """,
    )
    assert sure(found) == [("acme/one", None), ("acme/two", None), ("acme/asr", None), ("acme/chat", "v1")]


HOSTILE = {
    "deep.py": "x = " + "(" * 5000 + ")" * 5000,
    "chain.py": "x = " + "+".join(['"a"'] * 20_000),
    "circle.py": "\n".join(f"v{n} = v{(n + 1) % 50} or v{(n + 7) % 50}" for n in range(50))
    + "\nAutoModel.from_pretrained(v0)\n",
    "calls.py": "def f(x):\n    return f(f(x + g(x)))\ndef g(x):\n    return f(x)\n"
    "AutoModel.from_pretrained(f('acme/m'))\n",
    "wide.py": "".join(f"m = m{n} if c else 'a/b{n}'\nAutoModel.from_pretrained(m)\n" for n in range(400)),
    "deep.js": "x = " + "[" * 20_000,
    "deep.ts": "f(" * 3000 + "1" + ")" * 3000,
    "deep.md": "> " * 500 + "\n```python\n" * 500,
    "deep.ipynb": '{"cells":' + "[" * 50_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_sources_end_and_are_bounded(tmp_path: Path, name: str) -> None:
    """Nesting, circles and many alternatives neither raise nor hang."""
    (tmp_path / name).write_text(HOSTILE[name])
    (tmp_path / "good.py").write_text('AutoModel.from_pretrained("acme/good")\n')
    found = discover(tmp_path)
    assert "acme/good" in {each.model for each in found.references}

"""Values that programs prepare, join, register and hand on before a call loads them."""

from __future__ import annotations

from pathlib import Path

from tests.audit.discovery.test_program_forms import named, sure


def test_attributes_of_a_member_of_an_enumeration(tmp_path: Path) -> None:
    """A member has its value, what its constructor keeps, its properties, and the fields of its base."""
    found = sure(
        tmp_path,
        """\
        class Built(Enum):
            A = ("acme/built-a", "r1")
            B = ("acme/built-b", "r2")
            def __init__(self, repo, rev):
                self.repo = repo
                self.rev = rev

        class Held(Enum):
            X = Spec("acme/held-x", "r3")
            @property
            def hub_id(self):
                return self.value.repo

        class New(str, Enum):
            N = ("acme/new-n", "r4")
            def __new__(cls, value, rev):
                made = str.__new__(cls, value)
                made.rev = rev
                return made

        @dataclass
        class Spec:
            repo: str
            rev: str = "main"

        class Mixed(Spec, Enum):
            M = "acme/mixed-m", "r5"

        AutoModel.from_pretrained(Built.A.repo, revision=Built.A.rev)
        AutoModel.from_pretrained(Held.X.hub_id, revision=Held.X.value.rev)
        AutoModel.from_pretrained(New.N.value[0], revision=New.N.rev)
        AutoModel.from_pretrained(Mixed.M.repo, revision=Mixed.M.rev)
        for each in Built:
            AutoTokenizer.from_pretrained(each.repo, revision=each.rev)
        """,
    )
    assert named(found) == [
        ("acme/built-a", "r1", 2),
        ("acme/built-b", "r2", 3),
        ("acme/held-x", "r3", 9),
        ("acme/new-n", "r4", 15),
        ("acme/mixed-m", "r5", 27),
    ]


def test_prepared_calls_keep_their_arguments(tmp_path: Path) -> None:
    """`partial` gives its revision to later calls, also through an attribute or a module, and a lambda has a name."""
    (tmp_path / "loads.py").write_text(
        "from functools import partial\nfrom transformers import AutoModel, pipeline\n"
        "get = partial(AutoModel.from_pretrained, revision='r1')\n"
    )
    found = sure(
        tmp_path,
        """\
        import loads
        from loads import get, pipeline as run
        get("acme/partial-1")
        loads.get("acme/partial-2")
        run("text-generation", "acme/handed-on")
        class Holder:
            def __init__(self):
                self.load = partial(AutoModel.from_pretrained, revision="r2")
            def go(self):
                return self.load("acme/partial-3")
        load = lambda name, rev=None: AutoModel.from_pretrained(name, revision=rev)
        load("acme/lambda-1", "r3")
        """,
    )
    assert named(found) == [
        ("acme/partial-1", "r1", 3),
        ("acme/partial-2", "r1", 4),
        ("acme/handed-on", None, 5),
        ("acme/partial-3", "r2", 10),
        ("acme/lambda-1", "r3", 12),
    ]


def test_the_last_dictionary_has_the_item(tmp_path: Path) -> None:
    """In `a | b`, `{**a, key: value}` and a register that is filled by calls, the value that is there counts."""
    found = sure(
        tmp_path,
        """\
        A = {"model_id": "acme/a", "revision": "r0"}
        B = A | {"revision": "r1"}
        AutoModel.from_pretrained(B["model_id"], revision=B["revision"])
        C = {**A, "model_id": "acme/c", "revision": "r2"}
        AutoModel.from_pretrained(C["model_id"], revision=C["revision"])
        REGISTER = {}
        class Entry(NamedTuple):
            name: str
            path: str
            revision: str = "main"
        def add(entry: Entry):
            REGISTER[entry.name] = entry
        add(Entry("x", "acme/x", "r3"))
        add(Entry("y", path="acme/y"))
        def load(name):
            entry = REGISTER[name]
            return AutoModel.from_pretrained(entry.path, revision=entry.revision)
        """,
    )
    assert named(found) == [
        ("acme/a", "r1", 1),
        ("acme/c", "r2", 4),
        ("acme/x", "r3", 13),
        ("acme/y", "main", 14),
    ]


def test_the_router_of_the_hub_takes_the_client_of_a_service(tmp_path: Path) -> None:
    """A client of OpenAI whose address is on the Hub asks for the Hub's models, and another one does not."""
    found = sure(
        tmp_path,
        """\
        hub = OpenAI(base_url="https://router.huggingface.co/v1")
        hub.chat.completions.create(model="acme/router-1:together", messages=[])
        OpenAI().chat.completions.create(model="acme/served-1", messages=[])
        InferenceClient().chat.completions.create(model="acme/hub-1", messages=[])
        """,
    )
    assert named(found) == [("acme/router-1", None, 2), ("acme/hub-1", None, 4)]


def test_a_package_is_not_a_file_of_the_same_name(tmp_path: Path) -> None:
    """An absolute import names a file only where Python may search for it: not inside another package."""
    for file in ("app/__init__.py", "app/embed/__init__.py", "app/embed/fastembed.py", "app/store/__init__.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / file).write_text("")
    found = sure(tmp_path, 'from fastembed import TextEmbedding\nTextEmbedding("acme/fast-1")\n', "app/store/qdrant.py")
    assert named(found) == [("acme/fast-1", None, 2)]


def test_a_variable_of_the_shell_may_hold_flags(tmp_path: Path) -> None:
    """A text or a list of arguments stands for its words."""
    found = sure(
        tmp_path,
        """\
        ARGS="--model acme/in-text --tokenizer acme/tokens"
        LIST=(--model-id acme/in-list --revision v1)
        python -m vllm.entrypoints.openai.api_server $ARGS
        text-generation-launcher "${LIST[@]}"
        """,
        "a.sh",
    )
    assert named(found) == [("acme/in-text", None, 1), ("acme/tokens", None, 1), ("acme/in-list", "v1", 2)]


def test_values_of_one_return_belong_together(tmp_path: Path) -> None:
    """Of a function that returns several pairs, each id has the revision of its own pair."""
    found = sure(
        tmp_path,
        """\
        def pick(lang):
            if lang == "de":
                return "acme/german", "v1"
            return "acme/other", None
        name, revision = pick(LANG)
        AutoModel.from_pretrained(name, revision=revision)
        """,
    )
    assert named(found) == [("acme/german", "v1", 3), ("acme/other", None, 4)]


def test_keywords_that_are_assigned_later(tmp_path: Path) -> None:
    """Items of a dictionary, factories of fields, global names and parts of a text reach the call."""
    found = sure(
        tmp_path,
        """\
        given = {}
        given["revision"] = "v1"
        AutoModel.from_pretrained("acme/given", **given)
        @dataclass
        class Spec:
            name: str = "acme/made"
            revision: str = "v2"
        @dataclass
        class Config:
            model: Spec = field(default_factory=Spec)
        def main(config: Config):
            AutoModel.from_pretrained(config.model.name, revision=config.model.revision)
        def late():
            global LATE
            LATE = "acme/late"
        def load():
            return AutoModel.from_pretrained(LATE)
        repo, tag = "acme/split@v3".split("@")
        AutoModel.from_pretrained(repo, revision=tag)
        """,
    )
    assert named(found) == [
        ("acme/given", "v1", 3),
        ("acme/made", "v2", 6),
        ("acme/late", None, 15),
        ("acme/split", "v3", 18),
    ]


def test_states_and_maps_of_pages(tmp_path: Path) -> None:
    """A state of a component has its first value, and a map the items that it is made of."""
    found = sure(
        tmp_path,
        """\
        import { pipeline } from '@huggingface/transformers';
        const [model, setModel] = useState('acme/state');
        const known = new Map([['a', { id: 'acme/map', revision: 'v1' }]]);
        pipeline('x', model);
        const one = known.get(kind);
        pipeline('x', one.id, { revision: one.revision });
        """,
        "a.tsx",
    )
    assert named(found) == [("acme/state", None, 2), ("acme/map", "v1", 3)]

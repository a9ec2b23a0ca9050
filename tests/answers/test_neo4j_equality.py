"""A graph in Neo4j gives byte for byte the same answers as in SQLite, whether it was collected or copied there."""

from __future__ import annotations

import json
import random
import re
import struct
from base64 import b64decode
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.store_graph import Graph, Recorded, Shape, recorded
from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.diff import diff
from lineage.answers.history import history
from lineage.answers.impact import impact
from lineage.answers.session import Session
from lineage.answers.store import store_forget
from lineage.answers.suggest import suggest
from lineage.answers.trace import trace
from lineage.answers.verify import verify
from lineage.errors import LineageError
from lineage.store.interface import GraphStore
from lineage.store.moving.copying import copy_store
from lineage.store.open import open_store
from lineage.store.rows import Rows
from lineage_cli.main import main
from lineage_schemas.answers.answer import Answer
from tests.support.bare_repository import BareRepository
from tests.support.dump import dump
from tests.support.neo4j_server import PARAMS
from tests.support.repositories import zoo_hub
from tests.support.shared import ROOT, SHARED
from tests.support.weight_files import safetensors_bytes

DEMO = ROOT / "lineage" / "demo_data" / "hub"

EXAMPLES = ROOT / "docs/examples/hub"

TAGGED = "harbour/foghorn-0.1m"

Ask = Callable[[Session], Answer]

CLOCKS = {"collected_at"}

TIMES = 40
"""How often a small graph is repeated to have some hundred models."""


def answer_text(session: Session, ask: Ask) -> str:
    """Return an answer as JSON without timestamps and the store's URL; an error counts as an answer."""
    try:
        return ask(session).model_dump_json(exclude=CLOCKS).replace(session.store_url, "STORE")
    except LineageError as error:
        return f"{type(error).__name__}: {error.message}"


NO_ANSWER = re.compile(
    r"ModelNotFoundError: .* has no history: it is a plain folder|InputError: .* holds no weight file"
)
"""Errors that are the right answer to the questions here."""


def compare(hub: Path | None, urls: tuple[str, str], asks: list[Ask]) -> int:
    """Ask both stores the same questions, and count the answers; only the errors above are allowed."""
    answered = 0
    selector = None if hub is None else str(hub)
    with (
        Session(hub_selector=selector, store_url=urls[0], offline=True) as one,
        Session(hub_selector=selector, store_url=urls[1], offline=True) as other,
    ):
        for ask in asks:
            mine = answer_text(one, ask)
            assert answer_text(other, ask) == mine
            answered += mine.startswith("{")
            assert mine.startswith("{") or NO_ANSWER.match(mine), mine
    return answered


def lines(store: GraphStore) -> list[str]:
    """Dump a store without timestamps."""
    with store.reading() as view:
        return list(dump(view))


def collected(hub: Path, url: str) -> list[str]:
    """Collect every model of a directory Hub, and list them."""
    with Session(hub_selector=str(hub), store_url=url, offline=True) as session:
        models = sorted(session.hub.list_models(limit=1000))
        collect(session, models, level="full")
        return models


def questions(hub: Path, models: list[str]) -> Iterator[Ask]:
    """Yield every question that the store answers about each model of a Hub."""
    for model in models:
        yield lambda session, m=model: trace(session, m)  # type: ignore[misc]
        yield lambda session, m=model: trace(session, m, down=True)  # type: ignore[misc]
        yield lambda session, m=model: trace(session, m, down=True, depth=1, max_models=2)  # type: ignore[misc]
        yield lambda session, m=model: trace(session, m, to=models[0])  # type: ignore[misc]
        yield lambda session, m=model: history(session, m, all_branches=True)  # type: ignore[misc]
        yield lambda session, m=model: check(session, [m])  # type: ignore[misc]
        if (hub / model).is_dir():
            yield lambda session, m=model: verify(session, str(hub / m))  # type: ignore[misc]
    yield lambda session: diff(session, models[0], models[-1])


def about_versions(urls: tuple[str, str]) -> None:
    """Read a model with an understated version into both stores, and ask what its versions are worth."""
    for url in urls:
        with Session(hub_selector=str(EXAMPLES), store_url=url, offline=True) as session:
            collect(session, [TAGGED], level="full")
    asks: list[Ask] = [
        lambda session: suggest(session, TAGGED),
        lambda session: history(session, TAGGED, releases=True),
        lambda session: impact(session, TAGGED, fail_on="warning"),
        lambda session: check(session, [TAGGED], fail_on="warning"),
    ]
    assert compare(EXAMPLES, urls, asks) == len(asks)


@pytest.fixture(params=["demo", "zoo"])
def hub(request: pytest.FixtureRequest) -> Path:
    """Return the demo's Hub, or the whole zoo if it is available."""
    return DEMO if request.param == "demo" else request.getfixturevalue("zoo")


@pytest.mark.timeout(600)
def test_neo4j_answers_of_a_collection(hub: Path, neo4j_url: str, tmp_path: Path) -> None:
    """After a collection into either store each question has the same answer, and deleting leaves the same graph."""
    sqlite = str(tmp_path / "graph.db")
    models = collected(hub, sqlite)
    assert collected(hub, neo4j_url) == models
    answered = compare(hub, (sqlite, neo4j_url), list(questions(hub, models)))
    assert answered > 4 * len(models)
    about_versions((sqlite, neo4j_url))
    with open_store(sqlite) as one, open_store(neo4j_url) as other:
        assert lines(other) == lines(one)
    assert compare(hub, (sqlite, neo4j_url), [lambda session: store_forget(session, models[::2])]) == 1
    with open_store(sqlite) as one, open_store(neo4j_url) as other:
        assert lines(other) == lines(one)


def sample() -> tuple[Graph, list[Recorded]]:
    """Take a part of the graph that publishers declared by July 2024, or of a similar one, with all ancestors."""
    records = recorded(SHARED / "data" / "graph")
    dice = random.Random(11)
    kept = {record.key: record for record in dice.sample(records, 1500)}
    known = {record.key: record for record in records}
    waiting = [base for record in kept.values() for base in record.bases]
    while waiting:
        base = waiting.pop()
        if base in known and base not in kept:
            kept[base] = known[base]
            waiting += known[base].bases
    chosen = sorted(kept.values())
    return Graph(Shape(len(chosen), 10**6, 2000), chosen), chosen


@pytest.mark.timeout(600)
def test_neo4j_answers_of_the_declared_graph(neo4j_url: str, tmp_path: Path) -> None:
    """In the declared graph, walks up, down and between some hundred models have the same results."""
    sqlite = str(tmp_path / "graph.db")
    graph, records = sample()
    with open_store(sqlite) as one, open_store(neo4j_url) as other:
        for rows in graph.batches(500):
            one.write_rows(rows)
            other.write_rows(rows)
        assert lines(other) == lines(one)
    dice = random.Random(5)
    children = [record for record in records if record.bases]
    asks: list[Ask] = []
    for record in dice.sample(children, min(100, len(children))):
        asks += [
            lambda session, key=record.key: trace(session, key),  # type: ignore[misc]
            lambda session, key=record.bases[0]: trace(session, key, down=True, max_models=20),  # type: ignore[misc]
        ]
    asks += [
        lambda session, r=record: trace(session, r.key, to=r.bases[-1])  # type: ignore[misc]
        for record in dice.sample(children, min(50, len(children)))
    ]
    assert compare(None, (sqlite, neo4j_url), asks) == len(asks) == 250
    copied = str(tmp_path / "copied.db")
    with open_store(neo4j_url) as one, open_store(copied) as other:
        copy_store(one, other)
    assert compare(None, (sqlite, copied), asks[:40]) == 40
    with open_store(sqlite) as one, open_store(copied) as other:
        assert lines(other) == lines(one)


def histories(zoo: Path, hub: Path) -> Path:
    """Make a Hub of the small zoo, and of four models with commits, tags, branches and silent changes."""
    zoo_hub(zoo, hub)
    titles = ("Upload model", "Upload model", "v2: train longer", "Fix the card", "Upload folder", "Retrain")
    for number in range(4):
        made = BareRepository(hub / "some" / f"model-{number}.git")
        card = b"---\nbase_model: heronml/heron-gpt2-tiny\nlicense: mit\n---\n"
        for step, title in enumerate(titles[: 3 + number]):
            tensors = {"w": ("F32", (2,), struct.pack("<ff", number, step // 2))}
            files = {"model.safetensors": safetensors_bytes(tensors), "README.md": card + b"%d" % step}
            commit = made.commit(files, title)
        made.tag("v2", commit)
        made.commit({"README.md": card + b"aside"}, "Try something", branch="refs/heads/try")
    return hub


def repeated(url: str, prefix: str, times: int) -> Rows:
    """Repeat a collected graph, each time as models of other publishers on huggingface.co.

    For models of a remote Hub, an offline answer comes from the store alone.
    """
    with open_store(url) as store, store.reading() as view:
        graph, evidence = "\n".join(dump(view, clocks=True)), [row.key for row in view.all_nodes("Evidence")]
    rows = Rows()
    for number in range(times):
        text = graph.replace(prefix, f"copy{number}-").replace(f'"{prefix[:-1]}"', '"huggingface.co"')
        for key in evidence:
            text = text.replace(key, f"{key[:-2]}{number:02}")
        for row in map(json.loads, text.splitlines()):
            if "node" in row:
                rows.nodes.setdefault(row["node"], {})[row["key"]] = row["properties"]
            elif row.get("attachment", "alias") != "alias":
                rows.attachments[row["attachment"], row["key"]] = b64decode(row["data"])
            elif kind := row.get("edge") or row.get("awaited"):
                rows.edges.setdefault(kind, {})[row["source"], row["target"], row["name"]] = row["properties"]
    return rows


@pytest.mark.timeout(600)
@pytest.mark.parametrize("neo4j_url", PARAMS[-1:], indirect=True)
def test_neo4j_answers_of_many_histories(small_zoo: Path, neo4j_url: str, tmp_path: Path) -> None:
    """Each question about histories has the same answer for some hundred models, from the store alone."""
    hub = histories(small_zoo, tmp_path / "hub")
    little, sqlite = str(tmp_path / "little.db"), str(tmp_path / "graph.db")
    models = collected(hub, little)
    with Session(hub_selector=str(hub), store_url=little) as session:
        prefix = session.hub.key("a/b").removesuffix("a/b")
    rows = repeated(little, prefix, TIMES)
    with open_store(sqlite) as one, open_store(neo4j_url) as other:
        one.write_rows(rows)
        other.write_rows(rows)
        assert lines(other) == lines(one)
    many = [f"copy{number}-{model}" for number in range(TIMES) for model in models]
    with_commits = [model for model in many if "some/" in model or "licences" in model]
    dice, asks = random.Random(7), list[Ask]()
    for model in with_commits:
        asks += [
            lambda session, m=model: history(session, m, all_branches=True),  # type: ignore[misc]
            lambda session, m=model: check(session, [m]),  # type: ignore[misc]
        ]
    asks += [lambda session, m=m: diff(session, m) for m in dice.sample(with_commits, 50)]  # type: ignore[misc]
    for pair in zip(dice.sample(many, 25), dice.sample(many, 25), strict=True):
        asks.append(lambda session, p=pair: diff(session, *p))  # type: ignore[misc]
    assert len(with_commits) == 200
    assert compare(None, (sqlite, neo4j_url), asks) == len(asks)


def commands(hub: Path, models: list[str]) -> Iterator[list[str]]:
    """Write every command that reads a store, for some models each; OUT stands for a path of the run's own."""
    asked = random.Random(3).sample(models, min(10, len(models)))
    named = ["--hub", str(hub), "--offline"]
    yield ["store", "check"]
    for form in ("jsonl", "graphml", "neo4j-csv"):
        yield ["store", "export", "OUT", "--format", form]
    for model in asked:
        yield ["trace", model, *named]
        yield ["trace", model, "--down", "--max-models", "3", *named]
        yield ["history", model, *named]
        yield ["check", model, *named]
        if (hub / model).is_dir():
            yield ["verify", str(hub / model), *named]
    yield ["trace", asked[0], asked[-1], *named]
    yield ["diff", asked[0], asked[-1], *named]
    yield ["collect", *asked, *named]
    yield ["store", "forget", *asked[:3], *named]
    yield ["store", "check"]


JOURNEYS = [
    pytest.param(hub, *server.values, id=f"{hub}-{server.id}", marks=server.marks)
    for hub, server in (("demo", PARAMS[0]), ("zoo", PARAMS[-1]))
]
"""One Hub per version, because these tests take long."""

OWN = re.compile(r'"(collected_at|backend)": ?"[^"]*"')


def printed(command: list[str], store: str, out: Path) -> tuple[int, str, dict[str, bytes]]:
    """Run a command for JSON; return its exit code, its output without time and path, and the files that it wrote."""
    form = [] if "export" in command else ["--format", "json"]
    arguments = [str(out) if word == "OUT" else word for word in command]
    done = CliRunner().invoke(main, [*arguments, *form, "--store", store, "--quiet"])
    assert done.exception is None or isinstance(done.exception, SystemExit), command
    files = {str(path.relative_to(out.parent)).replace(out.name, "OUT"): path.read_bytes()
             for path in (out, *out.glob("*")) if path.is_file()}  # fmt: skip
    return done.exit_code, OWN.sub("", done.stdout).replace(store, "STORE").replace(str(out), "OUT"), files


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("hub", "neo4j_url"), JOURNEYS, indirect=True)
def test_neo4j_there_and_back(hub: Path, neo4j_url: str, tmp_path: Path) -> None:
    """From SQLite to Neo4j to SQLite the dump with its timestamps and the output of every command stay the same."""
    stores = [str(tmp_path / "first.db"), neo4j_url, str(tmp_path / "last.db")]
    models = collected(hub, stores[0])
    for here, there in pairwise(stores):
        with open_store(here) as one, open_store(there) as other:
            copy_store(one, other)
    with open_store(stores[0]) as one, open_store(stores[2]) as last:
        with one.reading() as before, last.reading() as after:
            assert list(dump(after, clocks=True)) == list(dump(before, clocks=True))
    answered = []
    for number, command in enumerate(commands(hub, models)):
        first, *others = (printed(command, store, tmp_path / f"out-{number}-{n}") for n, store in enumerate(stores))
        assert others == [first, first], command
        answered += [command] if first[0] in (0, 1) else []
    assert len(answered) > 30

"""A product with models of two Hubs: each is asked on its own Hub, and so are its ancestors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.audit.commands import runnable
from lineage.answers.audit.facts import FactsReader
from lineage.answers.session import Session
from lineage_schemas.answers.audit import AuditAnswer
from tests.answers.audit.products import audited, found, product
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.readings import WEIGHTS, weights

pytestmark = pytest.mark.slow

SETTINGS = """\
[models]
"acme/own" = {}
"acme/tuned" = { hub = "../there" }

[[ignore]]
rule = "unpinned-model"
model = "acme/tuned"
reason = "it is ours"
"""


def publish(folder: Path, name: str, seed: int, licence: str, base: str = "") -> BareRepository:
    """Publish a model with a licence and a parent."""
    made = BareRepository(folder / f"{name}.git")
    card = f"---\nlicense: {licence}\n{f'base_model: {base}' if base else ''}\n---\n"
    made.commit({WEIGHTS: weights(seed), "README.md": card.encode()})
    return made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubServer]:
    """Serve two models over HTTP, and put others of the same names into a folder."""
    publish(tmp_path / "there", "acme/tuned", 3, "mit", "acme/base")
    publish(tmp_path / "there", "acme/base", 4, "mit", "acme/gone")
    with HubServer() as server:
        for seed, (name, licence) in enumerate((("acme/own", "mit"), ("acme/base", "cc-by-nc-4.0")), 1):
            server.add(name, publish(tmp_path / "here", name, seed, licence).git_dir)
        yield server


def of(server: HubServer, tmp_path: Path, settings: str, **files: str) -> AuditAnswer:
    return audited(product(tmp_path / "product", settings, **files), settings=server.settings(tmp_path))


def test_ancestors_are_those_of_the_models_own_hub(server: HubServer, tmp_path: Path) -> None:
    """The parents of a model are read on its Hub, and a model of the same name on another one says nothing of them."""
    answer = of(server, tmp_path, SETTINGS)
    licences = {each.id.rpartition(":")[2]: each.licence for each in answer.models}
    assert licences == {"acme/own": "mit", "acme/tuned": "mit", "acme/base": "mit", "acme/gone": None}
    there = {each.id for each in answer.models} - {"acme/own"}
    assert len({each.partition(":")[0] for each in there}) == 1
    assert not any("acme/base" in asked.path for asked in server.log)
    commands = [
        each.decide_with for each in answer.unchecked if each.decide_with and "acme/own" not in each.decide_with
    ]
    assert commands
    assert all(f"--hub {tmp_path / 'product'}/../there" in command and "dir-" not in command for command in commands)
    tuned = next(each for each in there if each.endswith("acme/tuned"))
    assert "unpinned-model" not in found(answer).get(tuned, [])


def test_addresses_are_of_the_hub_that_they_name(server: HubServer, tmp_path: Path) -> None:
    """An address of the endpoint names a model there; one of another host is a model of which nothing is known."""
    here = f"{server.endpoint}/acme/own/resolve/main/{WEIGHTS}"
    elsewhere = "https://hub.example/acme/own/resolve/v1/model.safetensors"
    code = (
        f'load("{here}")\nload("{elsewhere}")\n# {elsewhere}\nget("https://hub.example/datasets/a/b/resolve/main/c")\n'
    )
    answer = of(server, tmp_path, "", app__py=code)
    assert [(each.model, each.revision, each.unresolved, each.line) for each in answer.references] == [
        ("acme/own", "main", None, 1), (None, None, elsewhere, 2),
    ]  # fmt: skip
    assert elsewhere in [each.what for each in answer.unchecked]


def test_the_files_of_an_ancestor_on_a_hub_of_an_earlier_run_are_in_the_store(tmp_path: Path) -> None:
    """A store that has read two Hubs knows the files of both, also where this run does not have the other one."""
    publish(tmp_path / "here", "acme/base", 4, "mit")
    store = str(tmp_path / "store.db")
    answer = audited(
        product(tmp_path / "product", '[models."acme/base"]\n'), hub_selector=str(tmp_path / "here"), store_url=store
    )
    key = f"{answer.hub}:acme/base"
    (tmp_path / "there").mkdir()
    with Session(hub_selector=str(tmp_path / "there"), store_url=store) as session, session.store.reading() as view:
        known = FactsReader(session, view).known(key, hub=None, commit=answer.models[0].commit)
    assert {WEIGHTS, "README.md"} <= set(known.facts.files or ())


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("lineage collect acme/base", "lineage collect acme/base"),
        ("lineage collect dir-b-01:acme/base@v1", "lineage collect acme/base@v1 --hub './our hub'"),
        ("lineage compare dir-b-01:a/x dir-b-01:a/y", "lineage compare a/x a/y --hub './our hub'"),
        ("lineage compare dir-b-01:a/x a/y", None),
        ("lineage lock --upgrade dir-b-01:a/x", "lineage lock --upgrade a/x"),
        ("lineage collect dir-c-02:a/x", "lineage collect a/x --hub FOLDER, the folder of dir-c-02"),
        ("lineage collect hub.example:8080:a/x", "HF_ENDPOINT=https://hub.example:8080 lineage collect a/x"),
        ("name the model under [models] of lineage.toml", "name the model under [models] of lineage.toml"),
    ],
)
def test_commands_about_other_hubs_run(command: str, expected: str | None) -> None:
    """No command takes an id with a Hub in front of it: the Hub becomes an option or a setting."""
    assert runnable(command, {"dir-b-01": "./our hub"}) == expected


def test_commands_of_a_run_on_another_hub_name_it() -> None:
    """With `--hub`, a command about a bare id would else ask the Hub."""
    assert runnable("lineage collect a/x", {}, "our hub") == "lineage collect a/x --hub 'our hub'"
    assert runnable("name the model under [models]", {}, "our hub") == "name the model under [models]"

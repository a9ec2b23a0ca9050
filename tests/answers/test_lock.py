"""Locks of source trees: what is pinned, what stays, what moves, and what a check finds."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from lineage.answers.lock import lock
from lineage.answers.project import read_project
from lineage.answers.session import Session
from lineage.audit.lock.read import load_lock
from lineage.errors import InputError
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.hub.huggingface.retry import RetryPolicy
from lineage_cli.lock import exit_code
from lineage_schemas.answers.lock import LockAnswer
from lineage_schemas.export import json_schema
from lineage_schemas.lock import LockedModel
from tests.support.bare_repository import BareRepository
from tests.support.hub_faults import refused
from tests.support.hub_server import HubServer
from tests.support.readings import weights

pytestmark = pytest.mark.slow

A, B, BASE = "org/a", "org/b", "lab/base"

ONE_TRY = RetryPolicy(tries=1, sleep=lambda seconds: None)

Locked = Callable[..., LockAnswer]


@pytest.fixture
def repositories(tmp_path: Path, made: dict[str, BareRepository]) -> dict[str, BareRepository]:
    """Copy the Hub of two models, and of the one that the first of them is declared to be built on."""
    return {model: each.copied(tmp_path / "hub" / f"{model}.git") for model, each in made.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BareRepository]:
    """Make the repositories once; each test has copies."""
    folder = tmp_path_factory.mktemp("made")
    made = {model: BareRepository(folder / f"{model}.git") for model in (A, B, BASE)}
    card = f"---\nlicense: mit\nbase_model: {BASE}\nbase_model_relation: finetune\n---\n".encode()
    made[BASE].commit({"README.md": b"---\nlicense: apache-2.0\n---\n", "model.safetensors": weights(0)})
    made[A].commit({"README.md": card, "config.json": b"{}", "model.safetensors": weights(1)})
    made[B].commit({"config.json": b"{}", "model.safetensors": weights(2)})
    return made


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """Make a product that uses both models."""
    folder = tmp_path / "product"
    folder.mkdir()
    use(folder, A, B)
    return folder


def use(product: Path, *models: str) -> None:
    """Let the product use these models, `org/name` or `org/name@revision`."""
    pairs = [each.partition("@") for each in models]
    lines = [f"'{name}' = {{{f' revision = {revision!r} ' if revision else ''}}}\n" for name, _, revision in pairs]
    (product / "lineage.toml").write_text("[models]\n" + "".join(lines))


@pytest.fixture
def locked(tmp_path: Path, product: Path, repositories: dict[str, BareRepository]) -> Locked:
    """Lock the product, each time in a session of its own on one store, and validate the answer."""

    def run(*, hub: Path = tmp_path / "hub", store: str = "lineage.db", **how: object) -> LockAnswer:
        project = read_project(start=product)
        with Session(hub_selector=str(hub), store_url=str(tmp_path / store), project=project) as session:
            answer = lock(session, product, **how)  # type: ignore[arg-type]
        jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("lock.v1"))
        return answer

    return run


def entries(product: Path) -> dict[str, LockedModel]:
    """Read the lock file by model."""
    lock_file = load_lock(product / "lineage.lock")
    assert lock_file is not None
    return {model.id: model for model in lock_file.model}


def outcomes(answer: LockAnswer) -> dict[str, str]:
    return {each.id: each.outcome for each in answer.models}


def move(repository: BareRepository, seed: int) -> str:
    """Replace the weights of a model, and return the commit."""
    return repository.commit({"model.safetensors": weights(seed)}, "Update")


def test_a_lock_has_what_the_hub_has(locked: Locked, product: Path, repositories: dict[str, BareRepository]) -> None:
    """Each model has its commit, its files by hash, its digests, its licence, and its parents with their commits."""
    answer = locked()
    assert (answer.written, outcomes(answer), exit_code(answer, check=False)) == (True, {A: "added", B: "added"}, 0)
    found = entries(product)
    assert found[A].commit == repositories[A].git("rev-parse", "HEAD")
    assert found[A].licence == "mit"
    assert found[A].files["model.safetensors"].startswith("sha256:")
    assert found[A].files["config.json"] == f"gitblob:{repositories[A].git('rev-parse', 'HEAD:config.json')}"
    assert (found[A].files_digest or "").startswith("files.v1:")
    assert (found[A].weights_digest or "").startswith("weights.v1:")
    parent = found[A].parents[0]
    assert parent.id == f"{BASE}@{repositories[BASE].git('rev-parse', 'HEAD')}"
    assert parent.relation == "finetune"
    text = (product / "lineage.lock").read_text()
    jsonschema.validate(tomllib.loads(text), json_schema("lock-file.v1"))
    hashes = [line for line in text.splitlines() if line.startswith('"')]
    assert len(hashes) == sum(len(model.files) for model in found.values())


def test_the_same_lock_from_an_empty_store(locked: Locked, product: Path) -> None:
    """The text is the same on another machine, and nothing changes when it is locked again."""
    locked()
    first = (product / "lineage.lock").read_bytes()
    again = locked(check=True, store="other.db")
    assert (again.verdict, again.written, exit_code(again, check=True)) == ("current", False, 0)
    (product / "lineage.lock").unlink()
    locked(store="third.db")
    assert (product / "lineage.lock").read_bytes() == first


def test_a_locked_model_stays_until_it_is_upgraded(
    locked: Locked, product: Path, repositories: dict[str, BareRepository]
) -> None:
    """New weights do not change the lock; `upgrade` moves one model, and the entry of the other is the same text."""
    locked()
    before = entries(product)
    heads = {model: move(repositories[model], seed) for model, seed in ((A, 11), (B, 12))}
    kept = locked()
    assert (kept.written, kept.differences, exit_code(kept, check=False)) == (False, (), 0)
    assert {(each.model, each.locked, each.now) for each in kept.behind} == {
        (model, before[model].commit, heads[model]) for model in (A, B)
    }
    moved = locked(upgrade=[A])
    after = entries(product)
    assert outcomes(moved) == {A: "moved", B: "kept"}
    assert after[A].commit == heads[A]
    assert after[A].files["model.safetensors"] != before[A].files["model.safetensors"]
    assert after[B] == before[B]


def test_a_check_finds_what_the_sources_changed(locked: Locked, product: Path) -> None:
    """A model that was added, one that is no longer used and another pin are differences, and nothing is written."""
    locked()
    text = (product / "lineage.lock").read_bytes()
    for models in ([A], [A, B, BASE], [A, f"{B}@main"]):
        use(product, *models)
        answer = locked(check=True)
        assert (answer.verdict, exit_code(answer, check=True)) == ("changed", 1)
        assert any(each.field == "model" for each in answer.differences)
    assert (product / "lineage.lock").read_bytes() == text


def test_a_check_finds_a_changed_hash(locked: Locked, product: Path) -> None:
    """A hash, a licence or a commit that the Hub does not have is found, whoever changed it."""
    locked()
    file = product / "lineage.lock"
    text = file.read_text()
    sha256 = entries(product)[A].files["model.safetensors"]
    for old, new, field in (
        (sha256, "sha256:" + "0" * 64, "file"),
        ('licence = "mit"', 'licence = "apache-2.0"', "licence"),
        ('"config.json"', '"config.jsonl"', "file"),
    ):
        file.write_text(text.replace(old, new, 1))
        answer = locked(check=True)
        assert exit_code(answer, check=True) == 1
        assert {each.field for each in answer.differences} == {field}


def test_a_pinned_commit_is_locked_with_what_it_had(
    locked: Locked, product: Path, repositories: dict[str, BareRepository]
) -> None:
    """A pin to an older commit has that commit's files; a pin and a branch of one model are two entries."""
    old = repositories[B].git("rev-parse", "HEAD")
    new = move(repositories[B], 12)
    use(product, f"{B}@{old}")
    assert exit_code(locked(), check=False) == 0
    before = entries(product)[B]
    assert before.commit == old
    assert locked(check=True, store="other.db").verdict == "current"
    use(product, f"{B}@main")
    locked()
    assert (entries(product)[B].commit, entries(product)[B].revision) == (new, "main")
    assert entries(product)[B].files["model.safetensors"] != before.files["model.safetensors"]


def test_a_model_that_cannot_be_read_stays(locked: Locked, product: Path, tmp_path: Path) -> None:
    """A Hub without the model changes nothing of its entry, ends with 2, and a check calls it changed."""
    locked()
    before = entries(product)
    (tmp_path / "hub" / f"{B}.git").rename(tmp_path / "gone.git")
    use(product, A, B, "org/c")
    answer = locked()
    assert outcomes(answer) == {A: "kept", B: "unresolved", "org/c": "unresolved"}
    assert exit_code(answer, check=False) == 2
    assert entries(product)[B] == before[B]
    assert {each.what for each in answer.unchecked} == {f"{B}@{before[B].commit}", "org/c"}
    use(product, A, B)
    checked = locked(check=True)
    assert (checked.verdict, exit_code(checked, check=True)) == ("changed", 1)


def test_a_rewritten_history_is_found(
    locked: Locked, product: Path, repositories: dict[str, BareRepository], tmp_path: Path
) -> None:
    """A locked commit that the Hub no longer has is a difference, also when the store still knows it."""
    locked()
    other = BareRepository(tmp_path / "other.git")
    other.commit({"config.json": b"{}", "model.safetensors": weights(99)}, "Start again")
    repository = repositories[B].git_dir
    repository.rename(tmp_path / "old.git")
    other.git_dir.rename(repository)
    for _ in range(2):
        answer = locked(check=True)
        assert exit_code(answer, check=True) == 1
        assert [(each.model, each.field, each.now) for each in answer.differences] == [(B, "commit", None)]
        command = answer.unchecked[0].decide_with or ""
        assert command.startswith(f"lineage lock {product} --upgrade {B} --hub ")
    assert outcomes(locked(upgrade=[B]))[B] == "moved"
    assert locked(check=True).verdict == "current"


def test_sources_that_were_not_read_remove_nothing(locked: Locked, product: Path) -> None:
    """While a file could not be read, a model that no other file uses stays, and the answer is not whole."""
    locked()
    use(product, A)
    (product / "app.py").write_bytes(b"\x00\x01" * 100)
    answer = locked()
    assert set(entries(product)) == {A, B}
    assert exit_code(answer, check=False) == 2


def test_a_place_that_hides_its_model_is_noted(locked: Locked, product: Path) -> None:
    """A call whose model is not in the sources cannot be locked: a note names it, and the lock is written."""
    (product / "app.py").write_text(
        "import os\nfrom transformers import AutoModel\nAutoModel.from_pretrained(os.environ['MODEL'])\n"
    )
    answer = locked()
    assert exit_code(answer, check=False) == 0
    assert ["app.py:3" in note for note in answer.notes] == [True]


def test_nothing_to_lock_is_an_error(locked: Locked, product: Path) -> None:
    """Sources without a model are refused, and the lock file stays."""
    locked()
    text = (product / "lineage.lock").read_bytes()
    (product / "lineage.toml").write_text("")
    with pytest.raises(InputError, match="no model was found"):
        locked()
    assert (product / "lineage.lock").read_bytes() == text


def test_only_used_models_can_be_upgraded(locked: Locked) -> None:
    """A name that the sources do not use is refused with the nearest one."""
    with pytest.raises(InputError, match="do not use this model") as raised:
        locked(upgrade=["org/aa"])
    assert raised.value.hint == f"did you mean {A}?"


def test_a_renamed_model_has_its_canonical_id(locked: Locked, product: Path, tmp_path: Path) -> None:
    """A name that the Hub redirects is locked under the model's id, with the name that the sources use."""
    (tmp_path / "hub" / "aliases.json").write_text(json.dumps({"old/b": B}))
    use(product, "old/b")
    locked()
    assert (entries(product)[B].names, set(entries(product))) == (("old/b",), {B})
    assert locked(check=True).verdict == "current"
    assert locked(upgrade=["old/b"]).verdict == "current"


def test_a_plain_folder_has_what_sources_call_its_main_branch(locked: Locked, product: Path, tmp_path: Path) -> None:
    """A folder without git is locked by the hash of its files; when they change, the locked commit is gone."""
    folder = tmp_path / "hub/org/plain"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights(5))
    use(product, "org/plain@main")
    assert exit_code(locked(), check=False) == 0
    assert (entries(product)["org/plain"].commit or "").startswith("folder:")
    assert locked(check=True).verdict == "current"
    (folder / "model.safetensors").write_bytes(weights(6))
    assert exit_code(locked(check=True), check=True) == 1
    assert outcomes(locked(upgrade=["org/plain"])) == {"org/plain": "moved"}


@pytest.fixture
def server(repositories: dict[str, BareRepository]) -> Iterator[HubServer]:
    """Serve the models over HTTP."""
    with HubServer() as opened:
        for model, each in repositories.items():
            opened.add(model, each.git_dir)
        yield opened


def over_http(server: HubServer, folder: Path, product: Path, *, offline: bool = False, **how: object) -> LockAnswer:
    """Lock the product in a session on the served Hub."""
    project = read_project(start=product)
    settings = server.settings(folder)
    with Session(settings=settings, offline=offline, project=project) as session:
        session.__dict__["hub"] = session.keep(HuggingFaceHub(settings, offline=offline, policy=ONE_TRY))
        return lock(session, product, **how)  # type: ignore[arg-type]


def test_a_lock_over_http(
    server: HubServer, product: Path, tmp_path: Path, repositories: dict[str, BareRepository]
) -> None:
    """A remote Hub gives the same commits and hashes; an unchanged model costs one request, and offline none."""
    assert exit_code(over_http(server, tmp_path, product), check=False) == 0
    found = entries(product)
    assert found[A].commit == repositories[A].git("rev-parse", "HEAD")
    assert found[A].files["model.safetensors"].startswith("sha256:")
    assert found[A].parents[0].id.startswith(f"{BASE}@")
    before = len(server.log)
    assert over_http(server, tmp_path, product, check=True).verdict == "current"
    assert len(server.log) - before <= 3  # two models and a parent
    before = len(server.log)
    assert over_http(server, tmp_path, product, check=True, offline=True).verdict == "current"
    assert len(server.log) == before
    empty = over_http(server, tmp_path / "empty", product, check=True, offline=True)
    assert (empty.verdict, exit_code(empty, check=True)) == ("unchecked", 2)
    assert outcomes(empty) == {A: "unresolved", B: "unresolved"}


def test_a_gated_model_is_locked_as_far_as_it_is_seen(server: HubServer, product: Path, tmp_path: Path) -> None:
    """The Hub lists a gated model's files: they are locked, and that is said; what was locked before stays."""
    server.repositories[A].gated = "manual"
    answer = over_http(server, tmp_path, product)
    assert exit_code(answer, check=False) == 2
    gated = entries(product)[A]
    assert gated.commit
    assert gated.files["model.safetensors"].startswith("sha256:")
    assert (gated.incomplete or "").startswith("gated")
    assert [each.what for each in answer.unchecked] == [A]
    server.repositories[A].gated = False
    (product / "lineage.lock").unlink()
    assert exit_code(over_http(server, tmp_path / "with access", product), check=False) == 0
    whole = (product / "lineage.lock").read_bytes()
    server.repositories[A].gated = "manual"
    again = over_http(server, tmp_path / "without access", product)
    assert exit_code(again, check=False) == 2
    assert (product / "lineage.lock").read_bytes() == whole


def test_a_lock_that_is_a_link_out_of_the_product_is_refused(locked: Locked, product: Path, tmp_path: Path) -> None:
    """A repository of a stranger chooses no file that `lineage lock` writes."""
    (product / "lineage.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"is a link to .*elsewhere, which is outside of"):
        locked()
    assert not (tmp_path / "elsewhere").exists()


def test_an_outage_changes_nothing(server: HubServer, product: Path, tmp_path: Path) -> None:
    """A Hub that answers errors leaves the lock as it is, also when a model is to be upgraded."""
    over_http(server, tmp_path, product)
    text = (product / "lineage.lock").read_bytes()
    server.fault("*", refused(503))
    for store in (tmp_path, tmp_path / "empty"):
        answer = over_http(server, store, product, upgrade=[A])
        assert exit_code(answer, check=False) == 2
        assert (product / "lineage.lock").read_bytes() == text
        assert exit_code(over_http(server, store, product, check=True), check=True) == 2

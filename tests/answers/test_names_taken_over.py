"""Names of models that another repository took over between two readings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.store.records import record_of
from lineage_schemas.model import Model
from tests.support.bare_repository import BareRepository
from tests.support.hub_repository import ServedRepository
from tests.support.readings import EVERY_KIND, MODEL, WEIGHTS, Readings, by_rule, readings, weights

pytestmark = pytest.mark.slow

EARLIER, LATER = "2023-02-01T10:00:00.000Z", "2024-11-20T10:00:00.000Z"


@pytest.fixture(params=EVERY_KIND)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Readings]:
    """Make a model with two uploads on each kind of Hub."""
    with readings(request.param, tmp_path) as made:
        made.serve(EARLIER)
        upload(made, 1, 2)
        yield made


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Readings]:
    """Make a model with one upload on a Hub over HTTP, which gives its date of creation."""
    with readings("server", tmp_path) as made:
        made.serve(EARLIER)
        upload(made, 1)
        yield made


def upload(model: Readings, *seeds: int, text: bytes = b"text") -> None:
    """Upload weights one after the other, announced, so that nothing else is found."""
    for seed in seeds:
        model.repository.commit({WEIGHTS: weights(seed), "README.md": text}, f"Version {seed}")


def stored(session: Session, model: str = MODEL) -> Model:
    """Return the record of a model."""
    with session.store.reading() as view:
        [row] = [row for row in view.all_nodes("Model") if row.properties["id"] == model]
    return record_of("Model", row)


def traced(model: Readings, target: str = MODEL) -> list[tuple[str, str]]:
    """Return rule and model of the findings of a trace."""
    return [(each.id, each.pointer.model) for each in trace(model.session(), target).findings]


def test_a_name_that_was_registered_anew_is_found_for_good(model: Readings) -> None:
    """Another repository under a recorded name is an error in check and trace, again and again, also offline."""
    root = model.repository.git("rev-list", "--max-parents=0", "main")
    assert model.check().verdict == "clean"
    model.register_anew(LATER)
    upload(model, 3)
    for how in ({}, {}, {"offline": True}, {"since": "last"}):
        answer = model.check(**how)
        [found] = by_rule(answer)["name-reregistered"]
        assert (found.severity, found.rule, answer.verdict) == ("error", "LW007", "findings")
        assert root in found.message
        assert found.pointer.revision == answer.head
    assert traced(model) == [("name-reregistered", MODEL)]


def test_the_old_record_stays(model: Readings) -> None:
    """The first facts, and the commits and changes of the former repository, stay in the store."""
    model.check()
    before = stored(model.session()).first
    model.register_anew(LATER)
    upload(model, 3)
    model.check()
    after = stored(model.session())
    assert before is not None
    assert after.first == before
    assert [each.root_commit for each in after.former_identities] == [before.root_commit]
    model.check()
    assert stored(model.session()) == after.model_copy(update={"collected_at": stored(model.session()).collected_at})
    with model.session().store.reading() as view:
        gone = [row for row in view.all_nodes("Change") if row.properties["vanished"]]
    assert len(gone) == 2


def test_equal_weights_do_not_make_it_the_same_repository(model: Readings) -> None:
    """A new repository with a copy of the recorded weights and other files is another one."""
    upload(model, 2, text=b"with a script")
    model.check()
    model.register_anew(LATER)
    upload(model, 2, text=b"with another script")
    assert set(by_rule(model.check())) == {"name-reregistered"}


def test_a_third_repository_is_found_too(model: Readings) -> None:
    """Every repository that had the name is kept, and the last one before the present is named."""
    model.check()
    for seed, created in ((3, LATER), (4, "2025-01-01T00:00:00.000Z")):
        root = model.repository.git("rev-list", "--max-parents=0", "main")
        model.register_anew(created)
        upload(model, seed)
        [found] = by_rule(model.check())["name-reregistered"]
        assert root in found.message
    assert len(stored(model.session()).former_identities) == 2


def test_a_rewritten_history_is_not_another_repository(model: Readings) -> None:
    """A branch that is set back, or squashed with its files, leaves the name with its repository."""
    model.check()
    model.repository.git("update-ref", "refs/heads/main", "main~1")
    assert set(by_rule(model.check())) == {"rewritten-history"}
    upload(model, 5)
    model.check()
    squashed = ServedRepository(MODEL, model.repository.git_dir, model.folder).squash()
    assert model.repository.git("rev-parse", "main") == squashed
    assert "name-reregistered" not in by_rule(model.check())


def test_a_new_root_with_the_same_date_of_creation_is_a_rewrite(served: Readings) -> None:
    """Where the Hub gives the date of creation, it decides: other commits alone are a rewritten history."""
    served.check()
    served.register_anew(EARLIER)
    upload(served, 2)
    assert set(by_rule(served.check())) == {"rewritten-history"}


def test_the_same_commits_under_another_date_are_another_repository(served: Readings) -> None:
    """A repository that was deleted and restored from a clone by someone has the same commits and another date."""
    served.check()
    served.serve(LATER)
    upload(served, 2)
    assert set(by_rule(served.check())) == {"name-reregistered"}


def test_a_rename_that_redirects_is_not_one(served: Readings) -> None:
    """A renamed model keeps its repository, under the new name and asked for by the old one."""
    assert served.server is not None
    served.check()
    served.server.rename(MODEL, "org/renamed")
    upload(served, 2)
    for target in (MODEL, "org/renamed"):
        assert served.check(target).findings == ()
        assert traced(served, target) == []


def test_an_old_name_that_is_registered_after_a_rename_is_one(served: Readings, tmp_path: Path) -> None:
    """Once another repository takes the old name of a renamed model, the name no longer means the renamed one."""
    assert served.server is not None
    served.check()
    served.server.rename(MODEL, "org/renamed")
    served.check()
    del served.server.aliases[MODEL]
    served.repository = BareRepository(tmp_path / "taken.git")
    served.serve(LATER)
    upload(served, 9)
    answer = served.check()
    assert answer.model == MODEL
    assert "name-reregistered" in by_rule(answer)
    assert traced(served) == [("name-reregistered", MODEL)]
    assert served.check("org/renamed").findings == ()
    assert served.check(offline=True).model == MODEL


def test_an_ancestor_whose_name_was_taken_over_is_found(served: Readings, tmp_path: Path) -> None:
    """The trace of a child reports the ancestor whose name belongs to another repository now."""
    assert served.server is not None
    child = BareRepository(tmp_path / "child.git")
    child.commit({WEIGHTS: weights(7), "README.md": f"---\nbase_model: {MODEL}\n---\n".encode()})
    served.server.add("org/child", child.git_dir)
    assert traced(served, "org/child") == []
    served.register_anew(LATER)
    upload(served, 3)
    served.check()
    assert traced(served, "org/child") == [("name-reregistered", MODEL)]
    down = trace(served.session(), MODEL, down=True)
    assert [each.id for each in down.findings] == ["name-reregistered"]


def test_a_folder_without_commits_is_never_one(tmp_path: Path) -> None:
    """A plain folder whose files are replaced is the same folder."""
    folder = tmp_path / "hub" / MODEL
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    for seed in (1, 2):
        (folder / WEIGHTS).write_bytes(weights(seed))
        with Session(hub_selector=str(tmp_path / "hub"), store_url=f"sqlite:///{tmp_path}/lineage.db") as session:
            assert trace(session, MODEL).findings == ()
            assert stored(session).former_identities == ()


def test_the_cache_does_not_show_where_a_history_begins(tmp_path: Path) -> None:
    """A revision of the client's cache that a force-push removed does not make the name another repository's."""
    from huggingface_hub import snapshot_download

    with readings("server", tmp_path) as made:
        assert made.server is not None
        upload(made, 1, 2)
        settings = made.server.settings(tmp_path)
        snapshot_download(MODEL, endpoint=made.server.endpoint, cache_dir=settings.hub_cache, token=False)
        with Session(hub_selector="cache", settings=settings, store_url=made.store) as session:
            trace(session, MODEL)
            cached = stored(session)
        made.repository.git("update-ref", "refs/heads/main", "main~1")
        upload(made, 3)
        answer = made.check()
        assert (cached.history_source, cached.head is not None) == ("cache", True)
        assert stored(made.session()).key == cached.key
        assert "name-reregistered" not in by_rule(answer)


def test_a_shallow_clone_does_not_show_where_a_history_begins(tmp_path: Path) -> None:
    """A history without its beginning is not compared by its first commit."""
    with readings("directory", tmp_path) as made:
        upload(made, 1, 2)
        made.check()
        origin = BareRepository(tmp_path / "origin.git")
        for seed in (5, 6):
            origin.commit({WEIGHTS: weights(seed)})
        place = made.repository.git_dir
        shutil.rmtree(place)
        origin.git("clone", "--quiet", "--bare", "--depth", "1", f"file://{origin.git_dir}", str(place))
        answer = made.check()
        assert "name-reregistered" not in by_rule(answer)
        assert answer.unchecked

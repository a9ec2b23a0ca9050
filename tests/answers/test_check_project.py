"""`check` with a project file: severities that it moves, findings that it ignores, models that it lists."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lineage.answers.check import check
from lineage.answers.marks import confirm
from lineage.answers.project import read_project
from lineage.answers.session import Session
from lineage.errors import InputError
from lineage.report.render import render
from lineage.report.text import plain
from lineage_schemas.answers.check import CheckAnswer, CheckAnswers
from lineage_schemas.export import json_schema
from tests.support.notes import Notes
from tests.support.repositories import zoo_hub

pytestmark = pytest.mark.slow

REVISED = "heronml/heron-gpt2-tiny-licences"
"""A model with one silent change of its weights, and one that the tag v1.1 announces."""

IGNORED = f"""\
[[ignore]]
rule = "LW001"
model = "{REVISED}"
reason = "the publisher told us"
until = 2026-06-30
"""

Opened = Callable[..., Session]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in the folder of the test: messages name the project file as it is from the current folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def hub(small_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a directory Hub of the small zoo."""
    return zoo_hub(small_zoo, tmp_path_factory.mktemp("zoo") / "hub")


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def opened(tmp_path: Path, hub: Path, notes: Notes) -> Iterator[Opened]:
    """Open a session with a project file, and close it at the end."""
    sessions: list[Session] = []

    def open_session(text: str, *, on: date = date(2026, 6, 1), at: Path | None = hub) -> Session:
        (tmp_path / "lineage.toml").write_text(text)
        project = read_project(start=tmp_path, today=on)
        selector = str(at) if at else None
        store = str(tmp_path / "lineage.db")
        while sessions:  # its log would grow, and each new session reads it whole to check it
            sessions.pop().close()
        sessions.append(Session(hub_selector=selector, store_url=store, progress=notes, project=project))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


def one(session: Session, **how: Any) -> CheckAnswer:
    """Check the revised model; the answer is valid under its schema."""
    answer = check(session, [REVISED], **how)
    assert isinstance(answer, CheckAnswer)
    jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("check.v1"))
    return answer


def table(answer: CheckAnswer | CheckAnswers) -> str:
    document = render(answer, "table")
    assert not isinstance(document, str)
    return plain(document)


def test_without_a_project_file_nothing_is_changed(hub: Path, tmp_path: Path) -> None:
    """A session without a project file does not look for one, and the answer has no settings."""
    (tmp_path / "lineage.toml").write_text(IGNORED)
    with Session(hub_selector=str(hub), store_url=str(tmp_path / "lineage.db")) as session:
        answer = one(session)
    assert (answer.verdict, answer.settings) == ("findings", None)
    assert '"settings"' not in answer.model_dump_json(by_alias=True)


def test_an_ignored_finding_is_listed_and_does_not_count(opened: Opened) -> None:
    """The finding stays in the list with the reason and the last day, and the verdict is clean."""
    answer = one(opened(IGNORED))
    assert (answer.verdict, answer.counts.silent) == ("clean", 1)
    assert [(each.id, each.severity) for each in answer.findings] == [("silent-weight-change", "error")]
    assert answer.findings[0].ignored is not None
    assert (answer.findings[0].ignored.reason, answer.findings[0].ignored.until) == (
        "the publisher told us", date(2026, 6, 30),
    )  # fmt: skip
    assert answer.settings is not None
    assert [(each.rule, each.line) for each in answer.settings.ignored] == [("LW001", 1)]
    assert (answer.settings.file, answer.settings.expired) == ("lineage.toml", ())
    shown = table(answer)
    assert "1 finding, which does not count" in shown
    assert "every weight change was announced" not in shown
    assert "ignored until 2026-06-30: the publisher told us" in shown
    assert "settings: lineage.toml · 1 ignore used" in shown
    assert "ignored until 2026-06-30" in str(render(answer, "markdown"))


def test_the_mark_stops_before_an_ignored_finding(opened: Opened) -> None:
    """What was ignored counts in the next `--since last` after the ignore expired, and is then covered."""
    text = IGNORED.replace("2026-06-30", "2999-12-31")
    for _ in range(2):
        ignoring = opened(text)
        answer = one(ignoring, since="last")
        assert (answer.verdict, len(answer.findings)) == ("clean", 1)
        assert answer.covers is not None
        assert answer.covers.until != answer.head
        confirm(ignoring, answer)
    expired = opened(text, on=date(3000, 1, 1))
    answer = one(expired, since="last")
    assert (answer.verdict, answer.counts.silent) == ("findings", 1)
    confirm(expired, answer)
    assert one(opened(text, on=date(3000, 1, 1)), since="last").findings == ()


def test_an_ignore_that_ended_does_not_ignore(opened: Opened, notes: Notes) -> None:
    """On the day after the last one the finding counts again, and the answer and a note say why."""
    assert one(opened(IGNORED, on=date(2026, 6, 30))).verdict == "clean"
    answer = one(opened(IGNORED, on=date(2026, 7, 1)))
    assert answer.verdict == "findings"
    assert answer.settings is not None
    assert [(each.until, each.line) for each in answer.settings.expired] == [(date(2026, 6, 30), 1)]
    words = f"lineage.toml:1: the ignore of silent-weight-change for {REVISED} ended on 2026-06-30"
    assert any(words in note for note in notes.notes)
    assert f"{words}: the publisher told us" in table(answer)


@pytest.mark.parametrize(
    ("rule", "model"), [("LW003", REVISED), ("LW001", "heronml/heron-gpt2"), ("silent-weight-change", "heron/*")]
)
def test_an_ignore_of_another_rule_or_model_changes_nothing(opened: Opened, rule: str, model: str) -> None:
    """Only findings of the rule and the model that are named are ignored."""
    answer = one(opened(f"[[ignore]]\nrule = '{rule}'\nmodel = '{model}'\nreason = 'r'\n"))
    assert answer.verdict == "findings"
    assert answer.settings is not None
    assert answer.settings.ignored == answer.settings.expired == ()


def test_an_ignore_of_an_owner_is_about_all_models(opened: Opened) -> None:
    """`org/*` ignores the findings of every model of the owner."""
    assert one(opened("[[ignore]]\nrule = 'LW001'\nmodel = 'heronml/*'\nreason = 'r'\n")).verdict == "clean"


def test_a_moved_severity_decides_on_the_verdict(opened: Opened) -> None:
    """A rule that is moved below --fail-on does not count, the finding has both severities, and it counts otherwise."""
    moved = "[rules]\nLW001 = 'warning'\n"
    answer = one(opened(moved))
    assert (answer.verdict, answer.findings[0].severity, answer.findings[0].moved_from) == ("clean", "warning", "error")
    assert answer.settings is not None
    assert [(each.id, each.rule, each.value) for each in answer.settings.rules] == [
        ("silent-weight-change", "LW001", "warning")
    ]
    assert "warning silent-weight-change (LW001)" in table(answer)
    assert "error without the settings" in table(answer)
    assert one(opened(moved), fail_on="warning").verdict == "findings"
    same = one(opened("[rules]\nLW001 = 'error'\n"))
    assert (same.verdict, same.findings[0].moved_from) == ("findings", None)


def test_what_is_unchecked_cannot_be_ignored(opened: Opened) -> None:
    """With every finding ignored, a model that was not read is still unchecked."""
    answer = one(opened(IGNORED), since="v9")
    assert answer.verdict == "unchecked"


def test_the_values_of_an_accepted_change_decide_nothing(opened: Opened, hub: Path, tmp_path: Path) -> None:
    """Weights of an ignored change that are not here leave the verdict clean: they could only make it less."""
    poor = tmp_path / "poor"
    shutil.copytree(hub / f"{REVISED}.git", poor / f"{REVISED}.git")
    shutil.rmtree(poor / f"{REVISED}.git/lfs")
    counted = one(opened("", at=poor))
    assert counted.verdict == "findings"
    assert any(each.what.startswith("values of") for each in counted.unchecked)
    answer = one(opened(IGNORED, at=poor))
    assert len(answer.findings) == len(counted.findings)
    assert all(each.ignored for each in answer.findings)
    assert (answer.verdict, answer.unchecked) == ("clean", ())


def test_the_models_of_the_file_are_checked_without_a_target(opened: Opened) -> None:
    """Each is checked at its own revision and since its own start, in the order of the file."""
    session = opened(
        f"[models]\n'{REVISED}' = {{ since = 'v1.1' }}\n'skiffworks/skiff-0.7m' = {{}}\n'heronml/gone' = {{}}\n"
    )
    answers = check(session)
    assert isinstance(answers, CheckAnswers)
    assert [(each.model, each.since, each.verdict) for each in answers.answers] == [
        (REVISED, "v1.1", "clean"), ("skiffworks/skiff-0.7m", None, answers.answers[1].verdict),
        ("heronml/gone", None, "unchecked"),
    ]  # fmt: skip
    assert answers.settings is not None
    assert answers.settings.models == (REVISED, "skiffworks/skiff-0.7m", "heronml/gone")
    assert "settings: lineage.toml · 3 models from it" in table(answers)


def test_a_revision_of_the_file_is_checked(opened: Opened) -> None:
    """The revision of the file is that of a target; one model gives one answer."""
    answer = check(opened(f"[models]\n'{REVISED}' = {{ revision = 'v1.0' }}\n"))
    assert isinstance(answer, CheckAnswer)
    whole = one(opened(""))
    assert len(answer.weight_changes) < len(whole.weight_changes)
    assert answer.settings is not None
    assert answer.settings.models == (REVISED,)


def test_an_argument_takes_precedence_over_the_file(opened: Opened) -> None:
    """`since` of the caller replaces that of the file; a named target is checked as it was named."""
    text = f"[models]\n'{REVISED}' = {{ since = 'v1.1' }}\n"
    answer = check(opened(text), since="2024-05-01")
    assert isinstance(answer, CheckAnswer)
    assert (answer.since, answer.verdict) == ("2024-05-01", "clean")
    assert one(opened(text)).since is None


def test_models_on_other_hubs_share_the_store(opened: Opened, hub: Path, tmp_path: Path) -> None:
    """A Hub of the file is relative to it; each answer names its own Hub, and the mark of the check is kept there."""
    (tmp_path / "mirror").symlink_to(hub)
    second = tmp_path / "second"
    shutil.copytree(hub / "skiffworks/skiff-0.7m", second / "skiffworks/skiff-0.7m")
    text = f"[models]\n'{REVISED}' = {{ hub = 'mirror' }}\n'skiffworks/skiff-0.7m' = {{ hub = '{second}' }}\n"
    session = opened(text, at=None)
    answers = check(session, since="last")
    assert isinstance(answers, CheckAnswers)
    assert [each.model for each in answers.answers] == [REVISED, "skiffworks/skiff-0.7m"]
    hubs = [each.hub or "" for each in answers.answers]
    assert hubs[0].startswith("dir-hub-") or hubs[0].startswith("dir-mirror-")
    assert hubs[1].startswith("dir-second-")
    assert answers.answers[0].verdict == "findings"
    confirm(session, answers)
    again = check(opened(text, at=None), since="last")
    assert isinstance(again, CheckAnswers)
    assert again.answers[0].weight_changes == ()


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("", "no model was named, and lineage.toml lists none under [models]"),
        ("[models]\n'a/b' = { revision = 'x y' }", "lineage.toml:2: 'a/b@x y' has an invalid revision"),
        ("[models]\n'a/b' = {}\n'a/c' = { hub = 'gone' }", "lineage.toml:3: --hub "),
    ],
)
def test_models_that_cannot_be_checked_end_the_run_at_once(opened: Opened, models: str, message: str) -> None:
    """A revision that cannot be one and a Hub that does not exist are errors before any model is read."""
    session = opened(models, at=None)
    with pytest.raises(InputError) as caught:
        check(session)
    assert caught.value.message.startswith(message)

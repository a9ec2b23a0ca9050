"""`lineage suggest`: three forms on real repositories, planned numbers, and the block of the card."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from lineage.answers.card_block import with_block
from lineage.answers.check import check
from lineage.answers.history import history
from lineage.answers.session import Session
from lineage.answers.suggest import suggest
from lineage.errors import InputError
from lineage_cli.main import main
from lineage_schemas.answers.check import CheckAnswer
from lineage_schemas.answers.suggest import SuggestAnswer
from lineage_schemas.export import json_schema
from tests.support.bare_repository import BareRepository
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

CONFIG = {"model_type": "llama", "hidden_size": 4, "max_position_embeddings": 512}
CARD = "---\nlicense: mit # the usual\nbase_model: org/base\n---\n# Model\n"


def weights(number: int) -> bytes:
    """Make weights that differ by a number."""
    return safetensors_bytes({"w": ("U8", (4,), bytes([number, 1, 2, 3]))})


def settings(**fields: object) -> bytes:
    """Write config.json."""
    return json.dumps({**CONFIG, **fields}).encode()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of models: one with tags of every verdict, one without any version."""
    folder = tmp_path_factory.mktemp("suggest")
    made = BareRepository(folder / "a" / "b.git")
    made.commit({"model.safetensors": weights(1), "config.json": settings(), "README.md": CARD.encode()})
    made.tag("v1.0")
    made.tag("fp16")
    made.commit({"model.safetensors": weights(2)}, "New weights")
    made.tag("v1.0.1")
    made.commit({"README.md": CARD.encode() + b"More.\n"}, "Docs")
    made.tag("v2.0")
    made.tag("v2.1")
    made.commit({"config.json": settings(max_position_embeddings=256)}, "Shorter")
    made.tag("v3.0")
    made.commit({"generation_config.json": b'{"temperature": 0.6}'}, "Defaults")
    never = BareRepository(folder / "a" / "never.git")
    never.commit({"model.safetensors": weights(1), "config.json": settings()})
    never.commit({"model.safetensors": weights(3)}, "Upload")
    return folder


def lineage(*arguments: str) -> Result:
    """Run `lineage` in this process."""
    return CliRunner().invoke(main, arguments)


def ask(hub: Path, target: str, *more: str, announce: str | None = None, since: str | None = None) -> SuggestAnswer:
    """Ask for a suggestion, and compare the answer with its schema."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        answer = suggest(session, target, *more, announce=announce, since=since)
    jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("suggest.v1"))
    return answer


def test_the_change_since_the_last_version_decides(hub: Path) -> None:
    """Other defaults after v3.0 deserve 3.1.0, with the rule, the values and the commands."""
    answer = ask(hub, "a/b")
    assert (answer.current, answer.suggested, answer.level) == ("3.0.0", "3.1.0", "minor")
    assert [(rule.id, rule.field, rule.after) for rule in answer.rules] == [("SV017", "temperature", "0.6")]
    assert answer.other_tags == ("fp16",)
    assert answer.commands[1] == f"hf repos tag create a/b v3.1.0 --revision {answer.to.revision}"


def test_announced_versions_are_judged(hub: Path) -> None:
    """Each version is judged by what changed since the one before it on the line."""
    verdicts = {each.version: (each.verdict, each.measured_level) for each in ask(hub, "a/b").announced}
    assert verdicts == {
        "1.0.0": ("first", None),
        "1.0.1": ("understated", "minor"),
        "2.0.0": ("overstated", "patch"),
        "2.1.0": ("bump_without_change", "none"),
        "3.0.0": ("matches", "major"),
    }


def test_the_findings_of_a_check(hub: Path) -> None:
    """A check reports the same versions, as warnings that count only if they are asked for."""
    for fail_on, verdict in (("error", "clean"), ("warning", "findings")):
        with Session(hub_selector=str(hub), store_url="memory:") as session:
            answer = check(session, ["a/b"], fail_on=fail_on)
        assert isinstance(answer, CheckAnswer)
        assert answer.verdict == verdict
        assert {(each.rule, each.id) for each in answer.findings} == {
            ("LW009", "understated-version"),
            ("LW010", "bump-without-change"),
            ("LW011", "overstated-version"),
        }


@pytest.mark.parametrize(
    ("number", "verdict"),
    [("3.1.0", "matches"), ("3.0.1", "understated"), ("4.0.0", "overstated"), ("3.0", "understated")],
)
def test_a_planned_number_is_judged(hub: Path, number: str, verdict: str) -> None:
    """A planned number is judged like an announced one."""
    assert ask(hub, "a/b", announce=number).verdict == verdict


def test_a_revision_and_nothing_changed(hub: Path) -> None:
    """Between two tags of one commit nothing changed: the number stays."""
    answer = ask(hub, "a/b", since="v3.0")
    assert (answer.current, answer.suggested) == ("3.0.0", "3.1.0")
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        same = suggest(session, "a/b", since="v2.0", to="v2.1")
    assert (same.level, same.current, same.suggested, same.rules, same.commands) == ("none", "2.1.0", "2.1.0", (), ())


def test_a_model_without_a_version_begins_at_its_first_upload(hub: Path) -> None:
    """Numbering begins with 1.0.0 at the first weights."""
    answer = ask(hub, "a/never")
    assert (answer.current, answer.suggested, answer.level) == ("1.0.0", "1.1.0", "minor")
    assert answer.current_version.by == "start"
    assert answer.announced == ()


def test_a_folder_before_its_upload(hub: Path, tmp_path: Path) -> None:
    """A folder is compared with the last version of the model that it will update."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights(2))
    (folder / "config.json").write_bytes(settings(max_position_embeddings=256, hidden_size=8))
    (folder / "README.md").write_text(CARD + "More.\n", "utf-8")
    answer = ask(hub, str(folder), since="a/b")
    assert (answer.current, answer.suggested, answer.level) == ("3.0.0", "4.0.0", "major")
    assert [rule.id for rule in answer.rules] == ["SV001"]
    assert answer.commands[0].startswith("hf upload a/b ")


def test_two_repositories(hub: Path) -> None:
    """Another repository is compared with the earlier one."""
    answer = ask(hub, "a/b@v1.0", "a/never")
    assert (answer.model, answer.current, answer.level) == ("a/never", "1.0.0", "minor")
    assert {rule.name for rule in answer.rules} == {"weights-retrained", "metadata-change", "documentation-change"}


def test_exit_codes_and_parts(hub: Path) -> None:
    """--announce exits with 1 unless the number matches, --tag and --card print one part only."""
    options = ("--hub", str(hub), "--store", "memory:", "--quiet")
    assert lineage("suggest", "a/b", "--announce", "3.1.0", *options).exit_code == 0
    assert lineage("suggest", "a/b", "--announce", "3.0.1", *options).exit_code == 1
    assert lineage("suggest", "a/b", "--announce", "soon", *options).exit_code == 2
    tags = lineage("suggest", "a/b", "--tag", *options).stdout
    assert all(line.startswith(("git tag", "hf repos")) for line in tags.splitlines())
    block = lineage("suggest", "a/b", "--card", *options).stdout
    assert block.startswith("lineage:\n  schema: lineage-card.v1\n  version: 3.1.0\n")


BLOCK = "lineage:\n  schema: lineage-card.v1\n  version: 2.0.0\n"


def test_a_block_changes_nothing_else_of_a_card() -> None:
    """Comments, order, line ends and an earlier block's neighbours stay; a second writing changes nothing more."""
    once = with_block(CARD, BLOCK)
    assert once == CARD.replace("---\n# Model", f"{BLOCK}---\n# Model")
    assert with_block(once, BLOCK) == once
    between = "---\na: 1\nlineage:\n  version: 1.0.0\n\n# about b\nb: |\n  lineage: no\n---\ntext"
    assert with_block(between, BLOCK) == f"---\na: 1\n\n# about b\nb: |\n  lineage: no\n{BLOCK}---\ntext"
    assert with_block("# Only text\n", BLOCK) == f"---\n{BLOCK}---\n# Only text\n"
    crlf = with_block(CARD.replace("\n", "\r\n"), BLOCK)
    assert crlf == once.replace("\n", "\r\n")


@pytest.mark.parametrize("text", ["---\na: [\n---\n", "---\na: 1\n", "---\n- a\n---\n", "---\na: 1\na: 2\n---\n"])
def test_a_card_that_cannot_be_read_is_not_changed(text: str) -> None:
    """Metadata that are not valid stay as they are, with an error."""
    with pytest.raises(InputError, match="not changed"):
        with_block(text, BLOCK)


def test_an_untrue_block_is_a_finding(tmp_path: Path) -> None:
    """A block with the digest of other weights, or another architecture, is found; a true one is not."""
    made = BareRepository(tmp_path / "a" / "b.git")
    made.commit({"model.safetensors": weights(1), "config.json": settings()})
    with Session(hub_selector=str(tmp_path), store_url="memory:") as session:
        block = suggest(session, "a/b", card=True).card
    assert block is not None
    made.commit({"README.md": f"---\n{block}---\n".encode()}, "Describe the version")
    assert found(tmp_path) == []
    made.commit({"model.safetensors": weights(2), "config.json": settings(model_type="mistral")}, "Version 2")
    assert found(tmp_path) == ["lineage.weights", "lineage.architecture"]


def found(hub: Path) -> list[str | None]:
    """List the fields of untrue blocks that a check reports."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        answer = check(session, ["a/b"])
    assert isinstance(answer, CheckAnswer)
    return [each.pointer.field for each in answer.findings if each.id == "untrue-card-block"]


def test_a_history_has_the_findings_about_versions(hub: Path) -> None:
    """A history lists the same versions that do not fit as a check, in a terminal too, and its exit code stays."""
    done = lineage("history", "a/b", "--hub", str(hub), "--store", "memory:", "-q", "--format", "json")
    assert done.exit_code == 0
    assert [each["id"] for each in json.loads(done.stdout)["findings"]] == [
        "understated-version", "overstated-version", "bump-without-change",
    ]  # fmt: skip
    shown = lineage("history", "a/b", "--hub", str(hub), "--store", "memory:", "-q").stdout
    assert "warning understated-version (LW009) · version 1.0.1 (tag v1.0.1) after 1.0.0 announces patch" in shown


def test_a_history_without_announced_versions_has_none(hub: Path) -> None:
    """Without findings the JSON has no such field."""
    done = lineage("history", "a/never", "--hub", str(hub), "--store", "memory:", "-q", "--format", "json")
    assert "findings" not in json.loads(done.stdout)


def test_a_version_that_was_not_judged_is_unchecked_if_it_would_count(tmp_path: Path) -> None:
    """Weights whose bytes are not here may be a major change: 1.1.0 is not clean where warnings count."""
    made = BareRepository(tmp_path / "a" / "b.git")
    made.commit({"model.safetensors": weights(1), "config.json": settings()})
    made.tag("v1.0.0")
    made.commit({"model.safetensors": weights(2)}, "New weights")
    made.tag("v1.1.0")
    shutil.rmtree(made.git_dir / "lfs")
    options = ("--hub", str(tmp_path), "--store", "memory:", "-q", "--format", "json")
    assert lineage("check", "a/b", *options).exit_code == 0
    done = lineage("check", "a/b", "--fail-on", "understated-version", *options)
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["verdict"]) == (2, "unchecked")
    [item] = answer["unchecked"]
    assert item["what"] == "whether 1.1.0 (tag v1.1.0) announced enough"
    command = shlex.split(item["decide_with"])
    assert lineage(*command[1:], *options).exit_code == 0


def test_a_row_has_the_version_that_was_announced_for_it(hub: Path) -> None:
    """Versions of later commits that changed only documents are not those of the weights before them."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        [line] = history(session, "a/b").lines
    assert line.rows is not None
    assert [(row.version, row.announced) for row in line.rows] == [
        ("1.0.0", True), ("1.0.1", True), ("3.0.0", True), ("3.1.0", False),
    ]  # fmt: skip

"""`lineage suggest` as a user runs it: results of evaluations, the card's block, and models that are broken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lineage_cli.main import main
from tests.support.bare_repository import BareRepository
from tests.support.shared import ROOT
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

HARNESS = ROOT / "tests/data/evals/harness"
CONFIG = b'{"model_type": "llama", "hidden_size": 4}'
CARD = """---
# who may use it
license: mit   # the usual
tags: [b, a]
datasets:
  - org/one
---
# Model
"""
TOKENIZER = {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}


def weights(number: int) -> bytes:
    """Make weights that differ by a number."""
    return safetensors_bytes({"w": ("U8", (4,), bytes([number, 1, 2, 3]))})


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> BareRepository:
    """Publish version 1.0.0 of a model, and retrain it."""
    repository = BareRepository(tmp_path_factory.mktemp("published") / "b.git")
    repository.commit({
        "model.safetensors": weights(1), "config.json": CONFIG, "README.md": CARD.encode(),
        "tokenizer.json": json.dumps(TOKENIZER).encode(), "tokenizer_config.json": b'{"eos_token": "</s>"}',
    })  # fmt: skip
    repository.tag("v1.0.0")
    repository.commit({"model.safetensors": weights(2)}, "Train again")
    return repository


@pytest.fixture
def made(published: BareRepository, tmp_path: Path) -> BareRepository:
    """Copy the model into a Hub of its own."""
    return published.copied(tmp_path / "hub/a/b.git")


def run(made: BareRepository, *arguments: str | Path, offline: bool = False) -> Result:
    """Run a command on the Hub of the model."""
    hub = made.git_dir.parents[1]
    options = ["--hub", str(hub), "--store", "memory:", "-q", *(["--offline"] if offline else [])]
    done = CliRunner().invoke(main, [*map(str, arguments), *options])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def answer(made: BareRepository, *arguments: str | Path, offline: bool = False) -> dict[str, Any]:
    """Ask for a suggestion as JSON."""
    done = run(made, "suggest", "a/b", *arguments, "--format", "json", offline=offline)
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def open_files(found: dict[str, Any]) -> set[str | None]:
    """Name the files that leave the level open."""
    return {each["pointer"]["file"] for each in found["unjudged"] if each["could_be"] == "major"}


def test_results_of_evaluations_decide(made: BareRepository) -> None:
    """More answers that turned wrong than the limit allows are major; a path without results is an error."""
    found = answer(made, "--evals", HARNESS / "old", HARNESS / "new")
    assert (found["level"], found["suggested"]) == ("major", "2.0.0")
    assert found["rules"][0]["id"] == "SV010"
    same = answer(made, "--evals", HARNESS / "old", HARNESS / "old")
    assert (same["level"], [each["id"] for each in same["rules"]]) == ("minor", ["SV011"])
    assert run(made, "suggest", "a/b", "--evals", HARNESS, HARNESS / "nowhere").exit_code == 2


def test_the_block_is_written_and_all_else_stays(made: BareRepository, tmp_path: Path) -> None:
    """Comments, order and quotes of the card stay, writing again changes nothing, and a broken card is not touched."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights(3))
    (folder / "README.md").write_text(CARD, "utf-8")
    ask = ("suggest", folder, "--from", "a/b", "--write", folder)
    assert run(made, *ask).exit_code == 0
    text = (folder / "README.md").read_text("utf-8")
    block = text[text.index("lineage:\n") : text.index("---\n# Model")]
    assert text == CARD.replace("---\n# Model", f"{block}---\n# Model")
    assert "  schema: lineage-card.v1\n" in block
    assert run(made, *ask).exit_code == 0
    assert (folder / "README.md").read_text("utf-8") == text
    for broken in (b"---\nlicense: [\n---\n", b"---\nlicense: mit\n", b"---\nx: \xff\n---\n"):
        (folder / "README.md").write_bytes(broken)
        done = run(made, *ask)
        assert (done.exit_code, (folder / "README.md").read_bytes()) == (2, broken)
        assert "not changed" in done.stderr
    (folder / "README.md").unlink()
    assert run(made, *ask).exit_code == 0
    assert (folder / "README.md").read_text("utf-8").startswith("---\nlineage:\n")
    assert run(made, "suggest", "a/b", "--write", tmp_path / "nowhere").exit_code == 2


def test_the_commands_for_a_folder_name_no_commit(made: BareRepository, tmp_path: Path) -> None:
    """A model in a folder has no commit that git or the Hub knows: its upload makes one."""
    folder = tmp_path / "hub/a/later"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights(3))
    assert run(made, "suggest", "a/b@v1.0.0", "a/later", "--tag").stdout == "hf repos tag create a/later v2.0.0\n"


@pytest.mark.parametrize(
    ("path", "content", "named"),
    [
        ("config.json", b'{"model_type": ', "config.json"),
        ("config.json", b'{"model_type": "llama", "model_type": "gpt2"}', "config.json"),
        ("config.json", b"[" * 100_000, "config.json"),
        ("README.md", b"---\nlicense: [\n---\n", "README.md"),
        ("README.md", b"---\nlicense: mit\nlicense: apache-2.0\n---\n", "README.md"),
        ("README.md", b"---\na: &a [*a, *a]\n---\n", "README.md"),
        ("tokenizer.json", b'{"model": {"vocab": {"a": 0, "a": 1}}}', "tokenizer.json"),
        ("tokenizer.json", b"\xff\xfe", "tokenizer.json"),
        ("tokenizer.json", None, None),
        ("model.safetensors", b"\xff" * 16, "model.safetensors"),
    ],
)
def test_a_broken_file_leaves_the_level_open(
    made: BareRepository, path: str, content: bytes | None, named: str | None
) -> None:
    """What cannot be read is unjudged with the name of the file; the retrained weights stay a minor change."""
    made.commit({path: content}, "Break it")
    found = answer(made)
    assert found["level"] in ("minor", "major")
    assert "none" not in (found["level"], found["suggested"])
    assert any(each["could_be"] == "major" for each in found["unjudged"])
    assert named is None or named in open_files(found)


def test_a_second_tokenizer_is_not_that_of_the_model(made: BareRepository) -> None:
    """A copy in another folder changes nothing that is loaded, and a title that is not UTF-8 is read."""
    made.commit({"old/tokenizer.json": json.dumps(TOKENIZER).encode()}, "Copy the tokenizer")
    raw = made.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=_latin(made))
    made.git("update-ref", "refs/heads/main", raw)
    found = answer(made)
    assert (found["level"], open_files(found)) == ("minor", set())
    assert run(made, "history", "a/b", "--releases").exit_code == 0


def _latin(made: BareRepository) -> bytes:
    """Write a commit on the head whose title is in Latin-1."""
    who = b"somebody <somebody@example.org> 1700100000 +0000"
    tree, head = (made.git("rev-parse", name).encode() for name in ("HEAD^{tree}", "HEAD"))
    return b"tree %b\nparent %b\nauthor %b\ncommitter %b\n\nGr\xf6\xdfe\n" % (tree, head, who, who)


@pytest.mark.timeout(60)
def test_a_tokenizer_of_a_million_lines_is_unjudged(made: BareRepository) -> None:
    """A text beyond the limit is compared by its bytes and named, and the answer comes in seconds."""
    lines = b",\n".join(b'"token-%d": %d' % (number, number) for number in range(1_000_000))
    made.commit({"tokenizer.json": b'{"model": {"type": "BPE", "vocab": {\n%b\n}}}' % lines}, "Larger vocabulary")
    found = answer(made)
    assert "tokenizer.json" in open_files(found)


def test_offline_without_older_texts_the_file_is_named(made: BareRepository) -> None:
    """A config whose older text is not on this machine is never guessed: the level is at least what is known."""
    made.commit({"config.json": CONFIG.replace(b"4", b"8")}, "Wider")
    blob = made.git("rev-parse", "v1.0.0:config.json")
    (made.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    found = answer(made, offline=True)
    assert (found["level"], found["suggested"]) == ("minor", "1.1.0")
    assert "config.json" in open_files(found)
    shown = run(made, "suggest", "a/b", offline=True).stdout
    assert "up to major" in shown
    assert "config.json" in shown


def test_cards_that_were_not_read_are_counted(made: BareRepository) -> None:
    """A version that only an unread card announces is not known, and the answer says so."""
    made.commit({"README.md": CARD.encode() + b"Version 2\n", "model.safetensors": weights(3)}, "More")
    blob = made.git("rev-parse", "HEAD:README.md")
    (made.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    assert answer(made)["notes"][0].startswith("cards that were not read: 1;")


def test_nothing_to_compare_with_is_an_error(made: BareRepository, tmp_path: Path) -> None:
    """An empty folder, a model that does not exist and a revision that is not on the line end with a hint and 2."""
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments in ((empty,), (empty, "--from", "a/b"), ("a/nobody",), ("a/b", "--from", "v9"), ("a/b", "a/nobody")):
        done = run(made, "suggest", *arguments)
        assert done.exit_code == 2, arguments
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
    shutil.rmtree(made.git_dir / "objects")
    assert run(made, "suggest", "a/b").exit_code == 2

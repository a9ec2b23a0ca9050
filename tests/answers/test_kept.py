"""A store and a backup of an earlier version are read, moved and queried, and give the same answers as then."""

from __future__ import annotations

import csv
import filecmp
import io
import json
import lzma
import re
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lineage.answers.demo import HUB_FOLDER
from lineage.store.moving.jsonl import read_jsonl, write_jsonl
from lineage.store.moving.neo4j_csv import ARRAY_DELIMITER
from lineage.store.open import open_store
from lineage_cli.main import main
from tests.support.dump import brought_up
from tests.support.repositories import zoo_hub
from tests.support.shared import ROOT

pytestmark = pytest.mark.slow

KEPT = ROOT / "tests/data/kept"

ENDPOINT = "http://localhost:8765"
"""The Hub that the store was collected from. No server listens there, and no request is sent."""

WORDS = {"message", "reason", "hint", "detail"}
"""Fields with sentences for people, whose wording may change. A one-word reason is an enumeration and must not."""

OF_THE_FILE = {"size_bytes", "schema_version", "attachments"}
"""What a migration may change in a store, and what `store info` did not count then."""

ADDED_KINDS = {"MatchKey", "Product", "HAS_KEY", "RELATED_TO", "NEXT_VERSION", "USES"}
"""Kinds of nodes and edges that later versions of the schema added: the kept store has none of them."""

ADDED_RULES = {"LW009", "LW010", "LW011", "LW012"}
"""Rules of findings that came later: the kept answers have none of these findings."""

ADDED = {
    "allow_empty",
    "levels",
    "sample",
    "samples",
    "hub_asked",
    "first_uploads",
    "loader",
    "covers",
    "moved_from",
    "licences",
    "rule",
    "stride",
    "help",
    "fix",
    "ignored",
    "fail_on",
    "fail_on_rules",
    "settings",
    "by_facet",
    "notes",
    "moved_tags",
    "base_family",
    "variants",
    "use_safetensors",
    "named_at",
    "rows",
    "other_versions",
    "next_versions",
    "derivation",
    "unmeasured",
    "contradicted",
}
"""Fields that later versions added to answers, each with a default. The kept answers do not have them."""

_OF_MODELS = {
    "single_folder:boolean": "", "first_created:string": "", "first_owner:string": "", "first_root_commit:string": "",
    "declarations:string[]": "",
}  # fmt: skip

ADDED_COLUMNS = {
    "evidence.csv": {"score:double": "", "weights_child:string": "", "weights_parent:string": ""},
    "lineagestore.csv": {},
    "model-2.csv": _OF_MODELS,
    "model.csv": _OF_MODELS,
    "ref.csv": {"since:string": "", "former_targets:string[]": "", "empty:string[]": "former"},
    "revision.csv": {"unread_message:string": "", "category:string": "", "absent:string[]": "unread_message"},
    "weights.csv": {"arch:string": "", "sketch:string": "", "calls:string[]": ""},
}
"""Files to which later versions added columns, with the value of every row of the kept store."""

EMPTY_LISTS = {"model.csv": "former_identities", "model-2.csv": "former_identities"}
"""Files in which later versions named one more empty list, and that list's name."""

OF_THE_STORE = {"schema_version:long", "unfinished:string[]"}
"""Columns of the one row about the store: its version, and the kinds with empty lists."""

QUESTIONS = sorted(path.stem for path in (KEPT / "answers").glob("*.json"))


@dataclass(frozen=True)
class Answered:
    """Hold what a command wrote to stdout, and its exit code."""

    text: str
    code: int


def ask(*arguments: str) -> Answered:
    """Run `lineage` in this process, in the current folder and environment."""
    done = CliRunner().invoke(main, list(arguments))
    return Answered(done.stdout, done.exit_code)


def fill(folder: Path, small_zoo: Path) -> None:
    """Create what the questions name by relative paths: models, a Hub of them, and modified weights."""
    shutil.copytree(HUB_FOLDER, folder / "demo")
    for model in ("skiffworks/skiff-0.7m", "plover-lab/plover-0.7m", "magpie-ml/python-max-0.7m"):
        (folder / "demo" / model / "model.safetensors").unlink()  # the package had their cards only
    shutil.copytree(ROOT / "docs/examples/hub", folder / "examples")
    shutil.copytree(ROOT / "tests/data/fingerprints", folder / "fingerprints")
    zoo_hub(small_zoo, folder / "zoo")
    heron = small_zoo / "heronml/heron-gpt2-tiny-licences"
    shutil.copytree(heron / "r3", folder / "shards")
    shutil.copytree(heron / "r4", folder / "flipped")
    write_products(folder)
    weights = folder / "flipped/model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def write_products(folder: Path) -> None:
    """Write a product with a used, a missing and an unknown model, one with a file that is not read, and none."""
    product, quiet = folder / "product", folder / "quiet"
    for each in (product, quiet, folder / "empty"):
        each.mkdir()
    (product / "lineage.toml").write_text('[models]\n"heronml/heron-gpt2-tiny-licences" = { revision = "main" }\n')
    (product / "app.py").write_text(
        'tuned = AutoModel.from_pretrained("heronml/heron-gpt2-tiny-licences")\n'
        'gone = AutoModel.from_pretrained("heronml/gone", revision="v1")\n'
        "AutoModel.from_pretrained(sys.argv[1])\n"
    )
    (quiet / "serve.sh").write_text("vllm serve heronml/heron-gpt2-tiny-licences\n")
    (quiet / "broken.ipynb").write_text("{")


def unpack_store(path: Path) -> None:
    """Unpack the kept store."""
    path.write_bytes(_kept_store())


@cache
def _kept_store() -> bytes:
    return lzma.decompress((KEPT / "store.db.xz").read_bytes())


def comparable(answer: dict[str, Any] | None) -> str:
    """Write an answer without sentences for people, without the tool's version, without what depends on the machine.

    With a folder as Hub, the time is now, and the Hub's name ends with a hash of the folder's path, which also changes
    the ids of evidence.
    """
    if answer is None:
        return ""
    hub = answer.get("hub") or ""
    here = re.fullmatch(r"(dir-.+)-[0-9a-f]{8}", hub)
    if "cost" in answer and answer["schema"] == "compare.v1":
        answer = {**answer, "cost": {name: each for name, each in answer["cost"].items() if name != "seconds"}}
    left_out = {"tool", *(["collected_at"] if here else [])}
    if answer["schema"] == "history.v1" and "findings" in answer:
        assert {each["rule"] for each in answer["findings"]} <= ADDED_RULES
        left_out.add("findings")  # histories had none then
    if str(answer.get("schema", "")).startswith("store-info."):
        left_out |= OF_THE_FILE
        counts = {what: answer[what].items() for what in ("nodes", "edges")}
        answer = {
            **answer,
            **{what: {k: n for k, n in each if k not in ADDED_KINDS or n} for what, each in counts.items()},
        }
    kept = {name: value for name, value in answer.items() if name not in left_out}
    text = json.dumps(without_words(kept), indent=1)
    return re.sub(r"(evidence\.v1):[0-9a-f]{40}", r"\1", text.replace(hub, here[1])) if here else text


def without_words(value: Any) -> Any:
    """Drop sentences at any depth."""
    if isinstance(value, list):
        return [
            without_words(each) for each in value if not (isinstance(each, dict) and each.get("rule") in ADDED_RULES)
        ]
    if not isinstance(value, dict):
        return value
    kept = {name: each for name, each in value.items() if name not in ADDED}
    return {name: without_words(each) for name, each in kept.items() if name not in WORDS or is_kind(name, each)}


def is_kind(name: str, value: Any) -> bool:
    """Return whether a reason is one of a fixed list, such as `missing`, and not a sentence."""
    return name == "reason" and isinstance(value, str) and re.fullmatch(r"[a-z_]+", value) is not None


@pytest.fixture(scope="module")
def filled(small_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder in which the commands run."""
    folder = tmp_path_factory.mktemp("asked")
    fill(folder, small_zoo)
    return folder


@pytest.fixture
def place(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Change to the folder of the commands, with the kept store in it as it was written."""
    unpack_store(filled / "kept.db")
    monkeypatch.chdir(filled)
    monkeypatch.setenv("HF_ENDPOINT", ENDPOINT)
    monkeypatch.setenv("LINEAGE_STORE", "kept.db")
    yield filled
    for left in filled.glob("*.db*"):
        left.unlink()


@pytest.fixture(scope="module")
def backup() -> bytes:
    """Unpack the kept backup."""
    return lzma.decompress((KEPT / "backup.jsonl.xz").read_bytes())


def test_every_kind_of_verdict_is_kept() -> None:
    """The kept answers include clean, found and unchecked ones, every command, and commands that failed."""
    kept = [json.loads((KEPT / "answers" / f"{name}.json").read_text("utf-8")) for name in QUESTIONS]
    commands = {each["question"][0] for each in kept}
    others = {"trace", "history", "diff", "verify", "fingerprint", "collect", "store", "compare"}
    assert commands == {"check", "audit", "lock", *others}
    verdicts = {(each["answer"] or {}).get("verdict") for each in kept}
    assert verdicts >= {
        "clean",
        "findings",
        "unchecked",
        "nothing_to_audit",
        "changed",
        "equal",
        "reserialised",
        "different",
        "known",
        "not_known",
    }
    assert {each["exit_code"] for each in kept} == {0, 1, 2}
    assert len(kept) >= 20


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.usefixtures("place")
def test_a_question_is_answered_as_before(name: str) -> None:
    """The answer from the kept store and from local files is the kept one, field by field and in the same order."""
    kept = json.loads((KEPT / "answers" / f"{name}.json").read_text("utf-8"))
    done = ask(*kept["question"])
    assert done.code == kept["exit_code"]
    answer = json.loads(done.text) if done.text else None
    assert comparable(answer) == comparable(kept["answer"])
    if answer is not None:
        assert done.text == json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.usefixtures("place")
def test_the_store_is_exported_as_before(backup: bytes) -> None:
    """The backup of the kept store is the kept backup, row for row, with the fields that later schemas added."""
    assert ask("store", "export", "backup.jsonl", "--json").code == 0
    assert rows_of_backup(Path("backup.jsonl").read_bytes()) == brought_up_rows(backup)


@pytest.mark.usefixtures("place")
def test_the_backup_is_restored_to_a_file(backup: bytes) -> None:
    """The kept backup is imported into a new SQLite store, which is found clean and exports the same rows."""
    Path("kept.jsonl").write_bytes(backup)
    done = ask("store", "import", "kept.jsonl", "--store", "new.db", "--json")
    assert (done.code, json.loads(done.text)["equal"]) == (0, True)
    assert ask("store", "check", "--store", "new.db").code == 0
    assert ask("store", "export", "again.jsonl", "--store", "new.db", "--json").code == 0
    assert rows_of_backup(Path("again.jsonl").read_bytes()) == brought_up_rows(backup)


def test_the_backup_is_restored_in_memory(backup: bytes) -> None:
    """The kept backup is imported into a store in memory, which exports the same rows."""
    again = io.BytesIO()
    with open_store("memory:") as store:
        read_jsonl(store, io.BytesIO(backup), "backup.jsonl")
        with store.reading() as view:
            write_jsonl(view, again)
    assert rows_of_backup(again.getvalue()) == brought_up_rows(backup)


def rows_of_backup(text: bytes) -> list[str]:
    """Return the lines of a backup between its first one, with the counts, and its last one, with the digests."""
    return text.decode("utf-8").splitlines()[1:-1]


def brought_up_rows(text: bytes) -> list[str]:
    """Return the rows of a backup of schema 1 as a later schema has them."""
    return [brought_up(line, 1) for line in rows_of_backup(text)]


@pytest.mark.usefixtures("place")
def test_the_tables_are_exported_as_before(tmp_path: Path) -> None:
    """The CSV files for Neo4j are the kept ones, file by file, except for added columns."""
    with tarfile.open(KEPT / "neo4j-csv.tar.xz") as archive:
        archive.extractall(tmp_path / "kept", filter="data")
    done = ask("store", "export", str(tmp_path / "now"), "--format", "neo4j-csv", "--json")
    assert done.code == 0
    names = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "now").iterdir())
    same, different, errors = filecmp.cmpfiles(tmp_path / "kept", tmp_path / "now", names, shallow=False)
    assert (sorted(same), different, errors) == (sorted({*names} - {*ADDED_COLUMNS}), [*ADDED_COLUMNS], [])
    for name, added in ADDED_COLUMNS.items():
        kept, now = (rows_of(tmp_path / folder / name) for folder in ("kept", "now"))
        assert all(row.pop(column) == value for row in now for column, value in added.items())
        for row in now if name in EMPTY_LISTS else ():
            names = row["empty:string[]"].split(ARRAY_DELIMITER)
            names.remove(EMPTY_LISTS[name])
            row["empty:string[]"] = ARRAY_DELIMITER.join(names)
        for row in (*kept, *now) if name == "lineagestore.csv" else ():
            assert all(row.pop(column) for column in OF_THE_STORE)
        assert now == kept


def rows_of(table: Path) -> list[dict[str, str]]:
    """Read a CSV file with a header, its columns in their order."""
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))

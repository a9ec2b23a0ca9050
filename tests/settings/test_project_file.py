"""The project file: where it is found, what is accepted, and what each error names."""

from __future__ import annotations

import os
import time
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.answers.project import read_project
from lineage.errors import InputError
from lineage.rules.table import movable_rules
from lineage.settings.project_file import Ignore, Project
from lineage.settings.project_search import MAX_BYTES
from lineage_schemas.project_file import ProjectFile
from tests.support.nobody import without_rights

COMMIT = "c0ffee" + "0" * 34

WHOLE = f"""\
[rules]
LW003 = "warning"
silent-weight-change = "info"

[[ignore]]
rule = "LW002"
model = "pier/mole"
reason = "we rewrote it ourselves"
until = 2027-01-31

[[ignore]]
rule = "moved-tag"
model = "quay/*"
reason = "they move `latest`"

[models]
"pier/mole" = {{ revision = "stable", since = 2024-09-06, hub = "mirror" }}
"quay/wall" = {{}}

[licences]
allow = ["apache-2.0", "mit"]
deny = ["cc-by-nc-4.0"]

[compat]
max-nfr = 0.01

[[parents]]
child = "pier/mole"
parent = "quay/wall@{COMMIT}"
relation = "finetune"
reason = "trained in March"
"""


def read(folder: Path, text: str | bytes, name: str = "lineage.toml") -> Project | None:
    """Write a file and read the settings of its folder on 1 June 2026."""
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return read_project(start=folder, today=date(2026, 6, 1))


def refusal(folder: Path, text: str | bytes, name: str = "lineage.toml") -> str:
    """Return the message of the error for a file."""
    with pytest.raises(InputError) as caught:
        read(folder, text, name)
    assert caught.value.hint
    return caught.value.message.replace(f"{folder}/", "")


def test_everything_is_read(tmp_path: Path) -> None:
    """Each table reaches its record, rules by their names, and a date without quotes is a start as well."""
    project = read(tmp_path, WHOLE)
    assert project is not None
    assert project.moved == {"moved-tag": "warning", "silent-weight-change": "info"}
    assert project.ignores == (
        Ignore("rewritten-history", "pier/mole", "we rewrote it ourselves", date(2027, 1, 31), 5),
        Ignore("moved-tag", "quay/*", "they move `latest`", None, 11),
    )
    assert project.file.models["pier/mole"].since == "2024-09-06"
    assert project.file.models["quay/wall"].revision is None
    assert project.file.licences.deny == ("cc-by-nc-4.0",)
    assert project.file.compat.max_nfr == 0.01
    assert [(each.child, each.relation) for each in project.file.parents] == [("pier/mole", "finetune")]
    shown = str(tmp_path / "lineage.toml")
    assert (project.shown, project.folder, project.at("compat", "max-nfr")) == (shown, tmp_path, f"{shown}:25")


def test_pyproject_has_the_same_tables(tmp_path: Path) -> None:
    """`[tool.lineage]` of pyproject.toml is read as lineage.toml is, with the lines of that file."""
    text = '[project]\nname = "x"\n[tool.lineage.rules]\nLW003 = "info"\n[[tool.lineage.ignore]]\n'
    project = read(tmp_path, text + 'rule = "LW001"\nmodel = "a/b"\nreason = "r"\n', "pyproject.toml")
    assert project is not None
    assert (project.moved, project.ignores[0].line) == ({"moved-tag": "info"}, 5)
    assert refusal(tmp_path, text, "pyproject.toml") == (
        "pyproject.toml:5: [[ignore]] has no 'rule'; pyproject.toml:5: [[ignore]] has no 'model'; "
        "pyproject.toml:5: [[ignore]] has no 'reason'"
    )


def test_an_empty_file_is_settings_too(tmp_path: Path) -> None:
    """An empty lineage.toml is found, and ends the search."""
    project = read(tmp_path, "")
    assert project is not None
    assert project.file == ProjectFile()


IGNORE = "[[ignore]]\nrule = 'LW001'\nmodel = 'a/b'\n"

PARENT = "[[parents]]\nchild = 'a/b'\nparent = 'c/d'\nreason = 'r'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n[rulez]\n", "lineage.toml:2: the file has no key 'rulez'; did you mean rules?"),
        ("[licenses]\nallow = []", "lineage.toml:1: the file has no key 'licenses'; did you mean licences?"),
        (
            "zebra = 1",
            "the file has no key 'zebra'; it may have rules, ignore, models, licences, publishers, formats, signing, "
            "compat, parents",
        ),
        ("[tool.lineage.rules]", "the tables of this file are written without tool.lineage"),
        ("[rules]\n\nmoved-tags = 'info'", "lineage.toml:3: 'moved-tags' is not a rule; did you mean moved-tag?"),
        ("[rules]\nLW03 = 'info'", "'LW03' is not a rule; did you mean LW003?"),
        ("[rules]\nmoved-tag = 'off'", "is 'off', not one of info, warning, error; to ignore"),
        ("[rules]\nmoved-tag = 'major'", "'moved-tag' of [rules] is 'major', not one of info, warning, error"),
        ("[rules]\nmoved-tag = 2", "'moved-tag' of [rules] is 2, not one of"),
        ("[rules]\nmoved-tag = 'info'\nLW003 = 'info'", ":3: 'LW003' and 'moved-tag' of [rules] are the same rule"),
        ("rules = ['LW003']", "lineage.toml:1: 'rules' is a list, not a table"),
        (IGNORE, "lineage.toml:1: [[ignore]] has no 'reason'"),
        (IGNORE + "reason = ' '", "lineage.toml:4: 'reason' of [[ignore]] is empty"),
        (IGNORE + "reason = 'r'\nuntill = 2026-01-01",
         "lineage.toml:5: [[ignore]] has no key 'untill'; did you mean until?"),
        (IGNORE + "reason = 'r'\nuntil = '2026-01-01'",
         ":5: 'until' of [[ignore]] is '2026-01-01', not a date"),
        (IGNORE + "reason = 'r'\nuntil = 20260101", "is 20260101, not a date"),
        ("[[ignore]]\nrule = 'LW9'\nmodel = 'a/b'\nreason = 'r'", ":2: 'LW9' is not a rule"),
        ("[[ignore]]\nrule = 'LW001'\nmodel = '*'\nreason = 'r'", ":3: '*' is not a model"),
        ("[[ignore]]\nrule = 'LW001'\nmodel = 'a/b/*'\nreason = 'r'", ":3: 'a/b/*' is not a model"),
        ("[ignore]\nrule = 'LW001'", "'ignore' is a table, not a list of tables: write [[ignore]]"),
        ("[models]\n'a/b' = 'main'", ":2: 'a/b' of [models] is 'main', not a table"),
        ("[models]\n'a/b@v1' = {}", ":2: 'a/b@v1' is not a model: it does not follow"),
        ("[models]\n'a/b' = {}\n'./c' = {}", ":3: './c' is not a model: it is a local path"),
        ("[models.'a/b']\n\nreversion = 'x'", ":3: [models.\"a/b\"] has no key 'reversion'; did you mean revision?"),
        ("[models]\n'a/b' = { revision = 1.0 }", ":2: 'revision' of [models.\"a/b\"] is 1.0, not a text in quotes"),
        ("[licences]\nallow = 'mit'", ":2: 'allow' of [licences] is 'mit', not a list"),
        ("[licences]\nallow = [\n'mit',\n3]", ":4: item 2 of 'allow' of [licences] is 3, not a text"),
        ("[licences]\nallow = ['MIT']\ndeny = ['mit']", ":2: the licence 'MIT' is both in allow and in deny"),
        ("[formats]\ndeny = ['pickel']", ":2: 'pickel' is not a format of weights; did you mean pickle?"),
        ("[licences]\ndeny = [\n'apache2-0']", ":3: 'apache2-0' is not a licence; did you mean apache-2.0?"),
        ("[licences]\nallow = ['cc-bi-nc-4.0']", ":2: 'cc-bi-nc-4.0' is not a licence; did you mean cc-by-nc-4.0?"),
        ("[publishers]\nallow = ['acme',\n'acme/*']", ":3: 'acme/*' is not a publisher; write the owner alone"),
        ("[compat]\nmax_nfr = 0.1", ":2: [compat] has no key 'max_nfr'; did you mean max-nfr?"),
        ("[compat]\nmax-nfr = 2", ":2: 'max-nfr' of [compat] is 2, not a number between 0 and 1"),
        ("[compat]\nmax-nfr = nan", "is nan, not a number between 0 and 1"),
        ("[compat]\nmax-nfr = true", "is true, not a number between 0 and 1"),
        ("[[parents]]\nchild = 'a/b'\nparent = 'c/d'", "[[parents]] has no 'reason'"),
        (PARENT + "relation = 'fine-tune'",
         ":5: 'relation' of [[parents]] is 'fine-tune', not one of finetune, adapter, merge, quantized"),
        ("[[parents]]\nchild = 'a/b'\nparent = 'A/b'\nreason = 'r'", "'a/b' is named as its own parent"),
        ("[[parents]]\nchild = 'a/b'\nparent = 'c/d@main'\nreason = 'r'", ":3: 'c/d@main' does not end with a"),
        ("[[parents]]\nchild = './x'\nparent = 'c/d'\nreason = 'r'\n", ":2: './x' is not a model: it is a local path"),
        (PARENT * 2, ":5: 'c/d' is named twice as a parent of 'a/b'"),
        ("a = 1\nb = = 2\n", "lineage.toml:2: this is not valid TOML: Invalid value"),
        ("[rules]\n[models]\n[rules]\n", "lineage.toml:3: this is not valid TOML: Cannot declare ('rules',) twice"),
        ("a = 1\na = 2", "lineage.toml:2: this is not valid TOML: Cannot overwrite a value"),
        ("a = '''\n\n", "lineage.toml:1: this is not valid TOML"),
        ("a = " + "9" * 5000, "an integer has thousands of digits"),
        ("a = " + "[" * 100_000, "has keys of too many parts, or lists that nest too deep"),
        ("a" + ".a" * 100_000 + " = 1", "has keys of too many parts, or lists that nest too deep"),
        (b"[rules]\n# \xff\n", "lineage.toml:2: byte 10 is not UTF-8"),
        ("rules = 1\nmodels = 2\ncompat = 3\nparents = 4\nignore = 5", ":3: 'compat' is 3, not a table; and 2 more"),
        ('"x\\ny" = 1', "the file has no key 'x y'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    """An unknown key, a wrong type, a missing reason and invalid TOML are refused, with the line and what to write."""
    assert message in refusal(tmp_path, text)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    """A file saved with a byte order mark is read."""
    assert read(tmp_path, "\ufeff[rules]\r\nLW003 = 'info'\r\n") is not None


def test_a_file_of_ten_megabytes_is_refused_at_once(tmp_path: Path) -> None:
    """A file above the limit is not parsed, whichever of the two it is."""
    begun = time.monotonic()
    assert "lineage.toml is longer than 1 MB (10,000,000 bytes)" in refusal(tmp_path, b"# lineage\n" * 1_000_000)
    assert read(tmp_path, b"#" * MAX_BYTES) is not None
    (tmp_path / "lineage.toml").unlink()
    assert "pyproject.toml is longer" in refusal(tmp_path, b"# lineage\n" * 1_000_000, "pyproject.toml")
    assert time.monotonic() - begun < 20


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe, a dangling link and a file without the right to read it are errors, and nothing waits."""
    path = tmp_path / "lineage.toml"
    path.mkdir()
    with pytest.raises(InputError, match=r"lineage.toml is a folder"):
        read_project(start=tmp_path)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"lineage.toml is not a regular file"):
        read_project(start=tmp_path)
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(InputError, match=r"lineage.toml cannot be read: No such file"):
        read_project(start=tmp_path)
    path.unlink()
    path.symlink_to("lineage.toml")
    with pytest.raises(InputError, match=r"lineage.toml cannot be read: Too many levels"):
        read_project(start=tmp_path)


def test_a_file_without_the_right_to_read_it_is_refused(tmp_path: Path) -> None:
    """A file that is there and cannot be read is an error, because it could hold settings."""
    path = tmp_path / "lineage.toml"
    path.write_text("")
    with without_rights(tmp_path):
        mode = 0o644
        if os.getuid() != 0:
            tmp_path.chmod(0o755)
            path.chmod(0)
        with pytest.raises(InputError, match=r"lineage.toml cannot be read: Permission denied"):
            read_project(start=tmp_path)
        with pytest.raises(InputError, match=r"lineage.toml cannot be read: Permission denied"):
            read_project(path)
    path.chmod(mode)


def test_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    """A link may lead to another file of the repository; one that leads out of it is refused, unless it is named."""
    tree = tmp_path / "tree"
    (tree / ".git").mkdir(parents=True)
    (tree / "etc").mkdir()
    (tree / "etc/own.toml").write_text("[rules]\nLW003 = 'info'\n")
    (tree / "lineage.toml").symlink_to("etc/own.toml")
    project = read_project(start=tree / "etc")
    assert project is not None
    assert project.shown == str(tree / "lineage.toml")
    (tmp_path / "other.toml").write_text("")
    (tree / "lineage.toml").unlink()
    (tree / "lineage.toml").symlink_to("../other.toml")
    with pytest.raises(InputError, match=r"lineage.toml is a link to .*other.toml, which is outside of .*tree"):
        read_project(start=tree)
    assert read_project(tree / "lineage.toml") is not None


def test_without_a_repository_a_link_stays_in_its_folder(tmp_path: Path) -> None:
    """Outside of a repository, a link to a file beside it is read, and one to a file elsewhere is refused."""
    (tmp_path / "data/v1").mkdir(parents=True)
    (tmp_path / "data/v1/own.toml").write_text("")
    (tmp_path / "data/lineage.toml").symlink_to("v1/own.toml")
    assert read_project(start=tmp_path / "data") is not None
    (tmp_path / "other.toml").write_text("")
    (tmp_path / "data/lineage.toml").unlink()
    (tmp_path / "data/lineage.toml").symlink_to("../other.toml")
    with pytest.raises(InputError, match=r"lineage.toml is a link to .*other.toml, which is outside of .*data"):
        read_project(start=tmp_path / "data")
    (tmp_path / "data/lineage.toml").unlink()
    (tmp_path / "data/pyproject.toml").symlink_to("../other.toml")
    (tmp_path / "other.toml").write_text("[project]\nname = 'lineage'\n")
    assert read_project(start=tmp_path / "data") is None
    (tmp_path / "other.toml").write_text("[tool.lineage]\n")
    with pytest.raises(InputError, match=r"pyproject.toml is a link to .*other.toml"):
        read_project(start=tmp_path / "data")


def test_two_files_of_one_folder_are_refused(tmp_path: Path) -> None:
    """It is unknown which of two files of one folder is meant; naming one decides."""
    read(tmp_path, "[tool.other]\nof = 'lineage'\n", "pyproject.toml")
    assert read(tmp_path, "") is not None
    message = refusal(tmp_path, "[tool.lineage]\n", "pyproject.toml")
    assert message == "lineage.toml and [tool.lineage] of pyproject.toml are both settings of one folder"
    assert read_project(tmp_path / "lineage.toml") is not None


def test_a_named_file_is_read(tmp_path: Path) -> None:
    """`--config` takes a file of any name, or a pyproject.toml that has the table."""
    path = tmp_path / "ci.toml"
    with pytest.raises(InputError, match=r"--config .*ci.toml: there is no such file"):
        read_project(path)
    path.write_text("[rules]\nLW001 = 'warning'\n")
    project = read_project(path)
    assert project is not None
    assert (project.moved, project.shown) == ({"silent-weight-change": "warning"}, str(path))
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(InputError, match=r"has no table \[tool.lineage\]"):
        read_project(tmp_path / "pyproject.toml")


def test_a_broken_pyproject_is_refused_only_if_it_may_be_ours(tmp_path: Path) -> None:
    """A broken pyproject.toml that never mentions lineage is left to other tools; another may hold our table."""
    assert read(tmp_path, "[project\n", "pyproject.toml") is None
    assert "pyproject.toml:2: this is not valid TOML" in refusal(tmp_path, "[tool.lineage]\n[x\n", "pyproject.toml")


def test_an_ignore_counts_to_the_end_of_its_last_day(tmp_path: Path) -> None:
    """On the day `until` the finding is ignored, on the next day it counts."""
    project = read(tmp_path, WHOLE)
    assert project is not None
    first, second = project.ignores
    assert not first.has_expired(date(2027, 1, 31))
    assert first.has_expired(date(2027, 2, 1))
    assert not second.has_expired(date(2999, 1, 1))


@pytest.mark.parametrize(
    ("pattern", "model", "is_about"),
    [("a/b", "a/b", True), ("A/b", "a/B", True), ("a/b", "a/bc", False), ("a/*", "a/b", True), ("a/*", "ab/c", False),
     ("a/*", "a", False), ("a/b", "dir-x-1:a/b", False)],
)  # fmt: skip
def test_a_pattern_is_about_models(pattern: str, model: str, is_about: bool) -> None:
    """An id is about that model in any case, `org/*` about all models of the owner."""
    assert Ignore("moved-tag", pattern, "r", None, 1).is_about(model) is is_about


def test_every_rule_can_be_moved() -> None:
    """Each rule is known by its name and by its code, with values that the schema allows."""
    for text, rule in movable_rules().items():
        assert text == text.lower()
        assert ProjectFile(rules=dict.fromkeys([text], rule.values[0])).rules


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


WORDS = (
    "rules", "ignore", "models", "licences", "compat", "parents", "rule", "model", "reason", "until", "max-nfr",
    "LW001", "moved-tag", "info", "'a/b'", '"x"', "2026-01-01", "1979-05-27T07:32:00Z", "0.5", "nan", "true", "9" * 20,
    "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", " ", '"', "'", '"""', "\\", "#", "\x00", "\u202e", "é",
)  # fmt: skip


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(WORDS)).map("".join).map(str.encode) | st.binary(max_size=80))
def test_any_bytes_are_settings_or_a_clear_error(shared_folder: Path, data: bytes) -> None:
    """Random bytes and random pieces of TOML are read or refused with a message that names the file."""
    for name in ("lineage.toml", "pyproject.toml"):
        text = data if name == "lineage.toml" else b"[tool]\nlineage." + data
        assert outcome(shared_folder, text, name) in {None, name}
        (shared_folder / name).unlink()


def outcome(folder: Path, text: bytes, name: str) -> str | None:
    """Return the file that was read, or that the message of the error begins with, on its one line."""
    shown = str(folder / name)
    try:
        project = read(folder, text, name)
    except InputError as error:
        return name if error.message.startswith(shown) and "\n" not in error.message else error.message
    return project.shown.removeprefix(f"{folder}/") if project else None

"""The project file on the command line: found, named, left out, and refused before any work."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lineage.answers.demo import HUB_FOLDER
from lineage_cli.main import main
from tests.cli.running import environment, lineage

SILENT = "mattshumer/Reflection-Llama-3.1-70B"

IGNORE = f"[[ignore]]\nrule = 'LW001'\nmodel = '{SILENT}'\nreason = 'we know'\n"

COMMANDS = [
    ["check", "a/b"], ["trace", "a/b"], ["collect", "a/b"], ["history", "a/b"], ["diff", "a/b"], ["check"],
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository's folder the current one."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run `lineage` in this process."""
    return CliRunner().invoke(main, list(arguments))


def check_silent(*arguments: str) -> Result:
    """Check the demo's model with a silent change."""
    return run("check", SILENT, "--hub", str(HUB_FOLDER), "--store", "demo.db", "--format", "json", *arguments)


@pytest.mark.slow
def test_the_nearest_file_decides_on_the_exit_code(folder: Path) -> None:
    """The finding is ignored with the file, counts with --no-config, and counts with another file."""
    (folder / "lineage.toml").write_text(IGNORE)
    (folder / "other.toml").write_text("")
    ignored = check_silent()
    assert (ignored.exit_code, json.loads(ignored.stdout)["settings"]["file"]) == (0, "lineage.toml")
    without = check_silent("--no-config")
    assert (without.exit_code, "settings" in json.loads(without.stdout)) == (1, False)
    named = check_silent("--config", "other.toml")
    assert (named.exit_code, json.loads(named.stdout)["settings"]["file"]) == (1, "other.toml")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_an_error_in_the_file_ends_every_command_before_any_work(folder: Path, arguments: list[str]) -> None:
    """The line and the key are named, the exit code is 2, nothing is on stdout, and no store was made."""
    (folder / "lineage.toml").write_text("\n[rulez]\n")
    done = run(*arguments, "--store", "made.db", "--hub", "nowhere", "--format", "json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: lineage.toml:2: the file has no key 'rulez'; did you mean rules?\nhint: ")
    assert not (folder / "made.db").exists()


def test_commands_without_settings_do_not_read_the_file(folder: Path) -> None:
    """A broken project file does not stop `rules`, `fingerprint`, `store info` and the help."""
    (folder / "lineage.toml").write_text("][")
    shutil.copy(next(HUB_FOLDER.rglob("*.safetensors")), "model.safetensors")
    assert run("rules").exit_code == 0
    assert run("fingerprint", "./model.safetensors").exit_code == 0
    assert run("check", "--help").exit_code == 0


def test_the_models_of_the_file_are_checked(folder: Path) -> None:
    """Without a target the models of the file are checked, on the Hub that the file names for them."""
    (folder / "lineage.toml").write_text(f"[models]\n'{SILENT}' = {{ hub = '{HUB_FOLDER}' }}\n")
    done = run("check", "--store", "demo.db", "--format", "json")
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert (answer["model"], answer["settings"]["models"]) == (SILENT, [SILENT])


@pytest.mark.parametrize("text", [None, "", "[rules]\nLW003 = 'info'\n"])
def test_without_any_model_the_usage_is_explained(folder: Path, text: str | None) -> None:
    """Without a target and without models in a file, the command says where they may be named."""
    if text is not None:
        (folder / "lineage.toml").write_text(text)
    done = run("check")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "list models under [models] of a project file" in done.stderr


def test_an_empty_list_of_targets_is_not_no_target(folder: Path) -> None:
    """A --from-file that names nothing is an error, and does not check the models of the file instead."""
    (folder / "lineage.toml").write_text(f"[models]\n'{SILENT}' = {{ hub = '{HUB_FOLDER}' }}\n")
    (folder / "none.txt").write_text("# nothing\n")
    done = run("check", "--from-file", "none.txt")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--from-file names no TARGET" in done.stderr


@pytest.mark.parametrize("options", [["--config", "x.toml", "--no-config"], ["--no-config", "--config", "x.toml"]])
def test_the_options_exclude_each_other(folder: Path, options: list[str]) -> None:
    """--config and --no-config together are an error in any order."""
    (folder / "x.toml").write_text("")
    done = run("trace", "a/b", *options)
    assert done.exit_code == 2
    assert "--config and --no-config contradict each other" in done.stderr


def test_a_missing_named_file_is_an_error(folder: Path) -> None:
    """A --config that does not exist does not mean the defaults."""
    done = run("trace", "a/b", "--config", "gone.toml")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: --config gone.toml: there is no such file\n")


def test_control_characters_of_the_file_are_escaped(folder: Path) -> None:
    """A key with escapes of a terminal is shown without its effect."""
    (folder / "lineage.toml").write_text('"\\u001b[2J\\u202e" = 1\n')
    done = run("trace", "a/b")
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr


@pytest.mark.slow
def test_without_a_file_no_parser_is_loaded(tmp_path: Path) -> None:
    """A command in a folder without a project file imports neither the TOML parser nor the file's record."""
    code = (
        "import sys\nfrom lineage.answers.project import read_project\n"
        "assert read_project() is None\n"
        "assert not {'tomllib', 'lineage_schemas.project_file', 'lineage.settings.toml_lines'} & set(sys.modules)\n"
    )
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment())


@pytest.mark.slow
def test_a_process_ends_with_two_and_no_traceback(tmp_path: Path) -> None:
    """The real program refuses a broken file that is named, without a traceback."""
    path = tmp_path / "broken.toml"
    path.write_bytes(b"\xff\xfe[\x00r\x00")
    done = lineage("check", SILENT, "--config", path, "--hub", HUB_FOLDER, "--store", tmp_path / "x.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {path}:1: byte 0 is not UTF-8\n")
    assert "Traceback" not in done.stderr

"""Every failure of a command ends with a message and an exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

import click
import pytest
from click.testing import CliRunner

from lineage import errors
from lineage_cli import _errors
from lineage_cli.main import COMMANDS, main
from tests.cli.running import environment, lineage, python
from tests.support.interruptible import interruptible
from tests.support.shared import ROOT

pytestmark = pytest.mark.slow

KINDS = [
    errors.InputError("no such thing", hint="look again"),
    errors.HubError("it broke", model="a/b"),
    errors.ModelNotFoundError("no model a/b", model="a/b"),
    errors.RevisionNotFoundError("no v9", model="a/b"),
    errors.FileNotInRevisionError("no config.json", model="a/b"),
    errors.ContentMismatchError("config.json is not what its id says", model="a/b"),
    errors.TextTooLongError("README.md", "it is longer than 10,000,000 bytes", model="a/b"),
    errors.GatedError("a/b is gated", model="a/b"),
    errors.RateLimitedError("h did not send /x: answered 429: the rate limit is used up, try again in 9 s", wait=9.0),
    errors.NoAnswerError("h did not send /x: no answer in time"),
    errors.HubUnreachableError("no answer"),
    errors.HubAnswerError("a cut body", model="a/b"),
    errors.UnexpectedError("a/b: unexpected error (KeyError: 'x')", model="a/b", hint="please report it"),
    errors.FormatError("a header beyond the file", file="model.safetensors"),
    errors.OtherBytesError("it is an LFS pointer", file="model.safetensors"),
    errors.StoreError("locked"),
    errors.StoreValueError("the store x cannot hold a number of more than 64 bits"),
]


def failing(error: BaseException) -> Any:
    """Make an answer that fails."""

    def answer(*_: object, **__: object) -> None:
        raise error

    return answer


def run_history(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> tuple[int, str]:
    """Run a command whose answer fails, and return its exit code and stderr."""
    monkeypatch.setattr("lineage.answers.history.history", failing(error))
    done = CliRunner().invoke(main, ["history", "a/b"])
    assert done.stdout == ""
    return done.exit_code, done.stderr


@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
def test_each_kind_of_error_says_what_happened_to_what_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: errors.LineageError
) -> None:
    """Each of our errors ends with `error:` and `hint:` on stderr and code 2, and names its model or file once."""
    code, stderr = run_history(monkeypatch, error)
    lines = stderr.splitlines()
    assert code == 2
    assert len(lines) == 2
    assert lines[0].startswith("error: ")
    assert error.message in lines[0]
    assert lines[1].startswith("hint: ")
    about = getattr(error, "model", None) or getattr(error, "file", None)
    assert about is None or lines[0].count(about) == 1


def test_every_kind_is_tried() -> None:
    """The list above contains every kind of error."""
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LineageError)}
    assert {type(error) for error in KINDS} == kinds - {errors.LineageError}


def test_an_interruption_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with 130 and a message that nothing is lost."""
    code, stderr = run_history(monkeypatch, KeyboardInterrupt())
    assert code == 130
    assert stderr.strip().splitlines() == [
        "error: interrupted", "hint: nothing is lost: run the same command again to continue",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied", "/x/y"), "/x/y: Permission denied"),
        (MemoryError(), "out of memory"),
        (ZeroDivisionError("division by\nzero"), "unexpected error (ZeroDivisionError: division by)"),
        (RecursionError(), "unexpected error (RecursionError)"),
    ],
)
def test_an_unexpected_error_is_one_line(monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str) -> None:
    """An exception that is not ours is reported in one line with a hint, never as a traceback."""
    code, stderr = run_history(monkeypatch, error)
    assert code == 2
    assert stderr.startswith(f"error: {words}")
    assert len(stderr.splitlines()) == 2
    assert "Traceback" not in stderr


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """LINEAGE_DEBUG=1 shows the traceback of any error, with its cause."""
    monkeypatch.setenv("LINEAGE_DEBUG", "1")
    cause = errors.StoreError("locked")
    cause.__cause__ = OSError("the disk")
    _, stderr = run_history(monkeypatch, cause)
    assert "Traceback" in stderr
    assert "OSError: the disk" in stderr
    assert "error: locked" in stderr


def test_a_hostile_message_is_neutralised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control characters in a message are escaped, and its further lines are indented."""
    _, stderr = run_history(monkeypatch, errors.InputError("bad \x1b[2J name\nerror: all is well", hint="\u202eno"))
    assert stderr == "error: bad \\x1b[2J name\n  error: all is well\nhint: \\u202eno\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chek", "a/b"], "Did you mean 'check'?"),
        (["check"], "name a TARGET, use --from-file, or list models under [models]"),
        (["collect"], "name a TARGET, or use --from-file or --author"),
        (["store", "forget"], "name a TARGET, use --from-file or --product"),
        (["store", "forgot"], "Did you mean 'forget'?"),
        (["trace"], "Missing argument 'TARGET'"),
        (["trace", "a/b", "c/d", "--down"], "--down takes one TARGET only"),
        (["trace", "a/b", "--format", "xml"], "'xml' is not one of 'tree', 'json', 'markdown', 'mermaid', 'dot'"),
        (["trace", "a/b", "--depth", "0"], "0 is not in the range x>=1"),
        (["check", "a/b", "--max-bytes", "many"], "'many' is not a size; write 64000000, 64MB or 2GiB"),
        (["check", "a/b", "--max-bytes", "1e308TB"], "'1e308TB' is not a size; write 64000000, 64MB or 2GiB"),
        (["store", "info", "--store", " "], "it is empty"),
        (["check", "a/b", "--output", "/nowhere/x.json"], "the folder '/nowhere' does not exist"),
        (["check", "-f", "/nowhere/models.txt"], "No such file or directory"),
        (["--frobnicate"], "No such option '--frobnicate'"),
    ],
)
def test_usage_errors_have_the_same_form(arguments: list[str], words: str) -> None:
    """A mistyped command line ends with `error:`, a hint that names the right `--help`, and code 2."""
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert words in first
    assert rest[-1].startswith("hint: lineage")
    assert rest[-1].endswith("--help lists its arguments and options")


def test_without_a_command_the_help_is_shown() -> None:
    """`lineage` alone shows the help and exits with 2, because the command is missing."""
    done = CliRunner().invoke(main, [])
    assert done.exit_code == 2
    assert done.stderr.startswith("Usage: lineage [OPTIONS] COMMAND")


def test_the_table_is_in_order() -> None:
    """In both tables, no row is unreachable because of a more general one before it."""
    for kinds in ([kind for kind, _ in _errors.TABLE], list(_errors.HINTS)):
        for position, kind in enumerate(kinds):
            assert not any(issubclass(kind, earlier) for earlier in kinds[:position]), kind


def test_short_helps_are_the_commands_own() -> None:
    """The table that `lineage --help` prints has the first sentence of each command's own help."""
    context = click.Context(main)
    for name, words in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert command.help is not None
        assert command.name == name
        assert command.help.split("\n\n")[0].strip() == words


def test_a_process_shows_no_traceback_either() -> None:
    """An error of the real process ends like one of the runner in the tests above."""
    done = lineage("trace", "a/b", "--hub", "/nowhere/at/all", "--store", "memory:")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["lineage", "lineage_cli"])
def test_modules_run_as_the_command(module: str) -> None:
    """`python -m lineage` and `python -m lineage_cli` run the command under the name `lineage`."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, text=True, env=environment(), check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "lineage 0.1.0\n", "")


def test_ctrl_c_reaches_a_process() -> None:
    """SIGINT to a waiting command ends it at once, with 130 and a message."""
    with interruptible():
        process = subprocess.Popen(
            [sys.executable, "-m", "lineage", "check", "-f", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment(), cwd=ROOT,
        )  # fmt: skip
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stdout == ""
    assert "nothing is lost" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.01, 0.03, 0.06, 0.1, 0.15, 0.25, 0.4])
def test_a_signal_while_it_starts_shows_no_traceback(number: signal.Signals, delay: float) -> None:
    """A signal at any moment of the start ends the command with the signal's code and at most two lines."""
    code = "import os; from lineage_cli.start import main; os.write(1, b'.'); main()"
    with interruptible():
        process = subprocess.Popen(
            [sys.executable, "-c", code, "check", "-f", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(), cwd=ROOT,
        )  # fmt: skip
    assert process.stdout
    assert process.stdout.read(1) == b"."
    time.sleep(delay)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    kinds = [line.split(b":")[0] for line in stderr.splitlines() if line]
    assert (process.returncode, kinds) == ((130, [b"error", b"hint"]) if number == signal.SIGINT else (-number, []))


@pytest.mark.parametrize(
    "module", ["click", "click.core", "lineage_cli.main", "lineage_cli.check", "lineage.answers.check"]
)
def test_an_interruption_during_an_import_is_reported(module: str) -> None:
    """Ctrl-C while a module is imported, before the command line is loaded or after, ends with a message."""
    code = f"""if True:
        import os, signal, sys
        class Finder:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name == {module!r}:
                    os.kill(os.getpid(), signal.SIGINT)
        sys.meta_path.insert(0, Finder)
        sys.argv = ["lineage", "check", "a/b", "--store", "memory:", "--offline"]
        from lineage_cli.start import main
        main()"""
    done = python(code)
    assert done.returncode == 130
    assert [line.split(b":")[0] for line in done.stderr.splitlines() if line] == [b"error", b"hint"]


def test_interruptions_are_tested_where_the_run_ignores_them() -> None:
    """The tests that send SIGINT also pass under `nohup` and in runners that ignore SIGINT."""
    tests = ["test_ctrl_c_reaches_a_process", "test_an_interruption_during_an_import_is_reported[click]"]
    named = [f"tests/cli/test_errors.py::{test}" for test in tests]
    code = """if True:
        import os, signal, sys
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.execv(sys.executable, [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *sys.argv[1:]])"""
    done = subprocess.run(
        [sys.executable, "-c", code, *named], capture_output=True, text=True, env=environment(), cwd=ROOT,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout

"""The log of a command: empty by default, one line per record, and never a secret."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.log import Log
from lineage.redaction import without_secrets
from lineage_cli.main import main
from tests.cli.running import lineage, on_terminal, python
from tests.support.hub_server import HubServer
from tests.support.shared import ROOT

pytestmark = pytest.mark.slow

HUB = ROOT / "lineage" / "demo_data" / "hub"

MODEL = "otterhub/skiff-0.7m-manual"

RECORD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?P<level>[A-Z]+) (?P<logger>lineage[.\w]+): \S.*")

PASSWORD = "correct-horse-battery"


def records(said: str) -> list[re.Match[str]]:
    """Read the records of a log; every other line is a note of the command."""
    lines = [line for line in said.splitlines() if not line.startswith("note: ")]
    found = [RECORD.fullmatch(line) for line in lines]
    assert None not in found, said
    return [record for record in found if record is not None]


def traced(tmp_path: Path, *arguments: str, **env: str) -> set[str]:
    """Trace a model of the demo's Hub into a new store and list the levels that were logged."""
    where = ("--hub", HUB, "--store", tmp_path / "lineage.db")
    done = lineage("trace", MODEL, *where, *arguments, env=env)
    assert done.returncode == 0, done.stderr
    return {record["level"] for record in records(done.stderr)}


@pytest.mark.parametrize(
    ("arguments", "env", "levels"),
    [
        ((), {}, set()),
        (("-v",), {"LINEAGE_LOG": "debug"}, {"INFO"}),
        ((), {"LINEAGE_LOG": "Info"}, {"INFO"}),
        (("-q", "--verbose", "--verbose"), {}, {"INFO", "DEBUG"}),
        ((), {"LINEAGE_LOG": "debug"}, {"INFO", "DEBUG"}),
    ],
)
def test_a_log_is_as_deep_as_it_was_asked_for(
    tmp_path: Path, arguments: tuple[str, ...], env: dict[str, str], levels: set[str]
) -> None:
    """Nothing by default, steps with -v, details with -vv; LINEAGE_LOG does the same without an option."""
    assert traced(tmp_path, *arguments, **env) == levels


def test_another_word_in_the_variable_is_refused() -> None:
    """An invalid level ends the command with code 2 and the list of valid levels."""
    done = lineage("store", "info", "--store", "memory:", env={"LINEAGE_LOG": "loud"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: LINEAGE_LOG is 'loud'; write debug, info or warning\nhint: " in done.stderr


def commands(group: click.Command, name: str = "") -> list[tuple[str, click.Command]]:
    """List every command that is not a group."""
    if not isinstance(group, click.Group):
        return [(name, group)]
    context = click.Context(group)
    inner = ((each, group.get_command(context, each)) for each in group.list_commands(context))
    return [found for each, command in inner if command for found in commands(command, f"{name} {each}".strip())]


def test_every_command_can_be_asked_for_a_log() -> None:
    """-v and --verbose are options of all commands."""
    assert len(commands(main)) >= 14
    assert [name for name, each in commands(main) if not any("-v" in option.opts for option in each.params)] == []


def test_a_model_that_is_skipped_is_a_warning(tmp_path: Path) -> None:
    """A model that an answer lacks is logged as a warning, with the reason."""
    where = ("--hub", HUB, "--store", tmp_path / "lineage.db")
    done = lineage("collect", "no/such-model", *where, env={"LINEAGE_LOG": "warning"})
    (record,) = records(done.stderr)
    assert (record["level"], record["logger"]) == ("WARNING", "lineage.collect.pipeline")
    assert "no/such-model skipped: " in record[0]


def test_no_secret_of_a_hub_is_logged(tmp_path: Path) -> None:
    """A gated model is read with a token over the API, redirects to signed links and git: none of it is logged."""
    with HubServer() as hub:
        hub.fill(HUB, tmp_path / "work")
        hub.repositories[MODEL].gated = "auto"
        env = {
            "HF_TOKEN": hub.token, "HF_ENDPOINT": hub.endpoint, "NEO4J_PASSWORD": PASSWORD,
            "LINEAGE_CACHE": str(tmp_path / "cache"),
        }  # fmt: skip
        store = tmp_path / "lineage.db"
        done = lineage("collect", MODEL, "--level", "full", "--store", store, "-vv", env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        signed = [asked for asked in hub.asked(server="storage") if asked.query]
        assert signed
    said = done.stderr
    loggers = {record["logger"] for record in records(said)}
    assert {"lineage.hub.huggingface.connection", "lineage.hub.git.program", "lineage.collect.weights"} <= loggers
    assert re.search(rf"GET {re.escape(hub.endpoint)}/api/models/{MODEL}\S*: 200, \d+ bytes, \d+\.\d+ s", said)
    assert re.search(rf"GET {re.escape(hub.storage)}/[0-9a-f]{{64}}: 20[06], \d+ bytes", said)
    assert re.search(rf"{MODEL}: git clone ended with 0 in \d+\.\d+ s", said)
    for secret in (hub.token, PASSWORD, "signature", "Authorization", "Basic", "Bearer", "extraHeader"):
        assert secret.lower() not in said.lower(), secret


def test_no_password_of_a_neo4j_store_is_logged(neo4j_url: str, tmp_path: Path) -> None:
    """A store on a server is opened, created and written to with a password that no record contains."""
    import os

    password = os.environ["NEO4J_PASSWORD"]
    done = lineage("collect", MODEL, "--hub", HUB, "--store", neo4j_url, "-vv")
    assert done.returncode == 0, done.stderr
    loggers = {record["logger"] for record in records(done.stderr)}
    assert {"lineage.store.open", "lineage.store.neo4j.store"} <= loggers
    assert password not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@hub.org/a/b: 200", "https://***@hub.org/a/b: 200"),
        ("neo4j://secret@host", "neo4j://***@host"),
        ("git: unable to access 'http://u:se/cr@et@h/x.git/'", "git: unable to access 'http://***@h/x.git/'"),
        ("https://cdn.org/x?Signature=secret&Key=secret then", "https://cdn.org/x?*** then"),
        ("https://hub.org/x#secret", "https://hub.org/x?***"),
        ("Authorization: Bearer secret", "Authorization: ***"),
        ("sent authorization: Basic dXNlcjpzZWNyZXQ= to it", "sent authorization: *** to it"),
        ("the token hf_secretSECRET is refused", "the token hf_*** is refused"),
        ("a/b@v1: 3 bytes, refs moved? yes", "a/b@v1: 3 bytes, refs moved? yes"),
    ],
)
def test_secrets_are_taken_out_of_every_record(text: str, shown: str, caplog: pytest.LogCaptureFixture) -> None:
    """Logins and queries in URLs, authorization headers and tokens are replaced in every value."""
    caplog.set_level(logging.DEBUG, logger="lineage")
    Log("lineage.tests").debug("%s", text)
    assert caplog.messages == [shown]
    assert "secret" not in shown


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=3))
def test_no_password_survives_in_a_url(password: str) -> None:
    """A URL is logged without its password, whatever characters the password contains."""
    shown = without_secrets(f"opening neo4j://user:{password}@host:7687 now")
    assert shown == "opening neo4j://***@host:7687 now"


def test_a_record_is_the_standard_librarys(caplog: pytest.LogCaptureFixture) -> None:
    """A program that configured `logging` gets records under the module's name, from the line that logged."""
    caplog.set_level(logging.INFO, logger="lineage.tests")
    log = Log("lineage.tests")
    log.debug("not wanted")
    log.info("%s of %d", "one", 2)
    log.warning("no values, 100 %%")
    assert [(r.name, r.levelname, r.getMessage(), r.filename) for r in caplog.records] == [
        ("lineage.tests", "INFO", "one of 2", "test_logging.py"),
        ("lineage.tests", "WARNING", "no values, 100 %", "test_logging.py"),
    ]


@pytest.mark.parametrize("imports", ["", "import logging"])
def test_the_library_is_silent_by_itself(imports: str) -> None:
    """Without a handler of the program not even a warning is printed, and `logging` is not imported."""
    code = f"{imports}\nimport sys\nfrom lineage.log import Log\nLog('lineage.x').warning('gone')\n"
    done = python(code + "print('logging' in sys.modules)")
    assert (done.stdout, done.stderr) == (b"True\n" if imports else b"False\n", b"")


def test_a_hostile_record_stays_on_its_line(tmp_path: Path) -> None:
    """A hostile name can neither begin a new line in the log nor control the terminal."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "x\n2026-01-01 ERROR forged\x1b[2J.safetensors").write_bytes(b"\xff" * 100)
    done = lineage("fingerprint", folder, "-vv")
    assert records(done.stderr)
    assert "\x1b" not in done.stderr
    assert "x\\n2026-01-01 ERROR forged\\x1b[2J.safetensors" in done.stderr


def test_a_log_and_bars_do_not_mix() -> None:
    """On a terminal, a command that logs draws no bars."""
    code = "from lineage_cli._progress import listener; print(type(listener(quiet=False, bars=False)).__name__)"
    assert on_terminal(["-c", code]) == "Notes\n"

"""A server that repeats what it was sent puts no secret into anything that a command prints or stores."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.running import lineage
from tests.support.bare_repository import BareRepository
from tests.support.hub_faults import Answer, Asked
from tests.support.hub_server import HubServer
from tests.support.weight_files import safetensors_bytes

TOKEN = "otter/token+of=one-person"
"""A token without the form of the Hub's: only its value can be recognised."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubServer]:
    """Serve one model to those who have the token."""
    with HubServer() as server:
        server.token = TOKEN
        repository = BareRepository(tmp_path / "work" / "model.git")
        repository.commit({"model.safetensors": safetensors_bytes({"w": ("F32", (1,), bytes(4))})})
        server.add("org/model", repository.git_dir)
        yield server


def echo(status: int) -> Callable[[Asked, Callable[[Asked], Answer]], Answer]:
    """Answer with the Authorization header in every form: in headers, text, JSON and a signed link."""

    def fault(asked: Asked, answer: Callable[[Asked], Answer]) -> Answer:
        sent = asked.headers.get("authorization", "")
        link = f"https://user:{TOKEN}@cdn.example/x?signature={quote(TOKEN, safe='')}"
        body = f'{{"error": "you sent {sent}, {sent.split(" ")[-1]}, see {link}"}}'.encode()
        message = {"X-Error-Message": f"you sent {sent} to {link}"}
        return Answer(status, body, message | {"Content-Type": "application/json"})

    return fault


def forms() -> list[str]:
    """List the forms in which the token could appear."""
    return [TOKEN, quote(TOKEN, safe=""), base64.b64encode(f"user:{TOKEN}".encode()).decode()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "status"), [("/api/*", 400), ("*/info/refs", 418), ("*/resolve/*", 400), ("*", 200)]
)
def test_an_echo_of_the_token_is_not_printed(server: HubServer, tmp_path: Path, pattern: str, status: int) -> None:
    """Neither messages, tracebacks, log records, the answer nor the store contain the token, in whatever form."""
    server.fault(pattern, echo(status))
    env = {
        "HF_TOKEN": TOKEN,
        "HF_ENDPOINT": server.endpoint,
        "LINEAGE_DEBUG": "1",
        "LINEAGE_CACHE": str(tmp_path / "c"),
    }
    store = tmp_path / "lineage.db"
    for command in ("collect", "fingerprint"):
        where: list[str | Path] = [] if command == "fingerprint" else ["--store", store]
        done = lineage(command, "org/model", *where, "--format", "json", "-vv", env=env)
        for form in forms():
            assert form not in done.stdout + done.stderr
            assert not store.exists() or form.encode() not in store.read_bytes()
    assert any(asked.headers.get("authorization") for asked in server.log)


@pytest.mark.slow
def test_a_token_from_a_login_is_a_secret_too(server: HubServer, tmp_path: Path) -> None:
    """The token in the file of a login is not printed either, although no variable of the environment has it."""
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    server.fault("/api/*", echo(400))
    env = {"HF_TOKEN_PATH": str(file), "HF_ENDPOINT": server.endpoint, "LINEAGE_DEBUG": "1"}
    done = lineage("fingerprint", "org/model", env=env | {"LINEAGE_CACHE": str(tmp_path / "c")})
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "you sent" in done.stderr
    assert not any(form in done.stdout + done.stderr for form in forms())


@pytest.mark.slow
def test_a_login_in_a_url_of_the_command_line_is_not_repeated(tmp_path: Path) -> None:
    """A password that was written into a URL by mistake is not repeated by the error about it."""
    url = "https://otter:correct-horse@hub.example/models?key=battery"
    alone = [["trace", "org/model", "--hub", url], ["trace", url]]
    for arguments in (*alone, ["collect", "org/a", url, "--offline"], ["check", "org/a", url, "--offline"]):
        done = lineage(*arguments, "--store", tmp_path / "lineage.db", env={"LINEAGE_DEBUG": "1"})
        assert done.returncode == 2
        assert "correct-horse" not in done.stdout + done.stderr
        assert "battery" not in done.stdout + done.stderr

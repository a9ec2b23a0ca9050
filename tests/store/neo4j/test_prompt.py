"""The prompt for a Neo4j password: only at a terminal, and before anything is drawn."""

from __future__ import annotations

import os
import pty
import select
import sys
import time

import pytest

from tests.cli.running import environment
from tests.support.interruptible import interruptible
from tests.support.neo4j_server import GIVEN_URI
from tests.support.shared import ROOT

HUB = ROOT / "lineage" / "demo_data" / "hub"

PATIENCE = 60

pytestmark = pytest.mark.skipif(bool(GIVEN_URI), reason="a given server may need no password")


class Terminal:
    """Run `lineage` on a pseudo-terminal, and type into it."""

    def __init__(self, *arguments: str, **env: str) -> None:
        with interruptible():
            child, self._ours = pty.fork()
            if child == 0:
                os.chdir(ROOT)
                os.execve(sys.executable, [sys.executable, "-m", "lineage", *arguments], environment(**env))
        self._child = child
        self.seen = ""

    def read(self, until: str, seconds: float = PATIENCE) -> str:
        """Read until a text appears, the command ends or the time is over."""
        end = time.monotonic() + seconds
        while until not in self.seen and (left := end - time.monotonic()) > 0:
            if not select.select([self._ours], [], [], left)[0]:
                break
            try:
                piece = os.read(self._ours, 65536)
            except OSError:  # Linux reports this when the last writer is closed
                break
            self.seen += piece.decode()
        return self.seen

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        self.read("\0")
        os.close(self._ours)
        return os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])


@pytest.fixture
def url(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Return the URL of a store, whose password is removed from the environment."""
    password = os.environ["NEO4J_PASSWORD"]
    monkeypatch.delenv("NEO4J_PASSWORD")
    return neo4j_url, password


def test_a_password_is_asked_for_and_hidden(url: tuple[str, str]) -> None:
    """The typed text is used as the password and is not echoed."""
    terminal = Terminal("store", "info", "--store", url[0])
    question = f"Password of neo4j at {url[0]}: "
    assert question in terminal.read(question)
    terminal.type(f"{url[1]}\n")
    assert terminal.end() == 0, terminal.seen
    assert "neo4j" in terminal.seen
    assert url[1] not in terminal.seen


def test_a_password_is_asked_for_before_anything_is_drawn(url: tuple[str, str]) -> None:
    """A collection asks before its first progress bar, and Ctrl-C at the prompt ends it."""
    model = "otterhub/skiff-0.7m-manual"
    terminal = Terminal("collect", model, "--hub", str(HUB), "--store", url[0])
    terminal.read("Password of neo4j")
    assert "collecting" not in terminal.read("collecting", 2.5)
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "interrupted" in terminal.seen
    assert "Traceback" not in terminal.seen


def test_no_answer_to_the_question_for_a_password(url: tuple[str, str]) -> None:
    """An empty line and the end of input count as no password."""
    for keys in ("\n", "\x04"):
        terminal = Terminal("store", "info", "--store", url[0])
        terminal.read("Password of neo4j")
        time.sleep(0.3)
        terminal.type(keys)
        assert terminal.end() == 2
        assert "needs a password, and none was given" in terminal.seen

"""No text that leaves contains a secret: by its form, or because its value is known."""

from __future__ import annotations

import base64
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import redaction
from lineage.errors import FormatError, HubError, TextTooLongError
from lineage.hub.declared.parsing import NotReadableError
from lineage.redaction import keep_secret, without_secrets


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what another test kept."""
    monkeypatch.setattr(redaction, "_kept", set())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"authorization": "Bearer otter"}', '{"authorization": ***"}'),
        ("sent Basic dXNlcjpvdHRlcg== and more", "sent Basic *** and more"),
        ("a basic example of bearer tokens", "a basic example of bearer tokens"),
        ("GET /x?X-Amz-Credential=otter%2Fa&X-Amz-Date=1", "GET /x?X-Amz-Credential=***&X-Amz-Date=1"),
        ("'https://h/a?b=otter' is broken", "'https://h/a?***' is broken"),
        ("the model hf_team/bert and org/hf_Model2024 exist", "the model hf_team/bert and org/hf_Model2024 exist"),
        ("hf_quant_config.json", "hf_quant_config.json"),
        ("pad_token=<pad>", "pad_token=<pad>"),
        ("x/hf_" + "aB3" * 11, "x/hf_***"),
    ],
)
def test_forms_of_secrets_are_found_and_similar_texts_are_kept(text: str, shown: str) -> None:
    """Headers, signatures and tokens are replaced; ids of models, file names and prose that look similar are not."""
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=8, max_size=40),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_a_secret_that_is_known_leaves_in_no_text(secret: str, before: str, after: str) -> None:
    """A secret of eight characters or more is replaced wherever it is, also as a URL writes it."""
    keep_secret(secret)
    shown = without_secrets(f"{before}{secret}{after} {quote(secret, safe='')}")
    redaction._kept.clear()
    assert secret not in shown


@pytest.mark.parametrize("variable", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "NEO4J_PASSWORD", "NEO4J_SOURCE_PASSWORD"])
def test_the_environment_is_known(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """The values of the variables that hold secrets are replaced although nothing has used them."""
    monkeypatch.setenv(variable, "correct-horse")
    assert without_secrets("got correct-horse!") == "got ***!"


def test_a_short_secret_is_replaced_as_a_word_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short password that is also a part of other words and paths does not make messages unreadable."""
    monkeypatch.setenv("NEO4J_PASSWORD", "data")
    assert without_secrets("login neo4j:data failed; /data/x, metadata") == "login neo4j:*** failed; /data/x, metadata"


def test_every_error_is_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages, hints and reasons of our errors contain no secret, whatever was put into them."""
    monkeypatch.setenv("HF_TOKEN", "otter-token-1")
    errors = [
        HubError("got otter-token-1", hint="send otter-token-1"),
        FormatError("otter-token-1"),
        TextTooLongError("README.md", "otter-token-1"),
        NotReadableError("line 1: otter-token-1"),
    ]
    texts = [str(value) for error in errors for value in (error, error.args, *vars(error).values())]
    assert not any("otter-token-1" in text for text in texts)


def test_a_login_for_git_is_known_too() -> None:
    """The header for git is the token in another form, which is kept as a secret of its own."""
    login = base64.b64encode(b"user:tokentoken").decode()
    keep_secret(login, None, "")
    assert without_secrets(f"remote: you sent {login}") == "remote: you sent ***"


@pytest.mark.parametrize(
    "text", ["a://" * 100_000, "a." * 200_000, "a" * 400_000, "bearer " * 60_000, "://@" * 100_000, "token=" * 60_000]
)
def test_hostile_texts_take_linear_time(text: str) -> None:
    """A text of 400 kB that repeats the beginning of a secret does not take minutes."""
    started = time.monotonic()
    without_secrets(text)
    assert time.monotonic() - started < 10

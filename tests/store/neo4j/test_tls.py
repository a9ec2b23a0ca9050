"""Errors where a Neo4j server and the client do not agree on encryption."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from lineage.errors import StoreError
from lineage.store.neo4j import connection, retries
from lineage.store.neo4j.connection import address_of
from lineage.store.open import open_store
from tests.support.graphs import FAMILY
from tests.support.neo4j_server import GIVEN_URI, PARAMS
from tests.support.notes import Notes
from tools.neo4j_server import TLS

on_our_own = pytest.mark.skipif(bool(GIVEN_URI), reason="a given server may use TLS or not")


@pytest.fixture
def encrypted() -> Iterator[int]:
    """Listen like a server that requires TLS and closes other connections; yield the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                with suppress(OSError), near, context.wrap_socket(near, server_side=True) as wrapped:
                    wrapped.recv(1000)

    thread = threading.Thread(target=serve)
    thread.start()
    yield int(listening.getsockname()[1])
    with suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def refusal(url: str) -> tuple[str, str]:
    """Open a store that cannot be reached; return message and hint."""
    with open_store(url) as store, pytest.raises(StoreError) as caught:
        store.info()
    return caught.value.message, caught.value.hint or ""


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a password, so that there is no prompt."""
    monkeypatch.setenv("NEO4J_PASSWORD", "unused")


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"], ids="to {}".format)
def test_a_neo4j_certificate_that_nobody_signed(encrypted: int, scheme: str) -> None:
    """An untrusted certificate is reported as such, with the two ways to trust it."""
    message, hint = refusal(f"{scheme}+s://127.0.0.1:{encrypted}")
    assert "is not trusted: self-signed certificate" in message
    assert "SSL_CERT_FILE" in hint
    assert f"{scheme}+ssc://" in hint


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"], ids="to {}".format)
def test_a_neo4j_server_that_wants_tls(encrypted: int, scheme: str) -> None:
    """A server that closes a connection without TLS is not reported as down."""
    message, hint = refusal(f"{scheme}://127.0.0.1:{encrypted}")
    assert "closed the connection during the handshake" in message
    assert f"requires TLS, use {scheme}+s://" in hint


@pytest.mark.slow
def test_a_neo4j_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that accepts the connection and never responds is waited for, with a note, for a limited time."""
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(retries, "ANSWER_SECONDS", 0.1)
    heard = Notes()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"bolt://127.0.0.1:{mute.getsockname()[1]}"
        with (
            open_store(url, progress=heard) as store,
            pytest.raises(StoreError, match="did not respond") as caught,
        ):
            store.info()
    assert heard.notes == [f"the store {url}: waiting for the server to answer"]
    assert "not overloaded" in (caught.value.hint or "")


@on_our_own
@pytest.mark.parametrize("neo4j_url", PARAMS[:1], indirect=True)
@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s", "bolt+ssc", "neo4j+ssc"], ids="to {}".format)
def test_a_neo4j_server_with_tls(neo4j_url: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store works over TLS: with any certificate, or a trusted one."""
    url = f"{scheme}://{neo4j_url.partition('://')[2]}"
    if scheme.endswith("+s"):
        assert "is not trusted: self-signed certificate" in refusal(url)[0]
        monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "certificate.pem"))
    with open_store(url) as store:
        store.write(FAMILY)
    with open_store(url) as store, store.reading() as view:
        assert view.neighbours("DERIVED_FROM", ["you/tuned"], "out") == [("you/tuned", "org/base")]


@on_our_own
@pytest.mark.parametrize("neo4j_url", PARAMS[-1:], indirect=True)
@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s", "bolt+ssc"], ids="to {}".format)
def test_a_neo4j_server_without_tls(neo4j_url: str, scheme: str) -> None:
    """A server without TLS is not reported as down."""
    message, hint = refusal(f"{scheme}://{neo4j_url.partition('://')[2]}")
    assert "did not accept a TLS connection" in message
    assert f"uses TLS at this port; {scheme.partition('+')[0]}:// connects without it" in hint


@pytest.mark.parametrize("scheme", ["bolt", "bolt+s", "neo4j", "neo4j+s"], ids="to {}".format)
def test_a_neo4j_server_that_is_away_is_told_as_that(scheme: str) -> None:
    """A refused connection is reported without a guess about encryption or routes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    message, hint = refusal(f"{scheme}://127.0.0.1:{port}")
    assert "does not answer" in message
    assert "Connection refused" in message
    assert "start the server" in hint


def test_neo4j_schemes_reach_the_driver_as_they_are() -> None:
    """The scheme decides about encryption and trust, and is passed to the driver unchanged."""
    schemes = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
    assert [address_of(f"{scheme.upper()}://h").uri for scheme in schemes] == [f"{s}://h:7687" for s in schemes]

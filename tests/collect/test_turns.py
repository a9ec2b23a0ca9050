"""Threads that read models at the same time take turns where one would repeat what another does."""

from __future__ import annotations

import threading
from typing import Any, cast

from lineage.collect.turns import Turns

MEASURED = cast("Any", object())


def test_a_content_is_measured_once() -> None:
    """A thread that wants a content waits for the one that measures it, and is given what that found."""
    turns, found = Turns(), []
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        with turns.content("digest") as measured:
            found.append(measured)

    other = threading.Thread(target=wait)
    with turns.content("digest") as measured:
        assert measured is None
        other.start()
        begun.wait(20)
        turns.measured("digest", MEASURED)
        assert found == []
    other.join(20)
    assert found == [MEASURED]
    turns.written(["digest"])
    with turns.content("digest") as measured:
        assert measured is None


def test_a_model_lets_its_first_name_go() -> None:
    """Two threads that come to each other's model by a redirect do not wait for each other for ever."""
    turns, ended = Turns(), []
    both = threading.Barrier(2, timeout=20)

    def read(first: str, then: str) -> None:
        with turns.model(first) as go_on:
            both.wait()
            go_on(then)
            ended.append(then)

    threads = [threading.Thread(target=read, args=names, daemon=True) for names in (("a", "b"), ("b", "a"))]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert sorted(ended) == ["a", "b"]


def test_a_sample_is_taken_once() -> None:
    """The sample of a content is given to the next thread until the store has it."""
    turns = Turns()
    with turns.sample("digest") as taken:
        assert taken is None
        turns.sampled("digest", MEASURED)
    with turns.sample("digest") as taken:
        assert taken is MEASURED
    turns.written(["digest"])
    with turns.sample("digest") as taken:
        assert taken is None

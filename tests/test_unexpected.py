"""What one model causes becomes an error that names the model; what concerns every model passes unchanged."""

from __future__ import annotations

import errno

import pytest

from lineage.errors import FormatError, ModelNotFoundError, StoreError, StoreValueError, UnexpectedError, ends_the_run
from lineage.unexpected import REPORT_HINT, SYSTEM_HINT, contained

TOKEN = "correct-horse-battery"


@pytest.mark.parametrize(
    ("error", "words", "hint"),
    [
        (KeyError("x"), "org/a: unexpected error (KeyError: 'x')", REPORT_HINT),
        (RecursionError(), "org/a: unexpected error (RecursionError)", REPORT_HINT),
        (ValueError("one\ntwo"), "org/a: unexpected error (ValueError: one)", REPORT_HINT),
        (ValueError("\udcff"), "org/a: unexpected error (ValueError: \\udcff)", REPORT_HINT),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x"), "org/a: x: File name too long", SYSTEM_HINT),
        (TimeoutError("slow"), "org/a: unexpected error (TimeoutError: slow)", REPORT_HINT),
    ],
)
def test_an_unforeseen_error_names_the_model(error: Exception, words: str, hint: str) -> None:
    """An exception of any class becomes an UnexpectedError with the model, one line of text and a next step."""
    with pytest.raises(UnexpectedError) as caught:
        with contained("org/a"):
            raise error
    assert (caught.value.message, caught.value.hint, caught.value.model) == (words, hint, "org/a")
    assert caught.value.__cause__ is error


def test_a_long_text_is_shortened() -> None:
    """A target or an error of a megabyte does not become a message of a megabyte."""
    with pytest.raises(UnexpectedError) as caught:
        with contained("a" * 10**6):
            raise ValueError("b" * 10**6)
    assert len(caught.value.message) < 1_000


@pytest.mark.parametrize(
    "error",
    [
        FormatError("broken"), ModelNotFoundError("no such model"), StoreError("locked"), MemoryError(),
        KeyboardInterrupt(), SystemExit(3), GeneratorExit(), BrokenPipeError(errno.EPIPE, "Broken pipe"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_what_is_not_about_one_model_passes(error: BaseException) -> None:
    """Our own errors, interruptions, exits, exhausted memory and closed pipes keep their own handling."""
    with pytest.raises(type(error)) as caught:
        with contained("org/a"):
            raise error
    assert caught.value is error


def test_only_a_store_that_does_not_work_ends_a_run() -> None:
    """A store that fails concerns every model; a value that it cannot hold concerns one."""
    assert ends_the_run(StoreError("the disk is full"))
    assert not any(ends_the_run(error) for error in (StoreValueError("2^70"), FormatError("broken")))


@pytest.mark.parametrize("value", ["", "0", "1"])
def test_the_traceback_is_printed_if_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    """LINEAGE_DEBUG=1 prints the traceback, with control characters escaped and without secrets; 0 does not."""
    monkeypatch.setenv("LINEAGE_DEBUG", value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(UnexpectedError):
        with contained("org/a"):
            raise ValueError(f"sent {TOKEN} \x1b[2J \u202e")
    printed = capsys.readouterr().err
    assert ("Traceback (most recent call last):\n" in printed) == (value == "1")
    assert TOKEN not in printed
    assert printed == "" or printed.endswith("ValueError: sent *** \\x1b[2J \\u202e\n")

"""Each command passes its arguments to its answer function, shows the answer, and exits with the right code."""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from lineage.answers.audit.audit import AuditOptions
from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage_cli._options import Bytes
from lineage_cli.main import main
from lineage_schemas.answers.answer import Answer
from lineage_schemas.unchecked import Unchecked
from tests.report.locks import lock, lock_written
from tests.report.records import ANSWERS, check_clean, check_findings, check_several, check_unchecked, collect, verify
from tests.support.weight_files import safetensors_bytes

DEFAULTS = {"author": (), "refresh": False, "level": None, "max_bytes": DEFAULT_MAX_BYTES, "max_models": 100,
            "depth": None, "children": False, "pull_requests": False, "samples": True, "jobs": None}  # fmt: skip

SUGGEST = {"since": None, "to": None, "announce": None, "evals": None, "level": None, "card": False}

EVERY_EDGE = {"min_status": None, "unrelated": False, "fail_on": None}

QUESTIONS: list[tuple[list[str], str, str, tuple[Any, ...], dict[str, Any]]] = [
    (["collect", "a/b", "c/d", "a/b"], "collect", "collect", (["a/b", "c/d"],), DEFAULTS),
    (
        ["collect", "--author", "me", "--author", "you", "--refresh", "--level", "full", "--max-bytes", "2GiB",
         "--max-models", "7", "--depth", "0", "--children", "--no-samples"], "collect", "collect", ([],),
        {"author": ("me", "you"), "refresh": True, "level": "full", "max_bytes": 2**31, "max_models": 7, "depth": 0,
         "children": True, "pull_requests": False, "samples": False, "jobs": None},
    ),
    (["trace", "a/b"], "trace", "trace-up", ("a/b",),
     {"to": None, "down": False, "depth": None, "max_models": 100, **EVERY_EDGE}),
    (["trace", "a/b", "--down", "--depth", "2", "--max-models", "9", "--min-status", "inferred", "--unrelated",
      "--fail-on", "warning"], "trace", "trace-down", ("a/b",),
     {"to": None, "down": True, "depth": 2, "max_models": 9, "min_status": "inferred", "unrelated": True,
      "fail_on": "warning"}),
    (["trace", "a/b", "c/d"], "trace", "trace-paths", ("a/b",),
     {"to": "c/d", "down": False, "depth": None, "max_models": 100, **EVERY_EDGE}),
    (["history", "a/b@dev", "--all-branches"], "history", "history", ("a/b@dev",),
     {"all_branches": True, "commits": False, "pushes": False, "releases": False}),
    (["check", "a/b", "--since", "last"], "check", "check-clean", (["a/b"],),
     {"since": "last", "level": None, "max_bytes": DEFAULT_MAX_BYTES, "fail_on": "error", "jobs": None,
      "on_answer": None, "derivation": False}),
    (["audit", "tests", "--exclude", "data"], "audit.audit:audit", "audit-nothing",
     (Path("tests"), AuditOptions(exclude=("data",))), {}),
    (["impact", "a/b", "--since", "v1"], "impact", "impact-none", ("a/b",),
     {"since": "v1", "max_models": 100, "fail_on": "error"}),
    (["suggest", "a/b"], "suggest", "suggest", ("a/b", None), SUGGEST),
    (["suggest", "./f", "--from", "a/b", "--announce", "2.0"], "suggest", "suggest", ("./f", None),
     {**SUGGEST, "since": "a/b", "announce": "2.0"}),
    (["diff", "a/b"], "diff", "diff", ("a/b", None), {"level": None}),
    (["diff", "a/b@x", "c/d", "--level", "full"], "diff", "diff", ("a/b@x", "c/d"), {"level": "full"}),
    (["fingerprint", "./x", "--level", "header"], "fingerprint", "fingerprint", ("./x",),
     {"level": "header", "sample": False}),
    (["verify", "./x", "--against", "a/b@v1"], "verify", "verify-equal", ("./x",), {"against": "a/b@v1"}),
    (["lock", "./app", "--check", "--upgrade", "a/b", "--lock", "x.lock", "--exclude", "old/"], "lock", "lock-current",
     (Path("app"),), {"check": True, "upgrade": ("a/b",), "lock_file": Path("x.lock"), "exclude": ("old/",)}),
    (["verify", "./x", "--lock", "lineage.lock"], "verify_lock", "verify-lock-equal", ("./x", Path("lineage.lock")),
     {"against": None}),
    (["store", "info"], "store:store_info", "store-info", (), {}),
    (["store", "forget", "a/b"], "store:store_forget", "store-forget", (["a/b"],), {"products": ()}),
    (["demo"], "demo", "demo", (), {}),
]  # fmt: skip


class AnswerDouble:
    """Replace an answer's function, keep its signature, and record the arguments of the call."""

    def __init__(self, answer: Answer, signature: inspect.Signature) -> None:
        self.answer = answer
        self.signature = signature
        self.session: Any = None
        self.given: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __call__(self, session: Any, *positional: Any, **named: Any) -> Answer:
        """Reject arguments that the real function would reject, record the others."""
        self.signature.bind(session, *positional, **named)
        self.session, self.given = session, (positional, named)
        return self.answer


def ask(
    monkeypatch: pytest.MonkeyPatch, question: str, answer: Answer, arguments: list[str], **more: Any
) -> tuple[AnswerDouble, Result]:
    """Run a command whose answer is `answer`."""
    name, _, function = question.partition(":")
    real = getattr(import_module(f"lineage.answers.{name}"), function or name)
    asked = AnswerDouble(answer, inspect.signature(real))
    monkeypatch.setattr(f"lineage.answers.{name}.{function or name}", asked)
    return asked, CliRunner().invoke(main, arguments, **more)


@pytest.mark.parametrize(("arguments", "question", "answer", "positional", "named"), QUESTIONS)
def test_a_command_asks_with_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], question: str, answer: str, positional: Any, named: Any
) -> None:
    """Arguments and options reach the answer's function, in its own signature, and the answer reaches stdout."""
    asked, done = ask(monkeypatch, question, ANSWERS[answer](), arguments)
    assert asked.given == (positional, named)
    assert done.stderr == ""
    assert done.stdout
    whole = answer not in {"collect", "store-forget", "audit-nothing"} and not getattr(asked.answer, "unchecked", ())
    assert done.exit_code == (0 if whole else 2)


@pytest.mark.parametrize(("arguments", "question", "answer", "positional", "named"), QUESTIONS)
def test_shared_options_may_follow_the_arguments(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], question: str, answer: str, positional: Any,
    named: Any,
) -> None:  # fmt: skip
    """The shared options that a command has are accepted after its arguments."""
    help_text = CliRunner().invoke(main, [*arguments[: 2 if arguments[0] == "store" else 1], "--help"]).stdout
    output = tmp_path / "answer.json"
    more = ["--format", "json", "--output", str(output), "-q"]
    more += ["--hub", "cache", "--offline"] if "--hub" in help_text else []
    more += ["--store", "memory:"] if "--store" in help_text else []
    asked, done = ask(monkeypatch, question, ANSWERS[answer](), [*arguments, *more])
    assert done.stdout == ""
    assert json.loads(output.read_text("utf-8"))["schema"] == ANSWERS[answer]().schema_id
    assert (asked.session.hub_selector, asked.session.offline) == (
        ("cache", True) if "--hub" in more else (None, False)
    )
    assert asked.session.store_url == "memory:" or "--store" not in more


@pytest.mark.parametrize(
    ("question", "answer", "arguments", "code"),
    [
        ("check", check_clean(), ["check", "a/b"], 0),
        ("check", check_findings(), ["check", "a/b"], 1),
        ("check", check_unchecked(), ["check", "a/b"], 2),
        ("check", check_several(), ["check", "a/b", "c/d"], 1),
        (
            "check",
            check_several().model_copy(update={"answers": (check_clean(), check_unchecked())}),
            ["check", "a/b", "c/d"],
            2,
        ),
        ("check", check_several().model_copy(update={"answers": (check_clean(),) * 2}), ["check", "a/b", "c/d"], 0),
        ("verify", verify("equal"), ["verify", "./x"], 0),
        ("verify", verify("reserialised"), ["verify", "./x"], 0),
        ("verify", verify("known"), ["verify", "./x"], 0),
        ("verify", verify("different"), ["verify", "./x"], 1),
        ("verify", verify("not_known"), ["verify", "./x"], 1),
        ("verify", verify("unchecked"), ["verify", "./x"], 2),
        ("lock", lock("current"), ["lock", "--check"], 0),
        ("lock", lock(), ["lock", "--check"], 1),
        ("lock", lock_written(), ["lock"], 2),
    ],
)
@pytest.mark.parametrize("to_format", ["table", "json"])
def test_exit_codes_follow_the_verdict(
    monkeypatch: pytest.MonkeyPatch, question: str, answer: Answer, arguments: list[str], code: int, to_format: str
) -> None:
    """The code is 1 for findings, else 2 for unchecked, else 0; the answer goes to stdout in every case."""
    _, done = ask(monkeypatch, question, answer, [*arguments, "--format", to_format])
    assert done.exit_code == code
    assert (json.loads(done.stdout)["schema"] == answer.schema_id) if to_format == "json" else done.stdout


@pytest.mark.parametrize("question", ["history", "diff", "fingerprint"])
def test_what_is_unchecked_ends_with_2(monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    """The exit code is 2 if something is unchecked in the answer, else 0."""
    item = Unchecked(what="values of model.safetensors", reason="only headers were compared")
    for unchecked, code in (((), 0), ((item,), 2)):
        judged = {"by_facet": ()} if question == "diff" else {}
        answer = ANSWERS[question]().model_copy(update={"unchecked": unchecked, **judged})
        assert ask(monkeypatch, question, answer, [question, "a/b"])[1].exit_code == code


def test_a_collection_without_a_failure_ends_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gated ancestor that is known by name is not a failure; a model that could not be read is."""
    whole = collect()
    kept = tuple(model for model in whole.models if model.outcome != "failed")
    assert ask(monkeypatch, "collect", whole.model_copy(update={"models": kept}), ["collect", "a/b"])[1].exit_code == 0


@pytest.mark.parametrize("command", [["collect"], ["check"], ["store", "forget"]])
def test_targets_come_from_a_file_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]) -> None:
    """--from-file and - add targets line by line, without comments, blank lines, a byte order mark or repetitions."""
    question = {"store": "store:store_forget"}.get(command[0], command[0])
    answer = ANSWERS[{"check": "check-clean", "store": "store-forget"}.get(command[0], "collect")]()
    text = "\ufeff# ours\n\na/b  # the base\r\n  c/d@v1\n./folder#1\n\t# x\na/b\n"
    file = tmp_path / "models.txt"
    file.write_text(text, "utf-8")
    wanted = ["x/y", "a/b", "c/d@v1", "./folder#1"]
    asked, _ = ask(monkeypatch, question, answer, [*command, "x/y", "--from-file", str(file)])
    assert [str(each) for each in asked.given[0][0]] == wanted
    asked, _ = ask(monkeypatch, question, answer, [*command, "x/y", "-f", "-"], input=text.encode("utf-8"))
    assert [str(each) for each in asked.given[0][0]] == wanted


def test_a_file_of_targets_that_is_not_text_is_rejected(tmp_path: Path) -> None:
    """A weight file given as a list of targets is a usage error."""
    file = tmp_path / "model.safetensors"
    for content in (b"\xff\xfe\x00\x80" * 10, safetensors_bytes({"w": ("F32", (256,), bytes(range(256)) * 4)})):
        file.write_bytes(content)
        done = CliRunner().invoke(main, ["check", "-f", str(file)])
        assert done.exit_code == 2
        assert "is not UTF-8 text" in done.stderr


@pytest.mark.parametrize(
    ("text", "number"),
    [("64000000", 64_000_000), ("64MB", 64_000_000), ("64 mb", 64_000_000), ("1.5GiB", 3 * 2**29), ("0", 0)],
)
def test_sizes_are_parsed(text: str, number: int) -> None:
    """Sizes may be given in bytes, in decimal or in binary units."""
    assert Bytes().convert(text, None, None) == number


@pytest.mark.parametrize("text", ["2k", "-1", "MB", "", "nan", "inf", "1e400", "1XB", "1 2"])
def test_what_is_not_a_size_is_rejected(text: str) -> None:
    """Anything else is a usage error, not a guess."""
    with pytest.raises(click.BadParameter, match="is not a size"):
        Bytes().convert(text, None, None)

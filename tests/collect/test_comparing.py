"""Comparing the weights of two commits through a Hub on a socket, where no file lies on this machine."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.diff import diff
from lineage.answers.session import Session
from lineage_schemas.answers.check import CheckAnswer
from lineage_schemas.level import Level
from tests.support import hub_faults
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.weight_files import gguf_bytes, gguf_text, safetensors_bytes

VALUES = [index / 7 for index in range(1, 2_000)]


def in_dtype(dtype: str, values: list[float], *, first: float = 1.0) -> bytes:
    """Write a model of two tensors in a dtype; the second one holds the one value `first`."""
    letter = {"F32": "f", "F16": "e"}[dtype]
    packed = struct.pack(f"<{len(values)}{letter}", *values)
    one = struct.pack(f"<{letter}", first)
    return safetensors_bytes({"layers.0.weight": (dtype, (len(values),), packed), "norm.weight": (dtype, (1,), one)})


def one_bit(template: str, kind: int = 41) -> bytes:
    """Write a GGUF file with a tensor of a type that is not known here, and a chat template."""
    entry = ("tokenizer.chat_template", 8, gguf_text(template))
    return gguf_bytes([entry], [("token_embd.weight", (128, 2), kind, bytes(range(36))), ("norm", (2,), 0, bytes(8))])


@pytest.fixture
def server() -> Iterator[HubServer]:
    """Start a Hub."""
    with HubServer() as started:
        yield started


def served(server: HubServer, tmp_path: Path, *states: dict[str, bytes]) -> None:
    """Serve a model whose commits write these files."""
    repository = BareRepository(tmp_path / "served.git")
    for number, state in enumerate(states):
        repository.commit({"config.json": b'{"n": %d}' % number, **state}, "Upload folder using huggingface_hub")
    server.add("org/model", repository.git_dir)


def opened(server: HubServer, tmp_path: Path) -> Session:
    """Open a session on that Hub with an empty store."""
    return Session(settings=server.settings(tmp_path), store_url="memory:")


def asked(server: HubServer, tmp_path: Path, level: Level | None = None, max_bytes: int = 2**26) -> CheckAnswer:
    """Check the model."""
    with opened(server, tmp_path) as session:
        answer = check(session, ["org/model"], level=level, max_bytes=max_bytes)
    assert isinstance(answer, CheckAnswer)
    return answer


@pytest.mark.parametrize(("first", "kind"), [(1.0, "cast"), (1.5, "retrained")])
def test_a_cast_on_a_remote_hub_is_compared_by_values(
    server: HubServer, tmp_path: Path, first: float, kind: str
) -> None:
    """At level full, which downloads both sides, a cast is distinguished from other values, in `check` and `diff`."""
    served(
        server, tmp_path, {"model.safetensors": in_dtype("F32", VALUES)},
        {"model.safetensors": in_dtype("F16", VALUES, first=first)},
    )  # fmt: skip
    answer = asked(server, tmp_path, "full")
    assert [change.kind for change in answer.weight_changes] == ["first_upload", kind]
    assert answer.unchecked == ()
    with opened(server, tmp_path) as session:
        compared = diff(session, "org/model", level="full")
    assert (compared.weights.kind, compared.unchecked) == (kind, ())


def test_a_cast_beyond_the_budget_stays_undecided(server: HubServer, tmp_path: Path) -> None:
    """What would cost more than --max-bytes is not fetched a second time, and the answer names what decides."""
    wide, narrow = in_dtype("F32", VALUES), in_dtype("F16", VALUES)
    served(server, tmp_path, {"model.safetensors": wide}, {"model.safetensors": narrow})
    answer = asked(server, tmp_path, max_bytes=len(wide) + len(narrow) + 10)
    assert [change.kind for change in answer.weight_changes] == ["first_upload", "replaced"]
    assert answer.unchecked[0].decide_with == "lineage check org/model --level full"


def test_no_command_is_advised_that_was_just_run(server: HubServer, tmp_path: Path) -> None:
    """A Hub that does not give the bytes leaves `replaced` with its reason; --level full is not advised again."""
    served(
        server, tmp_path, {"model.safetensors": in_dtype("F32", VALUES)},
        {"model.safetensors": in_dtype("F16", VALUES)},
    )  # fmt: skip
    with Session(settings=server.settings(tmp_path)) as session:
        check(session, ["org/model"], level="header")
    server.fault("*model.safetensors", hub_faults.refused(404, "EntryNotFound"))
    with Session(settings=server.settings(tmp_path)) as session:
        answer = check(session, ["org/model"], level="full")
    assert isinstance(answer, CheckAnswer)
    assert [change.kind for change in answer.weight_changes] == ["first_upload", "replaced"]
    assert answer.unchecked
    assert answer.unchecked[0].decide_with is None


@pytest.mark.parametrize("kind", [41, 36, 139])
def test_gguf_of_an_unknown_type_is_compared(server: HubServer, tmp_path: Path, kind: int) -> None:
    """A file of which only the chat template changed is re-serialised, also where a tensor's type is not known."""
    served(server, tmp_path, {"m.gguf": one_bit("{{ a }}", kind)}, {"m.gguf": one_bit("{{ a }}" * 9, kind)})
    answer = asked(server, tmp_path)
    assert [change.kind for change in answer.weight_changes] == ["first_upload", "reserialised"]
    assert answer.verdict == "clean"

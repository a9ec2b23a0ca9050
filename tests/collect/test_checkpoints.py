"""Histories of PyTorch checkpoints on a Hub: which change it was, and whether a conversion holds the same values."""

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
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.torch_files import PROTO, STOP, View, archive, checkpoint, dict_of, name, tensor, text
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

Values = dict[str, list[float]]
ONE: Values = {"embed.weight": [float(n) for n in range(60)], "layers.0.weight": [0.5] * 8, "norm.bias": [1.0, 2.0]}
LETTERS = {"F32": "f", "F16": "e"}


def packed(values: Values, dtype: str = "F32") -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Write values in a dtype, each tensor with two dimensions."""
    return {
        key: (dtype, (2, len(each) // 2), struct.pack(f"<{len(each)}{LETTERS[dtype]}", *each))
        for key, each in values.items()
    }


def bin_of(values: Values, dtype: str = "F32") -> bytes:
    """Write a checkpoint."""
    return checkpoint(packed(values, dtype))


def safe_of(values: Values, dtype: str = "F32") -> bytes:
    """Write the same tensors as safetensors."""
    return safetensors_bytes(packed(values, dtype))


def changed(**changes: list[float] | None) -> Values:
    """Change, add or remove tensors of the model; `__` is written for a dot."""
    merged: dict[str, list[float] | None] = {**ONE, **{key.replace("__", "."): each for key, each in changes.items()}}
    return {key: each for key, each in merged.items() if each is not None}


TIED = changed(lm_head__weight=ONE["embed.weight"])
BUFFERED = changed(layers__0__attn__bias=[1.0, 1.0])
LAYERS = changed(layers__1__weight=[0.25] * 8)
EXCHANGED = {
    f"model.{key}": LAYERS[{"layers.0.weight": "layers.1.weight", "layers.1.weight": "layers.0.weight"}.get(key, key)]
    for key in LAYERS
}
BIAS: dict[str, tuple[str, tuple[int, ...], bytes]] = {
    "layers.0.attn.bias": ("F32", (4,), struct.pack("<4f", 1, 2, 3, 4)),
}
QUANTISED = safetensors_bytes({"embed.qweight": ("I32", (2, 4), bytes(32)), "embed.scales": ("F16", (1, 4), bytes(8))})
FOREIGN = archive(PROTO + dict_of({"a": name("os", "system") + b"(" + text("true") + b"tR"}) + STOP, {})
UNTRANSPOSED = safetensors_bytes({"w": ("F32", (3, 2), struct.pack("<6f", 1, 4, 2, 5, 3, 6))})
TRANSPOSED = archive(
    PROTO + dict_of({"w": tensor(View("0", "F32", (3, 2), (1, 3), storage_elements=6))}) + STOP,
    {"0": struct.pack("<6f", 1, 2, 3, 4, 5, 6)},
)


@pytest.fixture
def server() -> Iterator[HubServer]:
    """Start a Hub."""
    with HubServer() as started:
        yield started


def asked(
    server: HubServer, tmp_path: Path, *states: dict[str, bytes | None], level: Level | None = None
) -> CheckAnswer:
    """Serve a model whose commits write these files, and check it."""
    repository = BareRepository(tmp_path / "served.git")
    for state in states:
        repository.commit(state, "Upload folder using huggingface_hub")
    server.add("org/model", repository.git_dir)
    with Session(settings=server.settings(tmp_path), store_url="memory:") as session:
        answer = check(session, ["org/model"], level=level)
        assert isinstance(answer, CheckAnswer)
        assert diff(session, "org/model", level=level).weights.kind
    return answer


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (bin_of({key: [value + 1 for value in each] for key, each in ONE.items()}), "retrained"),
        (bin_of(changed(layers__0__weight=[0.25] * 8)), "partial"),
        (bin_of({f"model.{key}": each for key, each in ONE.items()}), "renamed"),
        (bin_of(changed(layers__0__weight=[0.5] * 12)), "reshaped"),
        (bin_of(ONE, "F16"), "cast"),
        (bin_of(changed(norm__bias=[1.0, 2.5]), "F16"), "retrained"),
        (checkpoint(dict(reversed(packed(ONE).items()))), "reserialised"),
        (FOREIGN, "replaced"),
    ],
    ids=["retrained", "partial", "renamed", "reshaped", "cast", "cast-and-trained", "reserialised", "foreign"],
)  # fmt: skip
def test_changes_of_checkpoints_are_told_apart(server: HubServer, tmp_path: Path, after: bytes, kind: str) -> None:
    """A replaced checkpoint is compared by its tensors, as safetensors files are; what is not read is unchecked."""
    answer = asked(server, tmp_path, {"pytorch_model.bin": bin_of(ONE)}, {"pytorch_model.bin": after})
    assert [change.kind for change in answer.weight_changes] == ["first_upload", kind]
    assert bool(answer.unchecked) == (kind == "replaced")
    assert all("os.system" in item.reason for item in answer.unchecked)


@pytest.mark.parametrize(
    ("before", "after", "kind", "verified"),
    [
        (bin_of(ONE), safe_of(ONE), "format_added", True),
        (bin_of(TIED), safe_of(ONE), "format_added", True),
        (bin_of(BUFFERED), safe_of(ONE), "format_added", True),
        (TRANSPOSED, UNTRANSPOSED, "format_added", True),
        (bin_of(ONE), safe_of(changed(norm__bias=[1.0, 2.5])), "partial", None),
        (bin_of(ONE), safe_of({key: [7.0] * len(each) for key, each in ONE.items()}), "retrained", None),
        (bin_of(ONE), safe_of(ONE, "F16"), "cast", None),
        (FOREIGN, safe_of(ONE), "format_added", False),
        (bin_of(LAYERS), safe_of(EXCHANGED), "replaced", None),
        (checkpoint(packed(ONE) | BIAS), safe_of(ONE), "reshaped", None),
        (bin_of(ONE), QUANTISED, "replaced", None),
    ],
    ids=["same", "tied", "buffers", "transposed", "one-other", "all-other", "cast", "foreign",
         "exchanged", "bias-of-attention", "quantised"],
)  # fmt: skip
def test_a_conversion_is_compared_with_what_it_replaces(
    server: HubServer, tmp_path: Path, before: bytes, after: bytes, kind: str, verified: bool | None
) -> None:
    """Equal values verify a file beside a checkpoint, others are a silent change, and an open case is an info."""
    answer = asked(server, tmp_path, {"pytorch_model.bin": before}, {"model.safetensors": after})
    assert [change.kind for change in answer.weight_changes] == ["first_upload", kind]
    assert ("verified:" in (answer.weight_changes[1].groups[0].note or "")) is bool(verified)
    found = [(each.id, each.severity) for each in answer.findings]
    if verified is False:
        assert found == [("conversion-unverified", "info")]
        assert "os.system" in answer.findings[0].message
    else:
        assert found == ([] if verified else [("silent-weight-change", "error")])
    assert answer.unchecked == ()


def test_a_conversion_whose_bytes_were_not_read_is_not_verified(server: HubServer, tmp_path: Path) -> None:
    """Headers alone verify no conversion: the change is a further format, with a finding that says so."""
    answer = asked(
        server, tmp_path, {"pytorch_model.bin": bin_of(ONE)}, {"model.safetensors": safe_of(ONE)}, level="header"
    )
    assert (answer.verdict, [each.id for each in answer.findings]) == ("clean", ["conversion-unverified"])
    assert "only headers were read" in answer.findings[0].message


def test_a_checkpoint_that_became_safetensors_is_reserialised(server: HubServer, tmp_path: Path) -> None:
    """A safetensors file in the place of a checkpoint is compared with it, in shards or not."""
    halves = [dict(list(ONE.items())[:1]), dict(list(ONE.items())[1:])]
    shards: dict[str, bytes | None] = {
        f"pytorch_model-0000{number}-of-00002.bin": bin_of(half) for number, half in enumerate(halves, 1)
    }
    answer = asked(server, tmp_path, shards, {"model.safetensors": safe_of(ONE), **dict.fromkeys(shards)})
    assert [change.kind for change in answer.weight_changes] == ["first_upload", "reserialised"]
    assert (answer.verdict, answer.unchecked) == ("clean", ())

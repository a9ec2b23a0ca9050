"""`lineage audit`: the files of a model that a product names, by a folder, a variant, a file or a quantisation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.answers.audit.products import CARD, audited, found, product
from tests.support.bare_repository import BareRepository
from tests.support.readings import weights
from tests.support.torch_files import PROTO, STOP, archive, dict_of

AUTO_MAP = b'{"auto_map": {"AutoModel": "m.M"}}'


@pytest.mark.parametrize(
    ("call", "files"),
    [
        ('AutoModel.from_pretrained("org/name", subfolder="enc", ', {"enc/config.json": AUTO_MAP}),
        ('SentenceTransformer("org/name", ', {"modules.json": b'[{"type": "own.T"}]', "own.py": b""}),
    ],
)
def test_trusted_code_outside_the_root_configs_is_found(tmp_path: Path, call: str, files: dict[str, bytes]) -> None:
    """The commit is pinned and the root config names no code; what the loader runs is named by another config."""
    commit = BareRepository(tmp_path / "hub/org/name.git").commit({"README.md": CARD, "config.json": b"{}", **files})
    source = f'{call}trust_remote_code=True, revision="{commit}")\n'
    answer = audited(
        product(tmp_path / "p", "", app__py=source), hub_selector=str(tmp_path / "hub"), store_url="memory:"
    )
    assert found(answer)["org/name"][:2] == ["custom-code", "remote-code-trusted"]


@pytest.mark.parametrize(
    ("call", "rules", "unchecked"),
    [
        ('from_pretrained("org/name", variant="fp16", revision=SHA)', ["format-denied", "pickle-only"], None),
        ('from_pretrained("org/name", use_safetensors=False, revision=SHA)', ["format-denied", "pickle-only"], None),
        ('from_pretrained("org/name", variant="bf16", revision=SHA)', [], None),
        ('from_pretrained("org/name", variant="int8", revision=SHA)', [], "a file of the variant int8 of org/name"),
        ('from_pretrained("org/name", subfolder="no", revision=SHA)', [], "the folder no of org/name"),
        ('hf_hub_download("org/name", "no.safetensors", revision=SHA)', [], "the file no.safetensors of org/name"),
        ('hf_hub_download("org/name", "model.saf*", revision=SHA)', [], None),
    ],
)
def test_what_a_product_names_is_what_counts(
    tmp_path: Path, call: str, rules: list[str], unchecked: str | None
) -> None:
    """The variant and `use_safetensors` choose the weights; what the model lacks is unchecked with its place."""
    pickle = archive(PROTO + dict_of([]) + STOP, {})
    files = {"README.md": CARD, "model.safetensors": weights(1), "model.bf16.safetensors": weights(2)}
    commit = BareRepository(tmp_path / "hub/org/name.git").commit({**files, "pytorch_model.fp16.bin": pickle})
    source = f'SHA = "{commit}"\n{call}\n'
    folder = product(tmp_path / "p", '[formats]\ndeny = ["pickle"]\n', app__py=source)
    answer = audited(folder, hub_selector=str(tmp_path / "hub"), store_url="memory:")
    assert [each.id for each in answer.findings if each.id in ("pickle-only", "format-denied")] == rules
    missing = [each for each in answer.unchecked if "does not have it" in each.reason]
    assert [(each.what, each.places[0].line) for each in missing] == ([(unchecked, 2)] if unchecked else [])

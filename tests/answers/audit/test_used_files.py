"""`lineage audit`: the files of a model that a product names, by a folder, a variant, a file or a quantisation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.answers.audit.products import CARD, audited, found, product
from tests.support.bare_repository import BareRepository

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

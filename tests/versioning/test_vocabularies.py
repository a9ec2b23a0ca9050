"""The vocabularies are written from packages that are read as text."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import pytest

from tools import make_vocabularies
from tools.make_vocabularies import Wheels, write

SOURCES = {
    "transformers-9.0-py3-none-any.whl": {
        "transformers/models/auto/auto_mappings.py": (
            'raise RuntimeError\nCONFIG_MAPPING_NAMES = OrderedDict(\n    [\n        ("gull", "GullConfig"),\n'
            '        ("gull_text_model", "GullTextConfig"),\n    ]\n)\n'
        ),
        "transformers/utils/quantization_config.py": 'class QuantizationMethod(str, Enum):\n    A = "new_q"\n',
    },
    "huggingface_hub-9.0-py3-none-any.whl": {
        "huggingface_hub/inference/_generated/types/gull_watching.py": "",
        "huggingface_hub/inference/_generated/types/base.py": "",
    },
    "gguf-9.0-py3-none-any.whl": {
        "gguf/constants.py": (
            "class GGMLQuantizationType(IntEnum):\n    Q9_K = 1\n    I8 = 2\n\n\n"
            "class LlamaFileType(IntEnum):\n    MOSTLY_Q9_K_M = 1\n"
        ),
    },
    "language_data-9.0-py3-none-any.whl": {
        "language_data/name_data.py": (
            "CODE_TO_NAMES = {\n    'fr': {'en': 'French'},\n    'it': {'en': 'Italian'},\n}\n"
        ),
        "language_data/language_lists.py": 'CLDR_LANGUAGES = {\n    "fr",\n    "und",\n}\n',
    },
    "langcodes-9.0-py3-none-any.whl": {"langcodes/data_dicts.py": "LANGUAGE_ALPHA3 = {\n    'fr': 'fra',\n}\n"},
}
"""Small packages in the form of the real ones; importing the first one would raise."""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the vocabularies of the small packages to a folder."""
    for name, files in SOURCES.items():
        with zipfile.ZipFile(tmp_path / name, "w") as wheel:
            for path, text in files.items():
                wheel.writestr(path, text)
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(make_vocabularies, "FOLDER", tmp_path / "out")
    write(Wheels(tmp_path), date(2026, 1, 2))
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("file", "present", "absent"),
    [
        ("architectures.csv", ["gull,gull,yes", "vicuna,llama,yes"], ["gull-text-model"]),
        ("tasks.csv", ["gull-watching"], ["base"]),
        ("quantisations.csv", ["new-q,method", "q9-k,gguf", "q9-k-m,gguf"], ["i8,"]),
        ("languages.csv", ["french,fr,name", "fra,fr,code", "it,it,ambiguous", "jp,ja,code"], ["und"]),
    ],
)
def test_terms_are_read_from_the_packages_text(written: Path, file: str, present: list[str], absent: list[str]) -> None:
    """Each vocabulary has the packages' terms and our aliases, with the packages' versions and the date."""
    lines = (written / file).read_text("utf-8").splitlines()
    assert lines[0].startswith("# source: ")
    assert "9.0" in lines[0]
    assert lines[1] == "# date: 2026-01-02"
    assert set(present) <= set(lines)
    assert not [line for line in lines[3:] for term in absent if line.startswith(term)]

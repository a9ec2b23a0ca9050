"""The table of licences: complete, consistent, with a source for each line."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lineage.licences.lattice import Terms
from lineage.licences.parse import parse
from lineage.licences.spelling import key, link_key
from lineage.licences.table import TERMS, licence_at, licence_named, licences
from tests.support.shared import SHARED, needs_shared

HUB_IDENTIFIERS = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m afl-3.0
artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0
cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0
cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0
epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research
intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl open-mdw openmdw-1.0 openmdw-1.1 openrail++
osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license fair-noncommercial-research-license
llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma
"""
"""The Hub's list of identifiers, without `other` and `unknown`."""

MODEL_LICENCES = """
tongyi-qianwen tongyi-qianwen-research qwen qwen-research mrl mnpl deepseek nvidia-open-model-license falcon-llm-license
yi-license glm-4 minimax exaone stabilityai-ai-community health-ai-developer-foundations lfm1.0
"""
"""Names of vendors' licences, as cards write them beside `license: other`."""


def test_every_identifier_of_the_hub_is_known() -> None:
    """Each identifier of the Hub's list, and each vendor's licence under its usual name, has a line."""
    assert [name for name in (HUB_IDENTIFIERS + MODEL_LICENCES).split() if licence_named(name) is None] == []


def test_other_and_unknown_are_not_licences() -> None:
    """Two values of the Hub's list say that the licence is not on it: they are not names of licences."""
    assert licence_named("other") is None
    assert licence_named("unknown") is None


def test_no_name_means_two_licences() -> None:
    """No spelling of a licence is a spelling of another one, and no link leads to two."""
    names: dict[str, str] = {}
    links: dict[str, str] = {}
    for licence in licences():
        for name in licence.names:
            assert names.setdefault(key(name), licence.id) == licence.id, name
        for link in licence.links:
            address = link_key(link)
            assert address, link
            assert links.setdefault(address, licence.id) == licence.id, link
    assert len(names) > 300


def test_every_line_has_a_source_and_values_of_the_list() -> None:
    """Each line names the page that has the licence's text, and has a permitted value for each term."""
    for licence in licences():
        assert urlsplit(licence.source).scheme == "https", licence.id
        assert len(licence.values) == len(TERMS)
        *answers, threshold = licence.values
        assert set(answers) <= {"yes", "no", "conditional", "unknown"}, licence.id
        assert threshold in {"no", "unknown"} or int(threshold) >= 1_000_000, licence.id
        assert all(re.fullmatch(r"[ -~]+", text) for text in (licence.id, licence.title)), licence.id


def test_a_value_survives_the_way_through_burdens() -> None:
    """What the table says of a term is what the order of licences writes for it."""
    for licence in licences():
        assert tuple(licence.terms.value(index) for index in range(len(TERMS))) == licence.values
    assert Terms.of(licences()[0].values) == licences()[0].terms


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://huggingface.co/meta-llama/Llama-3.1-70B-Instruct/blob/main/LICENSE", "llama3.1"),
        ("https://hf.co/meta-llama/Llama-3.1-8B/resolve/5206a32e/LICENSE", "llama3.1"),
        ("https://huggingface.co/Qwen/Qwen2.5-72B-Instruct/blob/main/LICENSE", "qwen"),
        ("https://huggingface.co/Qwen/Qwen2.5-3B-Instruct/blob/main/LICENSE", "qwen-research"),
        ("https://ai.google.dev/gemma/terms", "gemma"),
        ("http://www.apache.org/licenses/LICENSE-2.0.txt", "apache-2.0"),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode.en", "cc-by-nc-sa-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/deed.de", "cc-by-4.0"),
        ("https://spdx.org/licenses/BSD-3-Clause.html", "bsd-3-clause"),
        ("https://opensource.org/licenses/MIT", "mit"),
        ("https://choosealicense.com/licenses/agpl-3.0/", "agpl-3.0"),
        ("https://mistral.ai/licenses/MRL-0.1.md", "mrl"),
        ("https://github.com/deepseek-ai/DeepSeek-V3/blob/main/LICENSE-MODEL", "deepseek"),
        ("LICENSE", None),
        ("./LICENSE.md", None),
        ("https://huggingface.co/someone/llama-3.1-finetune/blob/main/LICENSE", None),
        ("https://huggingface.co/meta-llama/Llama-3.1-8B/blob/main/README.md", None),
        ("https://evil.example/ai.google.dev/gemma/terms", None),
        ("https://spdx.org.evil.example/licenses/MIT.html", None),
        ("https://[::1", None),
        ("javascript:alert(1)", None),
        ("https://opensource.org/licenses/" + "M" * 100_000, None),
        ("", None),
    ],
)
def test_links_to_known_texts_are_recognised(link: str, expected: str | None) -> None:
    """The address of a known text identifies the licence; a path in the repository and all other addresses do not."""
    found = licence_at(link)
    assert (found.id if found else None) == expected


def declared_in(folder: Path) -> set[str]:
    """Collect the licence identifiers of recorded cards and API answers."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix not in {".jsonl", ".md", ".gz", ".json"}:
            continue
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = data.decode("utf-8", "replace")
        found |= set(re.findall(r'"license:([^"]+)"', text))
        found |= set(re.findall(r'"license": ?"([^"]*)"', text))
        if path.suffix == ".md":
            found |= set(re.findall(r"^license: *([^\s#]+) *$", text, re.MULTILINE))
    return found


@needs_shared
def test_every_recorded_identifier_is_known() -> None:
    """Each identifier that recorded cards and API answers declare is identified, except `other` and `unknown`."""
    found = declared_in(SHARED / "data")
    assert len(found) >= 33
    assert sorted(name for name in found if not parse(name).is_known) == ["other", "unknown"]


@needs_shared
def test_recorded_names_are_known_or_unknown() -> None:
    """Of the names that recorded models give licences of their own, those of known vendors are identified."""
    names = set()
    for path in (SHARED / "data/api").glob("*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            card = json.loads(line).get("cardData") or {}
            if card.get("license_name"):
                names.add(str(card["license_name"]))
    known = {name: parse("other", name).ids for name in names if parse("other", name).is_known}
    assert known == {
        "llama3": ("llama3",),
        "llama-3": ("llama3",),
        "meta-llama-3-community-license-agreement": ("llama3",),
        "deepseek-license": ("deepseek",),
        "tongyi-qianwen": ("tongyi-qianwen",),
        "tongyi-qianwen-research": ("tongyi-qianwen-research",),
    }
    assert names - known.keys() >= {"owkin-non-commercial", "llama3-taide-models-community-license-agreement"}

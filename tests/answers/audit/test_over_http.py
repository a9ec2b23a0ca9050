"""`lineage audit` of a Hub over HTTP: how many requests it sends, and what only a Hub says of its models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage_schemas.answers.audit import AuditAnswer
from tests.answers.audit.products import CARD, audited, found, product
from tests.support.bare_repository import BareRepository
from tests.support.hub_faults import refused
from tests.support.hub_server import HubServer
from tests.support.readings import WEIGHTS, weights

pytestmark = pytest.mark.slow

CHILD = b"---\nlicense: apache-2.0\nbase_model: lab/base\n---\n"

CONFIG = b'{"auto_map": {"AutoModel": "modeling_x.XModel"}}'


@pytest.fixture
def served(tmp_path: Path) -> Iterator[HubServer]:
    """Serve a base of a verified organisation and a child of a person, in which the Hub's scan found something."""
    with HubServer() as server:
        server.organisations["lab"] = True
        scan = {"scansDone": True, "filesWithIssues": [{"path": WEIGHTS, "level": "suspicious"}]}
        clean = {"scansDone": True, "filesWithIssues": []}
        for name, card, seed, status in (("lab/base", CARD, 1, clean), ("me/child", CHILD, 2, scan)):
            made = BareRepository(tmp_path / f"served/{name}.git")
            made.commit({WEIGHTS: weights(seed), "README.md": card, "config.json": CONFIG})
            server.add(name, made.git_dir, securityRepoStatus=status)
        yield server


def of(server: HubServer, tmp_path: Path, *, offline: bool = False) -> AuditAnswer:
    """Audit a product that uses both models, in the store of the test."""
    folder = product(tmp_path / "product", '[models."me/child"]\n[models."lab/base"]\n')
    return audited(folder, settings=server.settings(tmp_path), offline=offline)


def test_a_second_audit_costs_one_request_a_model(served: HubServer, tmp_path: Path) -> None:
    """The first audit sends at most 12 requests a model, and one with nothing changed asks each for its refs only."""
    first = of(served, tmp_path)
    metadata = [asked for asked in served.log if asked.server == "hub" and WEIGHTS not in asked.path]
    assert len(metadata) <= 2 * 12
    served.log.clear()
    again = of(served, tmp_path)
    assert sorted(asked.path for asked in served.log) == ["/api/models/lab/base/refs", "/api/models/me/child/refs"]
    assert (again.findings, again.unchecked, again.models) == (first.findings, first.unchecked, first.models)


def test_the_hub_scans_files_and_verifies_publishers(served: HubServer, tmp_path: Path) -> None:
    """A suspicious file is a warning, a publisher without a verified organisation an information, both dated."""
    answer = of(served, tmp_path)
    assert {"hub-scan-unsafe", "publisher-unverified", "custom-code"} <= set(found(answer)["me/child"])
    assert not {"hub-scan-unsafe", "publisher-unverified"} & set(found(answer)["lab/base"])
    (scan,) = [each for each in answer.findings if each.id == "hub-scan-unsafe"]
    assert (scan.severity, scan.pointer.file) == ("warning", WEIGHTS)


def test_what_the_hub_does_not_say_is_unchecked(served: HubServer, tmp_path: Path) -> None:
    """A model without a security status, and a publisher who could not be asked for, are unknown; a silence is kept."""
    served.repositories["lab/base"].extra.clear()
    served.fault("/api/organizations/me/overview", refused(403))
    answer = of(served, tmp_path)
    assert {each.what for each in answer.unchecked} >= {
        "the Hub's security scan of lab/base",
        "whether the publisher of me/child is verified",
    }
    served.mend()
    of(served, tmp_path)
    served.log.clear()
    assert "the Hub's security scan of lab/base" in [each.what for each in of(served, tmp_path).unchecked]
    assert [asked.path for asked in served.log if not asked.path.endswith("/refs")] == []


def test_offline_the_store_answers_and_what_it_lacks_is_unchecked(served: HubServer, tmp_path: Path) -> None:
    """After an audit the same is known offline; without one nothing is, and no request is sent."""
    assert of(served, tmp_path, offline=True).verdict == "unchecked"
    assert served.log == []
    online = of(served, tmp_path)
    served.log.clear()
    offline = of(served, tmp_path, offline=True)
    assert served.log == []
    assert (offline.findings, offline.models) == (online.findings, online.models)


def test_a_renamed_model_is_found_under_its_new_name(served: HubServer, tmp_path: Path) -> None:
    """The product's name is redirected: the finding names the present one, and the model is judged under it."""
    served.rename("lab/base", "lab/ground")
    answer = of(served, tmp_path)
    assert "model-renamed" in found(answer)["lab/ground"]

"""A product is audited into Neo4j as into SQLite: the same answer, the same products of a model, the same graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.answers.audit.audit import AuditOptions
from lineage.answers.impact import impact
from lineage.answers.session import Session
from lineage.answers.store import store_forget
from lineage.store.open import open_store
from tests.answers.audit.products import CARD, audited, product
from tests.support.bare_repository import BareRepository
from tests.support.dump import dump
from tests.support.readings import WEIGHTS, weights

CHILD = b"---\nlicense: mit\nbase_model: org/base\nbase_model_relation: finetune\n---\n"


@pytest.mark.timeout(300)
def test_neo4j_audits_as_sqlite_does(neo4j_url: str, tmp_path: Path) -> None:
    """Audit, record, impact and forget give the same in both stores, clocks apart."""
    for name, card in (("base", CARD), ("tuned", CHILD)):
        BareRepository(tmp_path / f"hub/org/{name}.git").commit({WEIGHTS: weights(len(name)), "README.md": card})
    folder = product(tmp_path / "product", '[models."org/tuned"]\n[models."org/nothing"]\n')
    seen = []
    for url in (str(tmp_path / "lineage.db"), neo4j_url):
        answer = audited(folder, AuditOptions(record="shop"), hub_selector=str(tmp_path / "hub"), store_url=url)
        with Session(hub_selector=str(tmp_path / "hub"), store_url=url) as session:
            used = impact(session, "org/base").products
            with session.store.reading() as view:
                recorded = [line for line in dump(view) if '"recorded_at"' not in line]
            forgotten = store_forget(session, [], products=["shop"])
        with open_store(url) as store, store.reading() as view:
            left = list(dump(view))
        texts = [each.model_dump_json(exclude={"recorded_at"}) for each in used]
        clocks = {"collected_at", "store"}
        seen.append((answer.model_dump(exclude=clocks), texts, recorded, forgotten.model_dump(exclude=clocks), left))
    assert seen[0] == seen[1]
    assert len(seen[0][1]) == 1

"""`--record NAME`: a product in the graph, which `impact` finds and `store forget --product` deletes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.answers.audit.audit import AuditOptions
from lineage.answers.impact import impact
from lineage.answers.session import Session
from lineage.answers.store import store_forget, store_info
from lineage.errors import InputError
from lineage.report.render import render
from lineage.report.text import plain
from tests.answers.audit.products import CARD, audited, product
from tests.support.bare_repository import BareRepository
from tests.support.readings import WEIGHTS, weights

pytestmark = pytest.mark.slow

CHILD = b"---\nlicense: mit\nbase_model: org/base\nbase_model_relation: finetune\n---\n"


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Make a base and a model that declares it."""
    for name, card in (("base", CARD), ("tuned", CHILD)):
        BareRepository(tmp_path / f"hub/org/{name}.git").commit({WEIGHTS: weights(len(name)), "README.md": card})
    return tmp_path / "hub"


def record(tmp_path: Path, hub: Path, settings: str, name: str | None = "shop") -> dict[str, str]:
    """Audit a product into a store; return how to open it again."""
    where = {"hub_selector": str(hub), "store_url": str(tmp_path / "lineage.db")}
    audited(product(tmp_path / "product", settings), AuditOptions(record=name), **where)
    return where


def uses(where: dict[str, str], model: str) -> list[tuple[str, str, bool, int | None]]:
    """List which products use a model or its descendants, as `impact` finds them."""
    with Session(hub_selector=where["hub_selector"], store_url=where["store_url"]) as session:
        found = impact(session, model).products
    return [(each.product, each.model, each.pinned, each.line) for each in found]


def test_impact_finds_the_products_that_stand_on_a_model(tmp_path: Path, hub: Path) -> None:
    """The base of a used model is found through its child, each place with its revision; a new record replaces it."""
    pin = BareRepository(hub / "org/base.git").git("rev-parse", "main")
    both = f'[models."org/tuned"]\n[models."org/base"]\nrevision = "{pin}"\n'
    where = record(tmp_path, hub, both)
    assert uses(where, "org/base") == [("shop", "org/base", True, 2), ("shop", "org/tuned", False, 1)]
    record(tmp_path, hub, '[models."org/tuned"]\n')
    assert uses(where, "org/base") == [("shop", "org/tuned", False, 1)]
    with Session(hub_selector=str(hub), store_url=where["store_url"]) as session:
        text = render(impact(session, "org/base"), "table")
    assert "Used by 1 product" in plain(text)  # type: ignore[arg-type]


def test_nothing_is_recorded_without_a_name(tmp_path: Path, hub: Path) -> None:
    """An audit without --record writes models and no product, and a name that cannot be one is refused at once."""
    where = record(tmp_path, hub, '[models."org/tuned"]\n', None)
    with Session(store_url=where["store_url"]) as session:
        assert store_info(session).nodes["Product"] == 0
    for name in ("", " ", "a\x1b[2J", "x" * 300):
        with pytest.raises(InputError, match="name of a product"):
            record(tmp_path, hub, "", name)


def test_a_product_is_forgotten(tmp_path: Path, hub: Path) -> None:
    """A deleted product is used by nothing any more; one that is not there is reported."""
    where = record(tmp_path, hub, '[models."org/tuned"]\n')
    with Session(hub_selector=str(hub), store_url=where["store_url"]) as session:
        answer = store_forget(session, [], products=["shop", "other"])
        assert (answer.products, answer.not_found, answer.forgotten) == (("shop",), ("other",), ())
    assert uses(where, "org/base") == []

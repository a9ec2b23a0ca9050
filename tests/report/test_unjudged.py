"""What a suggestion could not judge, as the text formats list it."""

from __future__ import annotations

from lineage.report.unjudged import open_items
from lineage_schemas.answers.suggest import UnjudgedRule
from lineage_schemas.pointer import Pointer
from tests.report.suggestions import suggestion


def test_a_file_that_several_facets_need_is_listed_once() -> None:
    """It has the highest level that it could have, its reason without the model and its own name, and comes first."""
    pointer = Pointer(model="a/b", revision="1" * 40, file="config.json")
    items = (
        UnjudgedRule(facet=None, pointer=Pointer(model="a/b"), reason="no results", could_be=None, rule="SV010"),
        *(
            UnjudgedRule(facet=facet, pointer=pointer, reason="a/b@1111: config.json: it is not here", could_be=level)
            for facet, level in (("library", "patch"), ("architecture", "major"))
        ),
    )
    found = open_items(suggestion().model_copy(update={"unjudged": items}))
    assert [(each.reason, each.pointer.file, each.could_be) for each in found] == [
        ("it is not here", "config.json", "major"), ("no results", None, None),
    ]  # fmt: skip

"""Every fuzz target, by name."""

from __future__ import annotations

from tests.fuzz import cards, git, hub_answers, own, values, weights

TARGETS = {
    target.name: target for module in (weights, values, cards, git, hub_answers, own) for target in module.TARGETS
}

"""Every fuzz target, by name."""

from __future__ import annotations

from tests.fuzz import audits, cards, git, hub_answers, own, results, values, weights

TARGETS = {
    target.name: target
    for module in (audits, weights, values, cards, git, hub_answers, own, results)
    for target in module.TARGETS
}

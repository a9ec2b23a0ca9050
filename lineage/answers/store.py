"""`lineage store`: describe the store, check it, and delete models from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lineage.errors import InputError
from lineage.hub.target import ModelTarget, parse_target
from lineage.store.aliases import key_of_alias
from lineage_schemas.answers.store import StoreCheckAnswer, StoreForgetAnswer, StoreInfoAnswer
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.ids import shown_id, split_model_key

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.store.interface import GraphStore, StoreView


def store_info(session: Session) -> StoreInfoAnswer:
    """Describe the store. The answer is not about one Hub, and no Hub is opened.

    Raises InputError if there is no store at the path. An empty database on a server is described, with a note.
    """
    info = session.store.info()
    if info.backend == "sqlite":
        need_store(session.store)
    return StoreInfoAnswer.model_validate(
        {
            **session.header("store-info.v1", None, hub=None),
            "url": info.url,
            "backend": info.backend,
            "schema_version": info.schema_version,
            "size_bytes": info.size_bytes,
            "nodes": info.nodes,
            "edges": info.edges,
            "attachments": info.attachments,
            "note": info.note,
            "size_note": info.size_note,
            "server": info.server,
            "database": info.database,
        }
    )


LISTED = 100
"""Findings that an answer lists per rule; it counts all of them."""


def store_check(session: Session) -> StoreCheckAnswer:
    """Check the store for inconsistencies. Nothing is changed, and no Hub is opened.

    Raises InputError if there is no store: a mistyped path must not be reported as clean.
    """
    from lineage.fingerprint.tensor_table import check_tensors
    from lineage.store.checking.rules import check_store

    need_store(session.store)
    counts: Counter[str] = Counter()
    findings = []
    with session.store.reading() as view:
        for fault in check_store(view, session.progress, check_tensors):
            counts[fault.rule] += 1
            if counts[fault.rule] <= LISTED:
                findings.append({"id": fault.rule, "about": fault.about, "message": fault.message})
    return StoreCheckAnswer.model_validate(
        {
            **session.header("store-check.v1", None, hub=None),
            "store": session.store.url,
            "backend": session.store.backend,
            "verdict": "findings" if findings else "clean",
            "counts": dict(sorted(counts.items())),
            "findings": findings,
        }
    )


def need_store(store: GraphStore) -> None:
    """Raise InputError if there is no store yet where the user looks for one; its path is probably mistyped."""
    if (reason := store.missing()) is not None:
        raise InputError(
            f"there is no store at {store.url}: {reason}",
            hint="check --store and LINEAGE_STORE; `lineage collect ORG/NAME` makes a store",
        )


def store_forget(session: Session, targets: Iterable[str], *, products: Iterable[str] = ()) -> StoreForgetAnswer:
    """Delete models of the session's Hub or, if named with their Hub's prefix, of any other, and recorded products.

    The answer lists models that the store does not know. These include models that the store has by name only because
    a Hub did not have them: such a name is deleted too, unless others derive from it. Raises InputError if there is no
    store, and for a target with a revision, because a single revision cannot be deleted.
    """
    from lineage.store.forgetting import namings

    asked, named_products = list(dict.fromkeys(targets)), list(dict.fromkeys(products))
    with session.store.reading() as view:
        keys = {target: _key(session, view, target) for target in asked}
    _unlink_versions(session, keys.values())
    with session.store.reading() as view:
        going = view.nodes("Model", keys.values())
        names = list(namings(view, going))
        known_products = sorted(view.nodes("Product", named_products))
        gone = {"Model": going, "Product": known_products}
        kept = {model for kind, source, model in names if source not in gone.get(kind, ())}
        named = {model for _, _, model in names}
        known = {key for key, node in going.items() if key in named or _was_read(node)}
    need_store(session.store)
    session.store.erase(list(going), known_products)
    hub = session.hub.name
    return StoreForgetAnswer.model_validate(
        {
            **session.header("store-forget.v1", None),
            "store": session.store.url,
            "forgotten": [shown_id(key, hub) for key in sorted(known)],
            "kept_as_stub": [shown_id(key, hub) for key in sorted(kept)],
            "not_found": [
                *(target for target in asked if keys[target] not in known),
                *(name for name in named_products if name not in known_products),
            ],
            "products": known_products,
        }
    )


def _unlink_versions(session: Session, keys: Collection[str]) -> None:
    """Work out the next versions of the other models as if some were never read; what cards declare stays.

    Before these are deleted, so that no edge rests on evidence that is deleted with them.
    """
    from lineage.collect.next_versions import next_versions_without

    with session.store.reading() as view:
        left = next_versions_without(view, keys)
    if left.of:
        session.store.write(
            GraphBatch(evidence=left.evidence, next_versions=left.edges, replace_next_versions_of=left.of)
        )


def _was_read(node: Mapping[str, Any]) -> bool:
    """Return whether something of a model was read: a commit, or at least that it exists."""
    return bool(node.get("head")) or node.get("state") in {"present", "gated"}


def _key(session: Session, view: StoreView, text: str) -> str:
    """Find the key of a model that is given as an id, another name, a key with its Hub, or a folder."""
    _, model_id = split_model_key(text)
    target = parse_target(model_id if ":" in text else text)
    if not isinstance(target, ModelTarget):
        hub, model_id = session.folder(target.path)
        return hub.key(model_id)
    if target.revision is not None:
        raise InputError(
            f"{text}: a single revision cannot be deleted", hint=f"lineage store forget {text.partition('@')[0]}"
        )
    if ":" in text:
        return text
    return key_of_alias(view, session.hub.name, target.model) or session.hub.key(target.model)

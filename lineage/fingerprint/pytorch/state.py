"""Which tensors of a checkpoint are the weights, and what they are called."""

from __future__ import annotations

import re
from typing import Any

from lineage.fingerprint.header import MAX_TENSORS
from lineage.fingerprint.pytorch.archive import NotReadError, refuse
from lineage.fingerprint.pytorch.values import Mapping, Tensor

_WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "params")
"""Keys under which trainers keep the weights, beside the state of the training."""

_TRAINING = re.compile(
    r"(^|_)(optim\w*|(lr_?)?sched\w*|rng\w*|random\w*|(grad_?)?scaler|amp|callbacks?|loops?|hyper_parameters|hparams|args"
    r"|config|cfg|opt|sampler|trainer|criterion|loss\w*|metrics?|epochs?|steps?|iters?|iterations?|history"
    r"|param_groups)(_|$)",
    re.I,
)
"""Keys beside the weights that hold the state of a training run."""

_NEVER_WEIGHTS = re.compile(
    r"(^|_)(optim\w*|(lr_?)?sched\w*|rng\w*|random_states?|(grad_?)?scaler|amp|callbacks?|loops?|param_groups)(_|$)",
    re.I,
)
"""The keys among them whose dicts hold no weights, whatever is in them; under the others (`step_embedder`,
`loss_head`, `random_projection`) a dict that holds a matrix is a part of the model."""

_OPTIMIZER = frozenset({"state", "param_groups"})
"""The keys of the state of an optimizer."""

MAX_UNWRAPPED = 4
MAX_DEPTH = 32
MAX_VISITS = 8_000_000
MAX_NAME_CHARACTERS = 50_000_000
"""Our limits on how deep weights are nested, how many values are looked at, and on the characters of all names."""


def find_weights(value: Any, file: str) -> dict[str, Tensor]:
    """Name the tensors that are weights: those of a state dict, wherever its trainer keeps it.

    Tensors beside it that are not the state of a training run (`params_ema` beside `params`) are named with their path,
    so that none of them can change unseen. Raises NotReadError where the file holds no named weights, FormatError where
    a name is there twice or a limit is exceeded.
    """
    # Examples: {"a.weight": T} gives a.weight; {"state_dict": {"a.weight": T}, "optimizer_states": […]} gives the same;
    # {"params": {"a": T}, "params_ema": {"a": T}} gives a and params_ema.a; {"encoder": {"a": T}} gives encoder.a.
    if not isinstance(value, Mapping):
        raise NotReadError("it holds no dict of tensors", file)
    search = _Search(file)
    state, path = value, ""
    for _ in range(MAX_UNWRAPPED):
        inner = search.wrapped(state)
        if inner is None:
            break
        wrapper, held = inner
        search.add(state, path, but=wrapper)
        state, path = held, f"{path}{wrapper}."
    search.add(state, "")
    if not search.found:
        kind = "the state of a training run and no weights" if search.skipped else "no dict of tensors"
        raise NotReadError(f"it holds {kind}", file)
    return search.found


class _Search:
    """Go through containers within limits: references may make them endless.

    `skipped` says whether the state of a training run was met.
    """

    def __init__(self, file: str) -> None:
        self.found: dict[str, Tensor] = {}
        self.skipped = False
        self._file = file
        self._visits = self._characters = 0

    def wrapped(self, state: Mapping) -> tuple[str, Mapping] | None:
        """Find the dict that holds the weights among others, and its key."""
        held = {key: each for key, each in state.pairs if type(key) is str}
        self._visit(len(state.pairs))
        for key in _WRAPPERS:
            inner = held.get(key)
            if isinstance(inner, Mapping) and not _is_optimizer(inner) and self._has_tensors(inner):
                return key, inner
        return None

    def _has_tensors(self, value: Mapping) -> bool:
        """Return whether a dict holds tensors, itself or in the dicts in it."""
        waiting, seen = [value], {id(value)}
        while waiting:
            state = waiting.pop()
            self._visit(len(state.pairs))
            for _, held in state.pairs:
                if isinstance(held, Tensor):
                    return True
                if isinstance(held, Mapping) and id(held) not in seen:
                    seen.add(id(held))
                    waiting.append(held)
        return False

    def add(self, state: Mapping, path: str, *, but: str | None = None) -> None:
        """Name all tensors of a dict except the state of a training run, and except what is under the key `but`."""
        if _is_optimizer(state):
            self.skipped = True
            return
        self._visit(len(state.pairs))
        for key, held in state.pairs:
            if type(key) is str and (key == but or self._is_of_training(key, held, beside=but is not None)):
                self.skipped = self.skipped or key != but
            else:
                self._add_one(key, held, path)

    def _is_of_training(self, key: str, held: Any, *, beside: bool) -> bool:
        """Return whether a key says that its value is the state of a training run, `beside` weights or not."""
        if not _TRAINING.search(key) or (isinstance(held, Tensor) and not beside):
            return False
        return not isinstance(held, Mapping) or bool(_NEVER_WEIGHTS.search(key)) or not self._has_matrix(held)

    def _has_matrix(self, state: Mapping) -> bool:
        """Return whether a dict holds a tensor of two dimensions or more by its name, as a state dict does."""
        self._visit(len(state.pairs))
        return any(isinstance(held, Tensor) and len(held.shape) > 1 for _, held in state.pairs)

    def _add_one(self, key: Any, held: Any, path: str) -> None:
        """Name the tensors in one value of a dict."""
        waiting = [(key, held, path, 0)]
        while waiting:
            key, held, path, depth = waiting.pop()
            if not isinstance(held, Tensor) and not _is_container(held):
                continue
            if type(key) not in (str, int):
                if _holds_any(held):
                    raise NotReadError("it holds tensors under keys that are not names", self._file)
                continue
            if isinstance(held, Tensor):
                self._name(f"{path}{key}", held)
                continue
            if isinstance(held, Mapping) and _is_optimizer(held):
                self.skipped = True
                continue
            if depth > MAX_DEPTH:
                refuse(self._file, f"its dicts are nested more than {MAX_DEPTH} deep")
            inner = held.pairs if isinstance(held, Mapping) else list(enumerate(held))
            self._visit(len(inner))
            self._characters += len(path)
            waiting += [
                (each_key, each, f"{path}{key}.", depth + 1)
                for each_key, each in reversed(inner)
                if isinstance(each, Tensor) or _is_container(each)
            ]

    def _name(self, name: str, tensor: Tensor) -> None:
        self._characters += len(name)
        if self._characters > MAX_NAME_CHARACTERS or len(self.found) >= MAX_TENSORS:
            refuse(self._file, f"it has more than {MAX_TENSORS:,} tensors, or names of extreme length")
        if name in self.found:
            refuse(self._file, f"it has the tensor {name[:200]!r} twice")
        self.found[name] = tensor

    def _visit(self, number: int) -> None:
        self._visits += 1 + number
        if self._visits > MAX_VISITS:
            refuse(self._file, f"its containers hold more than {MAX_VISITS:,} values")


def _is_container(value: Any) -> bool:
    """Return whether a value is a dict, a list or a tuple, and not one of the records that are tuples too."""
    return isinstance(value, Mapping) or type(value) in (list, tuple)


def _is_optimizer(state: Mapping) -> bool:
    """Return whether a dict is the state of an optimizer."""
    return len(state.pairs) <= 10 and {key for key, _ in state.pairs if type(key) is str} >= _OPTIMIZER


def _holds_any(value: Any) -> bool:
    """Return whether a tensor is in a value, or may be: ten thousand values are looked at."""
    waiting, seen, left = [value], set(), 10_000
    while waiting and left:
        held = waiting.pop()
        left -= 1
        if isinstance(held, Tensor):
            return True
        if _is_container(held) and id(held) not in seen:
            seen.add(id(held))
            inner = [each for _, each in held.pairs] if isinstance(held, Mapping) else held
            waiting += inner[:left]
    return bool(waiting)

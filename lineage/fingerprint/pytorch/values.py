"""What a checkpoint's pickle may consist of: an allow list of names, and the plain records that they become."""

from __future__ import annotations

from typing import Any, NamedTuple

BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32,
    "U16": 16, "U8": 8, "BOOL": 8, "C32": 32, "C64": 64, "C128": 128, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8, "F8_E8M0": 8, "F4": 8,
}  # fmt: skip
"""Bits of one element as PyTorch stores it; F4 counts pairs. The names are those of safetensors, where it has one."""

_STORAGES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL", "ComplexDoubleStorage": "C128", "ComplexFloatStorage": "C64",
}  # fmt: skip

_DTYPES = {
    "float64": "F64", "double": "F64", "float32": "F32", "float": "F32", "float16": "F16", "half": "F16",
    "bfloat16": "BF16", "int64": "I64", "long": "I64", "int32": "I32", "int": "I32", "int16": "I16", "short": "I16",
    "int8": "I8", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL",
    "complex32": "C32", "chalf": "C32", "complex64": "C64", "cfloat": "C64", "complex128": "C128", "cdouble": "C128",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0", "float4_e2m1fn_x2": "F4",
}  # fmt: skip

UNTYPED = ""
"""The dtype of a storage of bytes: its tensors name their own."""

STORAGE_TYPES = {
    **{f"torch.{name}": dtype for name, dtype in _STORAGES.items()},
    "torch.storage.UntypedStorage": UNTYPED,
    "torch.UntypedStorage": UNTYPED,
}
DTYPES = {f"torch.{name}": dtype for name, dtype in _DTYPES.items()}

ORDERED_DICT = "collections.OrderedDict"
REBUILD_V2, REBUILD_V3 = "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3"
REBUILD_PARAMETER = "torch._utils._rebuild_parameter"
SIZE = "torch.Size"
SETS = frozenset({"__builtin__.set", "builtins.set", "__builtin__.frozenset", "builtins.frozenset"})

ALLOWED = frozenset({*STORAGE_TYPES, *DTYPES, *SETS, ORDERED_DICT, REBUILD_V2, REBUILD_V3, REBUILD_PARAMETER, SIZE})
"""Every name that is understood; a file that uses another one is known by its hash only."""


class Name(NamedTuple):
    """The name of a class or function in a pickle: a text, never what it names."""

    text: str


class Foreign(NamedTuple):
    """What a call of a name that is not on the list would have given."""

    name: str


class Mapping:
    """A dict as its pickle writes it: pairs in order, never hashed, for keys may be anything."""

    __slots__ = ("pairs",)

    def __init__(self) -> None:
        self.pairs: list[tuple[Any, Any]] = []


class Storage(NamedTuple):
    """A stored entry: `elements` values of a dtype (bytes where it is UNTYPED) under `key`."""

    key: str
    dtype: str
    elements: int

    @property
    def size(self) -> int:
        """Return the bytes of all elements."""
        return self.elements * (1 if self.dtype == UNTYPED else BITS[self.dtype] // 8)


class Tensor(NamedTuple):
    """A view of a storage; `offset` and `stride` count elements of `dtype`."""

    storage: Storage
    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

"""The quantised layouts inside safetensors, in the order in which they are tried."""

from __future__ import annotations

from lineage.fingerprint.values.awq import awq
from lineage.fingerprint.values.bitsandbytes import bitsandbytes_4bit, bitsandbytes_int8
from lineage.fingerprint.values.compressed_tensors import compressed_tensors
from lineage.fingerprint.values.gptq import gptq
from lineage.fingerprint.values.mxfp4 import mxfp4
from lineage.fingerprint.values.quanto import quanto
from lineage.fingerprint.values.scaled import scaled_weights
from lineage.fingerprint.values.stored import Layout
from lineage.fingerprint.values.torchao import torchao

LAYOUTS: tuple[Layout, ...] = (
    gptq, awq, bitsandbytes_int8, bitsandbytes_4bit, torchao, quanto, compressed_tensors, scaled_weights, mxfp4,
)  # fmt: skip
"""Readers of quantised layouts; the first that takes a tensor has it."""

#!/bin/sh
vllm serve mattshumer/Reflection-Llama-3.1-70B --revision b5f3e4bf376dfa2702df6c64f67a575751c17b9b

FROM ghcr.io/ggml-org/llama.cpp:server-b4100
ENTRYPOINT ["/app/llama-server"]
CMD ["--hf-repo", "ibm-granite/granite-3.1-8b-instruct-GGUF:Q6_K", "--port", "8080", "--jinja"]


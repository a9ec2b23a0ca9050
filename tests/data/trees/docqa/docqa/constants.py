ORG = "mixedbread-ai"
HAYSTACK_EMBEDDER = f"{ORG}/mxbai-embed-large-v1"
RANKERS = {
    "small": ORG + "/mxbai-rerank-xsmall-v1",
}
UNUSED_MODEL = "sentence-transformers/gtr-t5-base"
SPLITTER = "recursive/character"
ROUTE = "/api/v1/answers"

import { AutoTokenizer, AutoModelForSequenceClassification } from "@huggingface/transformers";

const config = {
  reranker: { id: "mixedbread-ai/mxbai-rerank-base-v1", options: { revision: "800f24c113213a187e65bde9db00c15a2bb12738" } },
};

const { id, options } = config.reranker;
export const tokenizer = await AutoTokenizer.from_pretrained(id, options);
export const model = await AutoModelForSequenceClassification.from_pretrained(id, { ...options, dtype: "q8" });

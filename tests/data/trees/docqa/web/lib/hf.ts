import { InferenceClient } from "@huggingface/inference";
import { HuggingFaceInferenceEmbeddings } from "@langchain/community/embeddings/hf";
import { HuggingFaceTransformersEmbeddings } from "@langchain/community/embeddings/huggingface_transformers";
import { openai } from "@ai-sdk/openai";

const hf = new InferenceClient(process.env.HF_TOKEN);

export const zeroShot = (inputs: string) =>
  hf.zeroShotClassification({
    model: "facebook/bart-large-mnli",
    inputs,
    parameters: { candidate_labels: ["contract", "invoice"] },
  });

export const remote = new HuggingFaceInferenceEmbeddings({
  apiKey: process.env.HF_TOKEN,
  model: "sentence-transformers/distiluse-base-multilingual-cased-v2",
});

export const local = new HuggingFaceTransformersEmbeddings({ modelName: "Xenova/all-MiniLM-L6-v2" });
export const gpt = openai("gpt-4o");

import { FeatureExtractionPipeline, pipeline } from "@xenova/transformers";

const EMBED_MODEL = process.env.EMBED_MODEL ?? "Xenova/bge-small-en-v1.5";

let extractor: FeatureExtractionPipeline | undefined;

export async function embed(text: string): Promise<number[]> {
  extractor ||= await pipeline("feature-extraction", EMBED_MODEL, { quantized: true });
  const output = await extractor(text, { pooling: "mean", normalize: true });
  return Array.from(output.data as Float32Array);
}

import path from 'path';
import { fileURLToPath } from 'url';
import { createModelDownloader, getLlama, LlamaChatSession, resolveModelFile } from 'node-llama-cpp';
import { HuggingFaceInference } from '@langchain/community/llms/hf';

const __dirname = path.dirname(fileURLToPath(import.meta.url));
const modelsDir = path.join(__dirname, '..', 'models');

export interface LocalModel {
  uri: string;
  contextSize: number;
}

export async function openChat() {
  const llama = await getLlama();
  const modelPath = await resolveModelFile('hf:bartowski/SmolLM2-1.7B-Instruct-GGUF:Q6_K', modelsDir);
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext();
  return new LlamaChatSession({ contextSequence: context.getSequence() });
}

export async function fetchEmbedder() {
  const downloader = await createModelDownloader({
    modelUri: 'https://huggingface.co/nomic-ai/nomic-embed-text-v1.5-GGUF/resolve/main/nomic-embed-text-v1.5.Q8_0.gguf',
    dirPath: modelsDir,
  });
  return downloader.download();
}

export const remote = new HuggingFaceInference({
  model: 'google/flan-t5-xxl',
  apiKey: process.env.HF_TOKEN,
});

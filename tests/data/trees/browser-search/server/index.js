const { HfInference } = require('@huggingface/inference');
const { HuggingFaceInferenceEmbeddings } = require('@langchain/community/embeddings/hf');
const { ChatOpenAI } = require('@langchain/openai');
const { spawn } = require('child_process');

const hf = new HfInference(process.env.HF_TOKEN);
const CHAT_MODEL = process.env.CHAT_MODEL || 'mistralai/Mistral-7B-Instruct-v0.3';
const router = new ChatOpenAI({ model: 'openai/gpt-4o-mini', configuration: { baseURL: 'https://openrouter.ai/api/v1' } });

const embeddings = new HuggingFaceInferenceEmbeddings({
  model: 'BAAI/bge-base-en-v1.5',
  apiKey: process.env.HF_TOKEN,
});

async function summarize(text) {
  return hf.summarization({ model: 'facebook/bart-large-cnn', inputs: text });
}

async function reply(messages) {
  const out = [];
  for await (const chunk of hf.chatCompletionStream({ model: CHAT_MODEL, messages, max_tokens: 500 })) out.push(chunk);
  return out;
}

async function caption(blob) {
  const { pipeline } = await import('@huggingface/transformers');
  const captioner = await pipeline('image-to-text', 'Xenova/vit-gpt2-image-captioning', { quantized: true, revision: 'refs/pr/3' });
  const r = await fetch(
    'https://api-inference.huggingface.co/models/Salesforce/blip-image-captioning-base',
    { method: 'POST', body: blob },
  );
  return [await captioner(blob), await r.json()];
}

const server = spawn('llama-server', ['-hf', 'ggml-org/gemma-3-1b-it-GGUF:Q4_K_M', '--port', '8081']);
module.exports = { summarize, reply, caption, embeddings, server, router };

import { pipeline, env, AutoTokenizer, AutoModelForCausalLM, type PipelineType } from '@huggingface/transformers';
import { EMBEDDER, DEFAULT_CHAT, CHOICES, Asr } from './lib/models';

env.allowLocalModels = false;

class Embed {
  static task: PipelineType = 'feature-extraction';
  static model = EMBEDDER;
  static instance: any = null;

  static async getInstance(progress_callback: any = undefined) {
    this.instance ??= await pipeline(this.task, this.model, { progress_callback, dtype: 'fp32' });
    return this.instance;
  }
}

export async function chat(prompt: string) {
  const tokenizer = await AutoTokenizer.from_pretrained(DEFAULT_CHAT.id, { revision: DEFAULT_CHAT.revision });
  const model = await AutoModelForCausalLM.from_pretrained(DEFAULT_CHAT.id, {
    dtype: DEFAULT_CHAT.dtype as any,
    revision: DEFAULT_CHAT.revision,
  });
  return model.generate(tokenizer(prompt));
}

export async function choose(size: keyof typeof CHOICES) {
  const { id, revision = 'main' } = CHOICES[size];
  return pipeline('text-generation', id, { revision });
}

export const transcribe = async (audio: Float32Array, language = 'en') => {
  const asr = await pipeline('automatic-speech-recognition', Asr.Tiny);
  return asr(audio, { language });
};

self.addEventListener('message', async ({ data }) => {
  // const old = await pipeline('summarization', 'Xenova/distilbart-cnn-6-6');
  const rank = await pipeline('text-classification', 'jinaai/jina-reranker-v1-tiny-en');
  self.postMessage({ out: await rank(data.text), type: 'text/plain' });
});

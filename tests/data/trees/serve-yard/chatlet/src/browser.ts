import { Wllama } from '@wllama/wllama';
import { AutoModelForCausalLM, AutoTokenizer, TextStreamer, pipeline, type ProgressCallback } from '@huggingface/transformers';

export const DEFAULTS = Object.freeze({
  model: 'onnx-community/Qwen2.5-0.5B-Instruct',
  locale: 'en/GB',
  theme: 'dark/solarized',
});

type Options = { model?: string; onProgress?: ProgressCallback };

export async function createGenerator({ model = 'HuggingFaceTB/SmolLM2-135M-Instruct', onProgress }: Options = {}) {
  return pipeline('text-generation', model, { dtype: 'q4', device: 'webgpu', progress_callback: onProgress });
}

export const createDefault = () => pipeline('text-generation', DEFAULTS.model, { dtype: 'q4f16' });

export class Reasoner {
  private static readonly modelId = 'onnx-community/DeepSeek-R1-Distill-Qwen-1.5B-ONNX';

  async load() {
    const tokenizer = await AutoTokenizer.from_pretrained(Reasoner.modelId);
    const model = await AutoModelForCausalLM.from_pretrained(Reasoner.modelId, { dtype: 'q4f16', device: 'webgpu' });
    return { model, streamer: new TextStreamer(tokenizer, { skip_prompt: true }) };
  }
}

export async function tiny(assets: Record<string, string>) {
  const wllama = new Wllama(assets);
  // await wllama.loadModelFromUrl('https://huggingface.co/ngxson/tinyllama_split_test/resolve/main/stories15M-q8_0-00001-of-00003.gguf');
  await wllama.loadModelFromHF('ggml-org/tiny-llamas', 'stories260K.gguf');
  return wllama;
}

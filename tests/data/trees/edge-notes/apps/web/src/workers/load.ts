import { pipeline, env } from '@huggingface/transformers';
import * as hub from '@huggingface/hub';
import { InferenceClient } from '@huggingface/inference';
import { config } from '~/config';

env.remoteHost = 'https://huggingface.co';

export const loadPipeline = (task: any, model: string, revision?: string) => pipeline(task, model, { revision, device: 'webgpu' });

export async function files() {
  const out = [];
  for await (const f of hub.listFiles({ repo: 'microsoft/Phi-3-mini-4k-instruct-onnx-web', revision: 'main' })) out.push(f.path);
  for await (const f of hub.listFiles({ repo: { type: 'dataset', name: 'acme/eval' } })) out.push(f.path);
  return out;
}

const client = new InferenceClient(config.token);
export const draw = (prompt: string) =>
  client.textToImage({ model: 'black-forest-labs/FLUX.1-schnell', inputs: prompt, provider: 'hf-inference' });
export const weights = fetch(new URL('https://huggingface.co/Xenova/modnet/resolve/6b1d9c7/onnx/model.onnx'));

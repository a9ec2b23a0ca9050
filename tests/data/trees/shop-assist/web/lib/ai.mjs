import * as tf from '@huggingface/transformers';
import { HuggingFaceTransformersEmbeddings } from '@langchain/community/embeddings/huggingface_transformers';
import OpenAI from 'openai';

const defaults = { model: 'Xenova/multilingual-e5-small', revision: 'main' };
export const options = { ...defaults, device: 'wasm' };
export const embedder = tf.pipeline('feature-extraction', options.model, { revision: options.revision });
export const lc = new HuggingFaceTransformersEmbeddings({ model: 'Xenova/gte-small' });
export const openai = new OpenAI({ baseURL: 'https://openrouter.ai/api/v1' });
export const ask = (messages) => openai.chat.completions.create({ model: 'meta-llama/llama-3.3-70b-instruct', messages });
export function vision(id = process.env.VISION ?? 'Xenova/vit-base-patch16-224') {
  return tf.AutoModel.from_pretrained(id);
}

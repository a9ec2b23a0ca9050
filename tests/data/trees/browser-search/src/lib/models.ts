export interface ModelInfo { id: string; dtype?: string; revision?: string }

export const EMBEDDER = 'Xenova/bge-small-en-v1.5';
export const DEFAULT_CHAT: ModelInfo = {
  id: 'onnx-community/Qwen2.5-0.5B-Instruct',
  dtype: 'q4f16',
  revision: '8c2b5b8a3c3d8a0b1bc47e0b0d6a8f9aa1b2c3d4',
};
export const CHOICES: Record<string, ModelInfo> = {
  small: { id: 'HuggingFaceTB/SmolLM2-135M-Instruct' },
  medium: { id: 'HuggingFaceTB/SmolLM2-360M-Instruct', revision: 'v1.1' },
};
export enum Asr {
  Tiny = 'onnx-community/whisper-tiny',
}

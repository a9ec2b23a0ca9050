'use strict';

const PREFIX = 'onnx-community';
const MODELS = Object.freeze({
  embeddings: 'mixedbread-ai/mxbai-embed-xsmall-v1',
  rerank: { id: 'Xenova/ms-marco-TinyBERT-L-2-v2', revision: 'b0e8b7a0c3f3d7c6a3e3a4d9d59c1e1a2b3c4d5e' },
});

module.exports = { MODELS, PREFIX, summaryModel: 'Xenova/distilbart-cnn-6-6' };

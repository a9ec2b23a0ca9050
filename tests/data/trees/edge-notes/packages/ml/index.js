const { MODELS, PREFIX, summaryModel } = require('./constants');

let cached;

class Ranker {
  constructor(modelId = 'cross-encoder/ms-marco-MiniLM-L-6-v2', opts = {}) {
    this.modelId = modelId;
    this.opts = opts;
  }

  async init() {
    const { AutoTokenizer, AutoModelForSequenceClassification } = await import('@huggingface/transformers');
    this.tokenizer = await AutoTokenizer.from_pretrained(this.modelId);
    this.model = await AutoModelForSequenceClassification.from_pretrained(this.modelId, this.opts);
  }
}

async function getEmbedder() {
  const { pipeline } = await import('@huggingface/transformers');
  cached = cached || (await pipeline('feature-extraction', MODELS.embeddings, { dtype: 'q8' }));
  return cached;
}

const getReranker = async () => {
  const { pipeline } = await import('@huggingface/transformers');
  return pipeline('text-classification', MODELS.rerank.id, { revision: MODELS.rerank.revision });
};

exports.summarize = async function summarize(text, model = summaryModel) {
  const { pipeline } = await import('@huggingface/transformers');
  const generate = await pipeline('summarization', model);
  return generate(text);
};

exports.whisper = async (size = 'base') => {
  const { WhisperForConditionalGeneration } = await import('@huggingface/transformers');
  return WhisperForConditionalGeneration.from_pretrained(`${PREFIX}/whisper-${size}`, {
    dtype: { encoder_model: 'fp32', decoder_model_merged: 'q4' },
  });
};

exports.small = () => new Ranker('jinaai/jina-reranker-v1-turbo-en').init();
exports.getEmbedder = getEmbedder;
exports.getReranker = getReranker;

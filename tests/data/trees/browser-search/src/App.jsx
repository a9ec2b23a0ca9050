import React, { useRef, useState } from 'react';
import { pipeline } from '@xenova/transformers';

const MODELS = [
  { label: 'Sentiment', value: 'Xenova/distilbert-base-uncased-finetuned-sst-2-english' },
  { label: 'Toxicity', value: 'Xenova/toxic-bert' },
];

export default function App() {
  const [model, setModel] = useState(MODELS[0].value);
  const pipe = useRef(null);

  async function run(text) {
    for (const each of MODELS) {
      pipe.current = await pipeline('sentiment-analysis', each.value);
    }
    const ner = await pipeline('token-classification', `Xenova/${size}-ner`);
    return ner(text);
  }

  return <select value={model} onChange={(e) => setModel(e.target.value)}>{MODELS.map((m) => <option key={m.value}>{m.label}</option>)}</select>;
}

import { useEffect, useState } from 'react';
import type { Pipeline } from '@huggingface/transformers';
import { loadPipeline } from '../workers/load';

interface Props { modelId?: string; task: 'translation' | 'fill-mask' }

export function useModel({ modelId = 'Xenova/nllb-200-distilled-600M', task }: Props) {
  const [pipe, setPipe] = useState<Pipeline | null>(null);
  useEffect(() => {
    let live = true;
    loadPipeline(task, modelId, 'v2').then((p) => live && setPipe(p));
    return () => { live = false; };
  }, [modelId, task]);
  return pipe;
}

export const Mask = () => {
  const pipe = useModel({ modelId: 'Xenova/bert-base-cased', task: 'fill-mask' });
  return <span className="image/png">{pipe ? 'ready' : 'loading'}</span>;
};

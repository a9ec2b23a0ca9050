"use client";
import { useEffect, useRef, useState } from "react";
import { AutoModel, AutoProcessor, type PreTrainedModel } from "@huggingface/transformers";

type Props = { modelId?: string; accept?: string };

export default function Segment({ modelId = "briaai/RMBG-2.0", accept = "image/*" }: Props) {
  const model = useRef<PreTrainedModel>();
  const [ready, setReady] = useState(false);
  useEffect(() => {
    (async () => {
      model.current = await AutoModel.from_pretrained(modelId, { device: "webgpu" });
      await AutoProcessor.from_pretrained("Xenova/modnet");
      setReady(true);
    })();
  }, [modelId]);
  return <input type="file" accept={accept} disabled={!ready} />;
}

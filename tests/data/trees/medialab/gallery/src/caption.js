import { pipeline, env, RawImage } from "https://cdn.jsdelivr.net/npm/@xenova/transformers@2.17.2";

env.backends.onnx.wasm.numThreads = 1;
const MODEL_NAME = 'Xenova/vit-gpt2-image-captioning';
const status = document.getElementById("status");

const load = async (task, model) => {
  status.textContent = `Loading ${model}`;
  return pipeline(task, model);
};

const captioner = await load("image-to-text", MODEL_NAME);
const detector = await load("object-detection", "Xenova/detr-resnet-50");
document.querySelector("input").accept = "image/jpeg";

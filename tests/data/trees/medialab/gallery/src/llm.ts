import { CreateMLCEngine, prebuiltAppConfig } from "@mlc-ai/web-llm";

export const appConfig = {
  model_list: [
    {
      model: "https://huggingface.co/mlc-ai/Phi-3.5-mini-instruct-q4f16_1-MLC",
      model_id: "Phi-3.5-mini-instruct-q4f16_1-MLC",
      model_lib: "https://raw.githubusercontent.com/mlc-ai/binary-mlc-llm-libs/main/phi.wasm",
    },
  ],
};
export const engine = () => CreateMLCEngine("Phi-3.5-mini-instruct-q4f16_1-MLC", { appConfig });

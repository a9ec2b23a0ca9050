"""Words that look like the name of a model and are not: folders, MIME types, placeholders, names of hosted APIs."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MIME_TYPES = _words(
    """
    application audio chemical font haptics image message model multipart text video x-conference
    """
)
"""The registered top-level MIME types. `model/gltf-binary` is one of them."""

FOLDERS = _words(
    """
    adapter adapters api app apps artefacts artifacts assets backend base bench benchmarks bin build builtin cache
    caches charts checkpoint checkpoints ci ckpt ckpts cli client code common conf config configs container content
    core data dataset datasets db deploy deployment dev dist doc docker docs download downloads env etc eval evals
    evaluation example examples exp experiments export exports ext extensions external features files finetune
    fixtures frontend helm home images include inference input inputs integration internal k8s kubernetes lib libs
    log logs lora loras media mnt models modules node_modules notebooks opt out output outputs packages pages
    pipelines plugins pretrained proc project projects prompts proto public pytorch_models refs resources results
    root run runs saved_models saves scripts server service services share shared site src srv static storage store
    stories sys target templates test tests tmp tools train training types usr util utils var vendor venv vocab
    vocabs volume volumes web weights work workflows workspace wwwroot
    """
)
"""First parts of relative paths. None of them is the owner of a model that people load."""

OF_FOLDERS = _words("saved trained tuned fine finetuned final best local raw new old my tmp temp merged")
"""What stands beside the word of a folder in the first part of a path, as in `saved_outputs`."""

PLACEHOLDER = re.compile(
    r"your[-_ ]?(?:hf[-_]?)?(?:user[-_]?name|name|user|org|organi[sz]ation|account|namespace|team|company|repo|model|id"
    r"|handle|profile)s?|your[-_].*|my[-_]?(?:hf[-_]?)?user[-_]?name|<.*|\.\.\.|x{3,}|(?:hf[-_])?user[-_]?name"
    r"|(?:repo[-_]?)?owner|hf[-_]user|namespace|organi[sz]ation",
    re.IGNORECASE,
)
"""Owners that stand for the owner that the reader puts there."""

FILE_ENDINGS = _words(
    """
    7z avi bat bin bmp bz2 c cc cfg cjs conf cpp crt css csv cu dat db dll dockerfile dylib exe gguf gif go gz h h5
    hpp htm html ico ini ipynb jar java jpeg jpg js json jsonl jsx key kt lock log lua md mdx mjs mov mp3 mp4
    msgpack npy npz onnx parquet pb pdf pem php pickle pkl png proto ps1 pt pth py pyc pyi rb rs rst safetensors sh
    so spm sql sqlite svelte svg tar tflite tgz toml ts tsv tsx ttf txt vue wasm wav webm webp woff woff2 xml yaml
    yml zip zst
    """
)
"""Endings of file names. A few models end with one (`org/model.gguf`); an address still finds those."""

BARE_WORDS = _words(
    """
    0 1 all any auto automatic base bfloat16 bf16 bool cpu cuda debug default dict dummy enabled disabled else
    embedding embeddings false float float16 float32 fp16 fp32 gpu huggingface info int large latest list llm local
    main master medium mini model models mps name nano new nil no none null off on openai org production repo small
    staging str string test tiny tokenizer transformers true undefined unknown user v1 v2 v3 value xxl yes
    """
)
"""Values of options, which a place that wants a model may still hold."""

IMAGES = _words(
    """
    alpine/git bitnami/pytorch ghcr.io/huggingface huggingface/text-generation-inference
    huggingface/text-embeddings-inference huggingface/transformers-pytorch-gpu intel/intel-extension-for-pytorch
    lmsysorg/sglang localai/localai nvidia/cuda ollama/ollama pytorch/pytorch quay.io/go-skynet rocm/pytorch
    rocm/vllm semitechnologies/transformers-inference tensorflow/serving vllm/vllm-openai open-webui/open-webui
    ggml-org/llama.cpp ggerganov/llama.cpp
    """
)
"""Container images (and repositories of code) that people write where models are also written."""

IMAGE_NAMES = _words(
    """
    vllm-openai text-generation-inference text-embeddings-inference lmdeploy-server tritonserver localai
    llama.cpp-server huggingface-pytorch-inference sglang-server
    """
)
"""Names of container images, whoever publishes them."""

HUB_PROVIDERS = _words(
    """
    auto cerebras cohere fal-ai fastest featherless-ai fireworks-ai groq hf-inference hyperbolic nebius novita
    nscale cheapest ovhcloud preferred publicai replicate sambanova scaleway together wavespeed zai-org
    """
)
"""What the Hub's router of inference providers puts behind a colon: the model is one of the Hub's."""

HOSTED_OWNERS = _words(
    """
    ai ai21 aiml aleph_alpha amazon amazon-bedrock anthropic anyscale azure azure_ai azure_openai azure-openai bedrock
    cerebras clarifai cloudflare codestral cohere cohere_chat databricks-meta deepgram deepinfra elevenlabs empower
    fireworks fireworks_ai friendliai galadriel gemini github github_copilot gigachat gradient_ai groq inflection
    infinity jina_ai lm_studio maritalk meta meta_llama mistral moonshot nebius novita nvidia_nim ollama ollama_chat
    openrouter palm perplexity petals predibase replicate sagemaker sambanova snowflake_cortex
    text-completion-openai together together_ai togethercomputer-api topaz triton vertex_ai vertex_ai_beta
    volcengine voyage watsonx x-ai xai xinference z-ai zai
    """
)
"""Providers of LiteLLM, OpenRouter and their like; amazon and cohere publish under other names on the Hub."""

HUB_MODELS_OF_HOSTED_OWNERS = re.compile(
    r"amazon/(?:chronos|falconlite|lightgpt|mistrallite|fortuna|qwen)|cerebras/(?:cerebras|btlm|llama|glm|qwen)",
    re.IGNORECASE,
)
"""Models on the Hub whose owner is also the name of a provider."""

HOSTED_MODELS = re.compile(
    r"openai/(?:gpt-(?:3|4|5|image|audio|realtime)|gpt-oss-\w+:free|o[1345](?:\b|-)|chatgpt|codex|code-|computer-use"
    r"|dall-e|davinci|babbage|ada\b|sora|text-(?:embedding|davinci|moderation|ada)|tts-|whisper-1$|omni-|gpt4)"
    r"|google/(?:gemini|palm|text-bison|chat-bison|text-embedding-0|text-multilingual-embedding|imagen-|veo-)"
    r"|mistralai/(?:mistral-(?:tiny|small|medium|large)(?:-latest|-2\d{3})?$|codestral-(?:latest|\d{4}$)"
    r"|ministral-\db(?:-latest)?$|pixtral-large(?:-latest)?$|mistral-embed|open-)"
    r"|deepseek/|qwen/qwen-(?:max|plus|turbo|vl-max|vl-plus)|nousresearch/.*:free|minimax/|meta/meta-llama"
    r"|stabilityai/stable-image|cohere/|databricks/databricks-",
    re.IGNORECASE,
)
"""Names of models that only an API serves, with an owner that also publishes on the Hub."""

HOSTED_BARE = re.compile(
    r"(?:gpt-(?:3|4|5)|chatgpt-|claude-|gemini-|text-(?:embedding|davinci|moderation)-|davinci-|dall-e-|o[134](?:-|$)"
    r"|whisper-1$|tts-1|mistral-(?:tiny|small|medium|large)-|command-(?:r|light|nightly)|voyage-\d|grok-|sonar|nova-"
    r"|embed-(?:english|multilingual)-|rerank-(?:english|multilingual|v)|deepseek-(?:chat|reasoner|coder)$|codestral-)",
    re.IGNORECASE,
)
"""The same without an owner."""

NOT_MODELS = _words(
    """
    api-inference blog chat collections contact dashboard datasets docs enterprise hub huggingface-hub inference
    inference-api inference-endpoints join landing learn login logout metrics models new notifications organizations
    papers posts pricing privacy search security settings spaces subscribe support tasks terms-of-service welcome
    playground deploy storage buckets changelog jobs brand
    """
)
"""First parts of addresses on huggingface.co that are not the owner of a model."""

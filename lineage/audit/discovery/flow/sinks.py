"""The calls that load a model, and which of their arguments name it: a table, after the libraries' own signatures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Sink(NamedTuple):
    """Say where a call has the id of its model.

    `position` is that of the id among the positional arguments, None if it is only given by keyword; the keyword `a.b`
    is the item b of the keyword a. `roots` are the packages one of which must have been imported for a name as ordinary
    as `load`; empty for a name that is not. `others` are keywords of further models. `addressed` accepts only ids in an
    address (`hf-hub:org/x`), `owned` only those with an owner. `output` is a call that writes the model.
    """

    position: int | None
    keywords: tuple[str, ...]
    roots: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    addressed: bool = False
    owned: bool = False
    output: bool = False


_NAME_OR_PATH = ("pretrained_model_name_or_path", "model_name_or_path")
_MODEL_NAME = ("model_name", "model")
_REPO = ("repo_id", "repo", "model_id")
_TRANSFORMERS = (
    "transformers",
    "optimum",
    "adapters",
    "happytransformer",
    "kokoro_pipeline",
    "@huggingface",
    "@xenova",
)
_VLLM = ("vllm", "lmdeploy", "tensorrt_llm", "sglang", "openllm", "nemo", "cosmos", "modal", "nanovllm", "aphrodite")

SINKS: dict[str, tuple[Sink, ...]] = {}
"""The calls, by the last part of their name."""


def _add(names: str, sink: Sink) -> None:
    for name in names.split():
        SINKS[name] = (*SINKS.get(name, ()), sink)


_add(
    "from_pretrained",
    Sink(
        0,
        (
            *_NAME_OR_PATH,
            "repo_id",
            "pretrained_model_name",
            "model_id",
            "model_name",
            "pretrained",
            "model",
            "name",
            "path",
        ),
        others=("custom_pipeline", "tokenizer", "tokenizer_name", "speculative_model"),
    ),
)
_add("from_quantized", Sink(0, (*_NAME_OR_PATH, "quant_path", "model_id")))
_add("from_hparams foreign_class", Sink(0, ("source",), owned=True))
_add("from_finetuned", Sink(0, ("model_name_or_path",)))
_add("from_single_file load_state_dict_from_url", Sink(0, ("pretrained_model_link_or_path", "url"), addressed=True))
_add("from_preset", Sink(0, ("preset",), addressed=True))
_add("from_encoder_decoder_pretrained", Sink(0, ("encoder_pretrained_model_name_or_path",)))
_add("from_encoder_decoder_pretrained", Sink(1, ("decoder_pretrained_model_name_or_path",)))
_add("from_vision_text_pretrained", Sink(0, ("vision_model_name_or_path",)))
_add("from_vision_text_pretrained", Sink(1, ("text_model_name_or_path",)))
_add("from_pretrained_keras from_pretrained_fastai", Sink(0, ("repo_id", *_NAME_OR_PATH)))
_add("from_model_id", Sink(0, ("model_id",)))
_add("from_hub load_from_hub from_huggingface from_hf_hub", Sink(0, (*_REPO, "model_name"), owned=True))
_add(
    "load_lora_weights load_textual_inversion load_ip_adapter load_attn_procs load_lora_adapter load_lora",
    Sink(0, ("pretrained_model_name_or_path_or_dict", "pretrained_model_name_or_path"), owned=True),
)
_add("load_adapter", Sink(0, ("peft_model_id", "adapter_name_or_path", "model_id"), owned=True))
_add(
    "hf_hub_download snapshot_download hf_hub_url cached_download try_to_load_from_cache model_info list_repo_files"
    " get_hf_file_metadata repo_info file_exists list_repo_tree get_paths_info list_repo_refs list_repo_commits"
    " get_safetensors_metadata load_state_dict_from_hub hf_download snapshot_download_hf cached_file download_model_hf"
    " auth_check repo_exists revision_exists downloadFileToCacheDir downloadFile listFiles modelInfo snapshotDownload",
    Sink(
        0,
        ("repo_id", "repo", "model_id", "name", "path_or_repo_id"),
        roots=("huggingface_hub", "transformers", "@huggingface", ""),
    ),
)
_add(
    "pipeline",
    Sink(
        1,
        ("model",),
        roots=(*_TRANSFORMERS, ""),
        others=("tokenizer", "feature_extractor", "image_processor", "config"),
    ),
)
_add("pipeline serve", Sink(0, ("model_path",), roots=("lmdeploy",), owned=True))
_add("generate", Sink(None, ("custom_generate",), owned=True))
_add("AutoConfig AutoTokenizer AutoModel", Sink(0, ("name",)))
_add("SentenceTransformer SparseEncoder StaticEmbedding", Sink(0, ("model_name_or_path", "model_name")))
_add("CrossEncoder", Sink(0, ("model_name_or_path", "model_name")))
_add("LLM", Sink(0, ("model",), roots=(*_VLLM, ""), others=("tokenizer", "speculative_model"), owned=True))
_add(
    "EngineArgs AsyncEngineArgs LLMEngine LLMArgs",
    Sink(0, ("model", "model_path"), others=("tokenizer", "speculative_model")),
)
_add("Engine Runtime ServerArgs", Sink(0, ("model_path", "model"), roots=("sglang", "lmdeploy", "sgl"), owned=True))
_add("LoRARequest", Sink(2, ("lora_path", "lora_local_path"), owned=True))
_add("VLLM VLLMOpenAI", Sink(0, ("model",), owned=True))
_add("Llama", Sink(None, ("repo_id",)))
_add("vLLMEngineProcessorConfig SGLangEngineProcessorConfig", Sink(0, ("model_source", "model"), owned=True))
_add(
    "HuggingFaceEmbeddings HuggingFaceBgeEmbeddings HuggingFaceInstructEmbeddings SentenceTransformerEmbeddings"
    " HuggingFaceInferenceAPIEmbeddings HuggingFaceCrossEncoder SentenceTransformersTokenTextSplitter"
    " HuggingFaceEmbedding HuggingFaceInferenceAPI HuggingFaceInferenceAPIEmbedding OptimumEmbedding"
    " InstructorEmbedding"
    " SentenceTransformerEmbeddingFunction HuggingFaceEmbeddingFunction HuggingFaceTransformersEmbeddings"
    " HuggingFaceInferenceEmbeddings IpexLLMBgeEmbeddings SelfHostedHuggingFaceEmbeddings FastEmbedEmbeddings"
    " FastEmbedEmbedding TextEmbedding SparseTextEmbedding LateInteractionTextEmbedding SentenceTransformersEmbeddings",
    Sink(0, ("model_name", "model", "modelName", "model_id", "modelType"), owned=False),
)
_add("HuggingFaceLLM", Sink(None, ("model_name", "model"), others=("tokenizer_name",)))
_add(
    "HuggingFaceEndpoint HuggingFaceHub HuggingFaceEndpointEmbeddings HuggingFaceHubEmbeddings HuggingFacePipeline"
    " ChatHuggingFace HuggingFaceInference HuggingFaceTextGenInference",
    Sink(None, ("repo_id", "model_id", "model", "endpoint_url"), owned=True),
)
_add(
    "SentenceTransformerRerank FlagEmbeddingReranker ColbertRerank RankLLMRerank CrossEncoderReranker"
    " LLMLinguaPostprocessor"
    " PromptCompressor LongLLMLinguaPostprocessor",
    Sink(None, ("model", "model_name"), others=("tokenizer",)),
)
_add(
    "SentenceTransformersTextEmbedder SentenceTransformersDocumentEmbedder SentenceTransformersRanker"
    " SentenceTransformersDiversityRanker TransformersSimilarityRanker SentenceTransformersSimilarityRanker"
    " SentenceTransformersSparseTextEmbedder SentenceTransformersSparseDocumentEmbedder HuggingFaceLocalGenerator"
    " HuggingFaceLocalChatGenerator HuggingFaceTGIGenerator HuggingFaceTGIChatGenerator ExtractiveReader"
    " TransformersTextRouter TransformersZeroShotTextRouter TransformersZeroShotDocumentClassifier",
    Sink(0, ("model", "model_name_or_path")),
)
_add(
    "HuggingFaceAPIGenerator HuggingFaceAPIChatGenerator HuggingFaceAPITextEmbedder HuggingFaceAPIDocumentEmbedder",
    Sink(None, ("api_params.model",), owned=True),
)
_add("Transformer CLIPModel", Sink(0, ("model_name_or_path", "model_name"), roots=("sentence_transformers",)))
_add("NamedEntityExtractor", Sink(None, ("model",)))
_add(
    "FARMReader TransformersReader EmbeddingRetriever PromptNode",
    Sink(None, ("model_name_or_path", "embedding_model"), owned=True),
)
_add(
    "FlagModel BGEM3FlagModel FlagReranker FlagLLMReranker FlagLLMModel LayerWiseFlagLLMReranker FlagICLModel"
    " LightWeightFlagLLMReranker BGEM3EmbeddingFunction VisualizedBGE Visualized_BGE",
    Sink(0, ("model_name_or_path", "model_name", "model_name_bge"), owned=True),
)
_add(
    "Reranker INSTRUCTOR EncoderModel LateInteraction",
    Sink(0, ("model_name", "model_name_or_path", "model"), owned=True),
)
_add("TransformerWordEmbeddings TransformerDocumentEmbeddings", Sink(0, ("model",)))
_add("SequenceTagger TextClassifier MultiTagger", Sink(None, ("model_path",), owned=True))
_add(
    "load",
    Sink(
        0,
        ("path_or_hf_repo", "model_name", "model_path"),
        roots=("mlx_lm", "mlx_vlm", "mlx_whisper", "mlx_audio", "mlx_embeddings", "flair"),
        owned=True,
    ),
)
_add("load", Sink(0, ("name",), roots=("gradio",), owned=True))
_add("Embeddings", Sink(0, ("path",), roots=("txtai",), owned=True))
_add(
    "Summary Labels Similarity Extractor Translation Transcription Caption Questions HFTrainer RAG LLM",
    Sink(0, ("path",), roots=("txtai",), owned=True),
)
_add("HuggingFaceEncoder", Sink(0, ("name",), roots=("semantic_router",), owned=True))
_add("loadModelFromHF", Sink(0, ("repo",), owned=True))
_add("huggingface createHuggingFace", Sink(0, (), roots=("@ai-sdk", ""), owned=True))
_add("score", Sink(None, ("model_type",), roots=("bert_score",), owned=True))
_add("transcribe", Sink(None, ("path_or_hf_repo",), owned=True))
_add(
    "load_model",
    Sink(
        0,
        ("model_path", "path_or_hf_repo", "model_name"),
        roots=("mlx_vlm", "mlx_audio", "mlx_lm", "gliner", "model2vec", "mlx_embeddings"),
        owned=True,
    ),
)
_add("download_model", Sink(0, ("model",), roots=("comet",), owned=True))
_add("StaticModel", Sink(None, ("path",), owned=True))
_add("WhisperModel BatchedWhisperModel", Sink(0, ("model_size_or_path",), owned=True))
_add("BERTopic KeyBERT", Sink(None, ("embedding_model", "model"), owned=False))
_add("BERTScorer BERTScore", Sink(None, ("model_type", "model_name_or_path"), owned=True))
_add("CLIPScore CLIPImageQualityAssessment", Sink(None, ("model_name_or_path",), owned=True))
_add(
    "InferenceClient AsyncInferenceClient InferenceApi HfInferenceEndpoint",
    Sink(0, ("model", "repo_id"), owned=True),
)
_add(
    "text_generation chat_completion feature_extraction text_to_image text_to_speech automatic_speech_recognition"
    " summarization token_classification text_classification zero_shot_classification image_to_text"
    " image_classification"
    " question_answering fill_mask sentence_similarity object_detection image_segmentation translation image_to_image"
    " visual_question_answering document_question_answering table_question_answering audio_classification text_to_video"
    " textGeneration textGenerationStream chatCompletion chatCompletionStream featureExtraction textToImage"
    " textToSpeech"
    " automaticSpeechRecognition tokenClassification textClassification zeroShotClassification imageToText"
    " imageClassification questionAnswering fillMask sentenceSimilarity objectDetection imageSegmentation"
    " imageToImage visualQuestionAnswering documentQuestionAnswering tableQuestionAnswering audioClassification"
    " textToVideo zeroShotImageClassification audioToAudio conversational",
    Sink(None, ("model",), owned=True),
)
_add(
    "SFTTrainer DPOTrainer KTOTrainer ORPOTrainer RewardTrainer GRPOTrainer PPOTrainer OnlineDPOTrainer"
    " RLOOTrainer CPOTrainer"
    " GKDTrainer XPOTrainer",
    Sink(0, ("model",), others=("reward_funcs", "ref_model", "teacher_model"), owned=True),
)
_add("ModelConfig ScriptArguments ModelArguments", Sink(None, ("model_name_or_path",), owned=True))
_add("LoraConfig PeftConfig", Sink(None, ("base_model_name_or_path",), owned=True))
_add(
    "HfApiModel InferenceClientModel TransformersModel VLLMModel MLXModel",
    Sink(0, ("model_id",), owned=True),
)
_add("TransformersConverter", Sink(0, ("model_name_or_path",), owned=True))
_add("HuggingFaceModel", Sink(0, ("model_id", "repo_id", "model_name"), roots=("bentoml", "kserve", ""), owned=True))
_add(
    "Transformers TransformersChat transformers vllm mlxlm exllamav2 llamacpp",
    Sink(0, ("model", "model_name"), roots=("guidance", "outlines", "lmql"), owned=True),
)
_add("HFModel HFClientVLLM HFClientTGI", Sink(0, ("model",), owned=True))
_add("HFLM", Sink(None, ("pretrained",), owned=True))
_add("CLIPTextEmbedder ImageEmbedding", Sink(0, ("model_name",), owned=True))
_add("ColPali ColQwen2 Blip2Processor ClipEncoder", Sink(None, _NAME_OR_PATH, owned=True))
_add(
    "create_model create_model_and_transforms create_model_from_pretrained get_tokenizer list_pretrained_cfgs",
    Sink(0, ("model_name", "pretrained"), addressed=True),
)
_add("Inference Model Pipeline", Sink(0, ("model", "checkpoint"), roots=("pyannote",), owned=True))
_add("GLiNER GLiClassModel Extractor", Sink(None, ("model_name",), owned=True))
_add("ModelClient HfModelImportConfiguration ModelRunner", Sink(None, ("hf_model_id",), owned=True))
_add("resolve_embed_model", Sink(0, ("embed_model",), owned=True))
_add("from_pretrained_model load_pretrained_model", Sink(0, ("model_name", *_NAME_OR_PATH, "model_path"), owned=True))
_add(
    "push_to_hub push_to_hub_keras push_to_hub_fastai push_to_hub_gguf push_to_hub_merged",
    Sink(0, ("repo_id", "repo_name"), owned=True, output=True),
)
_add(
    "create_repo upload_file upload_folder create_commit upload_large_folder",
    Sink(0, ("repo_id",), owned=True, output=True),
)

DEFAULTED = frozenset(
    {
        *("HuggingFaceEmbeddings", "HuggingFaceInstructEmbeddings", "HuggingFaceBgeEmbeddings", "HuggingFaceEmbedding"),
        *("SentenceTransformerEmbeddings", "SentenceTransformerEmbeddingFunction", "TextEmbedding", "KeyBERT"),
        *("HuggingFaceTransformersEmbeddings", "SentenceTransformersTextEmbedder", "BERTopic"),
        "SentenceTransformersDocumentEmbedder",
    }
)
"""Calls that load a model of the library's choice where they name none."""

TASKS = re.compile(
    r"(?:audio|image|text|text2text|token|video|zero-shot(?:-\w+)?)-(?:classification|generation)|sentiment-analysis|ner"
    r"|automatic-speech-recognition|(?:depth|keypoint)-\w+|document-question-answering|feature-extraction|fill-mask"
    r"|image-(?:feature-extraction|segmentation|to-image|to-text|text-to-text)|image-text-to-text|mask-generation|vqa"
    r"|object-detection|zero-shot-object-detection|(?:table-|visual-)?question-answering|summarization|text-to-\w+"
    r"|translation(?:_\w+_to_\w+)?|any-to-any|conversational|background-removal|image-matching"
)
"""Tasks for each of which `pipeline` has a model of its own."""

REGISTRIES = frozenset({"timm", "open_clip"})
"""Packages that load weights for a bare name where the call asks for some by `pretrained`."""

PEFT = Sink(1, ("model_id", "peft_model_id"), owned=True)
"""`PeftModel.from_pretrained(base, adapter)`: the adapter is the second argument."""

MAKERS = frozenset({"createHuggingFace"})
"""Calls that make a function which takes the id of a model; the function has the sink of its maker."""

LOCAL_EMBEDDERS = frozenset({"sentence-transformers", "huggingface", "colbert", "gte-text", "siglip"})
"""Names under which lancedb keeps embedders that load a model of the Hub."""

FLAIR = frozenset({"SequenceTagger", "TextClassifier", "Classifier", "MultiTagger", "RelationExtractor"})
"""Classes of flair, which load a model by `load`."""

STRONG_KEYWORDS = frozenset(
    {
        *(
            "pretrained_model_name_or_path",
            "model_name_or_path",
            "base_model_name_or_path",
            "hf_model_id",
            "hf_model_name",
        ),
        *(
            "hf_repo_id",
            "hf_repo",
            "path_or_hf_repo",
            "embedding_model_name",
            "embed_model_name",
            "reranker_model_name",
        ),
        *("model_source", "tokenizer_name_or_path", "draft_model_name_or_path", "base_model_id", "hf_model", "hf_name"),
        *("model_name", "model_id", "base_model", "embedding_model", "base_model_name", "pretrained_model", "hf_path"),
        *("pretrained_model_name", "tokenizer_name", "tokenizer_id", "model_repo", "huggingface_id", "hub_id", "hf_id"),
        *("checkpoint_name", "encoder_name", "reranker_model", "embed_model", "draft_model", "model_type_or_path"),
        *("rerank_model", "llm_model_name", "model_repo_id", "backbone_name", "teacher_model", "reward_model"),
    }
)
"""Keywords that name a model in whatever call has them: the id is then likely."""

HOSTED = frozenset(
    {"openai", "litellm", "anthropic", "together", "groq", "fireworks", "openrouter", "cohere", "ollama", "replicate"}
)
"""Packages of services that run models under names of their own."""

HOSTED_CALLS = frozenset(
    [
        "ChatOpenAI",
        "OpenAI",
        "AzureChatOpenAI",
        "OpenAIEmbeddings",
        "ChatAnthropic",
        "ChatLiteLLM",
        "LiteLLM",
        "LiteLLMModel",
        "OpenAIServerModel",
        "OpenAIModel",
        "completion",
        "acompletion",
        "create",
        "OpenAIChatModel",
        "LM",
        "ChatGroq",
        "Together",
        "ChatTogether",
        "ChatFireworks",
        "OpenAILike",
        "OpenRouter",
        "ChatOpenRouter",
        "Replicate",
        "OpenAIChatGenerator",
        "OpenAIGenerator",
        "ChatOllama",
        "Ollama",
        "OllamaEmbeddings",
        "ChatDatabricks",
        "init_chat_model",
        "Agent",
        "Groq",
        "embedding",
        "aembedding",
        "ChatNVIDIA",
        "NVIDIAEmbeddings",
        "OllamaLLM",
        "DeepInfra",
        "ChatDeepInfra",
        "Fireworks",
    ]
)
"""Calls that name a model of a service, whose names look like those of the Hub."""

REVISION_KEYWORDS = ("revision", "model_revision", "commit_hash", "git_revision", "hf_revision", "repo_revision")
REVISIONS_OF_OTHERS = {"custom_pipeline": "custom_revision"}
"""Keywords of further models whose revision has another name than `NAME_revision`."""

FILES_OF_OTHERS = {"custom_pipeline": "pipeline.py"}
"""Files that a call reads of a further model; diffusers runs this one, also without `trust_remote_code`."""

FILE_KEYWORDS = (
    *("filename", "weight_name", "model_file", "gguf_file", "file_name", "model_basename", "model_filename", "path"),
    *("hf_filename", "allow_patterns"),
)


def sinks_of(name: str, root: str) -> Iterator[Sink]:
    """Return the sinks of a call by the last part of its name and the package that it is imported from.

    `root` is empty where the source does not import the name, as in an excerpt.
    """
    for sink in SINKS.get(name, ()):
        if not sink.roots or root in sink.roots:
            yield sink

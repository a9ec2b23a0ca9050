# %%
import evaluate
from transformers import AutoModel
from lpips import LPIPS
from torchmetrics.multimodal.clip_score import CLIPScore
from keybert import KeyBERT
from bertopic import BERTopic
from bert_score import score

# %%
metric = CLIPScore(model_name_or_path="openai/clip-vit-large-patch14")
bleu = evaluate.load("sacrebleu")
keys = KeyBERT(model="sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2")
topics = BERTopic(embedding_model="thenlper/gte-small", language="multilingual")
P, R, F1 = score(["a"], ["b"], model_type="microsoft/deberta-xlarge-mnli")

# %%
comparisons = {"a/b": 0.3, "train/val": 0.8}

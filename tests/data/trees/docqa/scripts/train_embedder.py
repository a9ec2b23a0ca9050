from datasets import load_dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments, losses
from sentence_transformers import models

word = models.Transformer("FacebookAI/xlm-roberta-base", max_seq_length=256)
pooling = models.Pooling(word.get_word_embedding_dimension(), pooling_mode="mean")
student = SentenceTransformer(modules=[word, pooling])
teacher = SentenceTransformer(model_name_or_path="sentence-transformers/paraphrase-mpnet-base-v2", device="cuda")

args = SentenceTransformerTrainingArguments(
    output_dir="models/xlmr-contracts",
    run_name="acme/xlmr-contracts",
    hub_model_id="acme/xlmr-contracts",
    push_to_hub=True,
)
train = load_dataset("sentence-transformers/parallel-sentences-talks", "en-de", split="train")
trainer = SentenceTransformerTrainer(model=student, args=args, train_dataset=train, loss=losses.MSELoss(model=student))
trainer.train()

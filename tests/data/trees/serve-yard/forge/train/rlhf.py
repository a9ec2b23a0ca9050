import fire
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, pipeline
from trl import AutoModelForCausalLMWithValueHead, DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, PPOConfig, PPOTrainer

TEMPLATE = "Score from 1/10 to 10/10. You are gpt2/xl, a judge. {text}"

config = PPOConfig(
    model_name="lvwerra/gpt2-imdb",
    learning_rate=1.41e-5,
    log_with="wandb",
)
sent_kwargs = {"top_k": None, "function_to_apply": "none", "batch_size": 16}


def ppo():
    model = AutoModelForCausalLMWithValueHead.from_pretrained(config.model_name)
    ref_model = AutoModelForCausalLMWithValueHead.from_pretrained(config.model_name)
    tokenizer = AutoTokenizer.from_pretrained(config.model_name)
    sentiment_pipe = pipeline("sentiment-analysis", "lvwerra/distilbert-imdb", device=0)
    return PPOTrainer(config, model, ref_model, tokenizer), sentiment_pipe, sent_kwargs


def dpo(
    policy: str = "alignment-handbook/zephyr-7b-sft-full",
    reference: str = "alignment-handbook/zephyr-7b-sft-qlora",
    dataset: str = "trl-lib/ultrafeedback_binarized",
    out: str = "runs/dpo",
):
    model = AutoModelForCausalLM.from_pretrained(policy)
    ref = AutoModelForCausalLM.from_pretrained(reference)
    data = load_dataset(dataset, split="train")
    DPOTrainer(model=model, ref_model=ref, args=DPOConfig(output_dir=out), train_dataset=data).train()


def grpo():
    def brevity(completions, **kwargs):
        return [-abs(20 - len(c)) for c in completions]

    trainer = GRPOTrainer(
        model="Qwen/Qwen2-0.5B-Instruct",
        reward_funcs=brevity,
        args=GRPOConfig(output_dir="runs/grpo"),
        train_dataset=load_dataset("trl-lib/tldr", split="train"),
    )
    trainer.train()


def reward(text: str):
    rm = "OpenAssistant/reward-model-deberta-v3-large-v2"
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(rm), AutoTokenizer.from_pretrained(rm)
    return model(**tokenizer(TEMPLATE.format(text=text), return_tensors="pt")).logits


if __name__ == "__main__":
    fire.Fire({"ppo": ppo, "dpo": dpo, "grpo": grpo})

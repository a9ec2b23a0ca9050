import click
from transformers import AutoModelForSequenceClassification, AutoTokenizer


@click.command()
@click.option("--reward-model", "reward", default="OpenAssistant/reward-model-deberta-v3-large-v2", show_default=True)
@click.option("--repo-type", default="dataset")
def main(reward, repo_type):
    model = AutoModelForSequenceClassification.from_pretrained(reward)
    tokenizer = AutoTokenizer.from_pretrained(reward)


if __name__ == "__main__":
    main()

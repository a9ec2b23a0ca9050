import sys

from datasets import load_dataset
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageClassification,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
)

from args import DataArguments, ModelArguments


def main():
    parser = HfArgumentParser((ModelArguments, DataArguments, TrainingArguments))
    if len(sys.argv) == 2 and sys.argv[1].endswith(".json"):
        model_args, data_args, training_args = parser.parse_json_file(sys.argv[1])
    else:
        model_args, data_args, training_args = parser.parse_args_into_dataclasses()
    dataset = load_dataset(data_args.dataset_name)
    config = AutoConfig.from_pretrained(model_args.model_name_or_path, revision=model_args.model_revision)
    model = AutoModelForImageClassification.from_pretrained(
        model_args.model_name_or_path, config=config, revision=model_args.model_revision
    )
    processor = AutoImageProcessor.from_pretrained(
        model_args.image_processor_name or model_args.model_name_or_path, revision=model_args.model_revision
    )
    teacher = AutoModelForImageClassification.from_pretrained(model_args.teacher)
    trainer = Trainer(model=model, args=training_args, train_dataset=dataset["train"], tokenizer=processor)
    trainer.train()
    trainer.push_to_hub()


if __name__ == "__main__":
    main()

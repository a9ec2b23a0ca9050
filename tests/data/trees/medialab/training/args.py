from dataclasses import dataclass, field
from typing import Optional


@dataclass
class ModelArguments:
    model_name_or_path: str = field(
        default="google/vit-base-patch16-224-in21k",
        metadata={"help": "Path to pretrained model or model identifier from huggingface.co/models"},
    )
    model_revision: str = field(default="main", metadata={"help": "branch, tag or commit"})
    image_processor_name: Optional[str] = field(default=None)
    teacher: Optional[str] = field(default="facebook/deit-base-distilled-patch16-224", metadata={"help": "teacher"})


@dataclass
class DataArguments:
    dataset_name: Optional[str] = field(default="ethz/food101")
    image_column_name: str = "image/bytes"

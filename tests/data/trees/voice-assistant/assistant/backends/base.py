from abc import ABC, abstractmethod


class Backend(ABC):
    model_id: str
    revision: str = "main"

    def load(self):
        from transformers import AutoModelForSpeechSeq2Seq, AutoProcessor

        self.processor = AutoProcessor.from_pretrained(self.model_id, revision=self.revision)
        self.model = AutoModelForSpeechSeq2Seq.from_pretrained(self.model_id, revision=self.revision)
        return self

    @abstractmethod
    def run(self, audio): ...

from claims.nlp.models import Summarizer, ocr

__all__ = ["Summarizer", "ocr"]

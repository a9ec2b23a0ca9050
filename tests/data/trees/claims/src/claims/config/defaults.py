__all__ = ["SUMMARY_MODEL", "ZERO_SHOT", "LANG_MODELS"]
SUMMARY_MODEL = "google/pegasus-xsum"
ZERO_SHOT = ("valhalla/distilbart-mnli-12-3", "a8c1ff7")
LANG_MODELS = {
    lang: f"Helsinki-NLP/opus-mt-{lang}-en" for lang in ("de", "fr")
}

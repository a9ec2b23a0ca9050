from transformers import AutoImageProcessor, AutoModelForCausalLM, AutoModelForObjectDetection, AutoProcessor

from .registry import Captioners, Detector


def captioner(which: Captioners = Captioners.BLIP):
    spec = which.value
    processor = AutoProcessor.from_pretrained(spec.repo_id, revision=spec.revision, trust_remote_code=True)
    model = AutoModelForCausalLM.from_pretrained(spec.repo_id, revision=spec.revision, trust_remote_code=True)
    return processor, model


def detector(which: Detector):
    name = which.value
    return AutoImageProcessor.from_pretrained(name), AutoModelForObjectDetection.from_pretrained(name)

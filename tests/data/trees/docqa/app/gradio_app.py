import gradio as gr
from transformers import AutoModelForDocumentQuestionAnswering, AutoProcessor

CHECKPOINTS = ["impira/layoutlm-document-qa", "naver-clova-ix/donut-base-finetuned-docvqa"]
cache = {}


def answer(image, question, checkpoint):
    if checkpoint not in cache:
        cache[checkpoint] = (
            AutoProcessor.from_pretrained(checkpoint),
            AutoModelForDocumentQuestionAnswering.from_pretrained(checkpoint),
        )
    return str(cache[checkpoint])


with gr.Blocks() as demo:
    picture = gr.Image(type="filepath")
    question = gr.Textbox(label="Question")
    checkpoint = gr.Dropdown(choices=CHECKPOINTS, value=CHECKPOINTS[0], label="Model")
    out = gr.Textbox()
    gr.Button("Ask").click(answer, [picture, question, checkpoint], out)

summary = gr.load("models/facebook/bart-large-cnn")
other = gr.load("spaces/acme/docqa")

if __name__ == "__main__":
    demo.launch()

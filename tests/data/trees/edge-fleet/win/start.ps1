$Model = "brook/win-chat"
docker run --rm -p 8000:8000 vllm/vllm-openai:latest --model $Model
huggingface-cli download brook/win-extra --local-dir .\models

$Model = "Xenova/multilingual-e5-small"
huggingface-cli download $Model --local-dir models\e5
Invoke-WebRequest -Uri "https://huggingface.co/rhasspy/piper-checkpoints/resolve/main/de/de_DE/thorsten/low/config.json" -OutFile config.json


package main

// from https://huggingface.co/brook/old
const url = "https://huggingface.co/brook/asr/resolve/main/tokens.txt"

func main() {
	path, err := hugot.DownloadModel("brook/go-encoder", "./models", hugot.NewDownloadOptions())
	_, _ = path, err
	_ = "text/html"
}

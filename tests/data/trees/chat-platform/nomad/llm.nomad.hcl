job "llm" {
  group "g" {
    task "engine" {
      driver = "docker"
      config {
        image = "vllm/vllm-openai:v0.6.3"
        args  = ["--model", "plum/chat-13b", "--revision", "b1b2b3b4c5c6c7c8d9d0e1e2f3f4a5a6b7b8c9c0"]
      }
      env {
        EMBEDDER_ID = "plum/doc-embed"
      }
    }
  }
}

variable "TAG" { default = "latest" }
target "app" {
  args = {
    EMBED_MODEL = "brook/embed-small"
  }
  tags = ["brook/app:${TAG}"]
}

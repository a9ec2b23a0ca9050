{ pkgs, ... }:
{
  jina = pkgs.fetchurl {
    url = "https://huggingface.co/jinaai/jina-reranker-v2-base-multilingual/resolve/126747772a932960028d9f4dc93bd5d9c4869be4/model.safetensors";
    hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  };
  src = pkgs.fetchFromGitHub { owner = "acme"; repo = "doc-desk"; rev = "v1"; };
}


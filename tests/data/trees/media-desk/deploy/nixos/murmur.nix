{ config, pkgs, lib, ... }:
let
  voice = pkgs.fetchurl {
    url = "https://huggingface.co/rhasspy/piper-voices/resolve/v1.0.0/de/de_DE/thorsten/medium/de_DE-thorsten-medium.onnx";
    hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  };
  ggml = pkgs.fetchurl {
    url = "https://huggingface.co/ggerganov/whisper.cpp/resolve/5359861c739e955e79d9a303bcbc70fb988958b1/ggml-base.en.bin";
    hash = "sha256-BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB=";
  };
in
{
  services.wyoming.piper.servers.counter = {
    enable = true;
    voice = "de_DE-thorsten-medium";
    uri = "tcp://0.0.0.0:10200";
  };
  environment.etc."murmur/voice.onnx".source = voice;
  environment.etc."murmur/ggml.bin".source = ggml;
  environment.variables.TZ = "Europe/Berlin";
}

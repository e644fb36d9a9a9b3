"""Models in GGUF files, run by llama.cpp behind the same seam: found, read, tokenizer rebuilt, rows edited."""

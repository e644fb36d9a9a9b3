"""How the default model is made: corpus, examples, network, training, export, model card."""

"""What the model is shown: fill-in-the-middle templates, the window of a long document, rows and positions."""

"""The model behind one seam: loading a checkpoint, its rotary positions, its forward over arbitrary slots."""

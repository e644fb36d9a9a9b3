"""What the workspace's other files say beside the model: counts of what followed the same tokens there. No model."""

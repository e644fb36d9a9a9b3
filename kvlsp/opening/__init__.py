"""From settings to a model that serves: loaded, its repair budget and memory measured, its quality gate looked up."""

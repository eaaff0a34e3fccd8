"""The payments command: deploy, verify and look into the pipeline."""

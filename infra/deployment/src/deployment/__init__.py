"""The pipeline in containers: compose from the local stack's settings."""

"""What every service shares and that knows nothing of payments."""

"""How good the models' verdicts are, offline: `make evaluate`."""

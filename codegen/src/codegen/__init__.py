"""Derives everything that the contracts say."""

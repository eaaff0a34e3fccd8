"""Erases what is stored of a merchant or of a customer, in the lake and in the operational database."""

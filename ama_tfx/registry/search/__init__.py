"""Searches: their grammar, their values, and what they find."""

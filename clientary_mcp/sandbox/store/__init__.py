"""The embedded account's tables."""

"""Figures from records: pure functions, no input or output."""

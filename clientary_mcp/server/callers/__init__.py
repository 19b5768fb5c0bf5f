"""Callers: who calls, with whose credential, and what they may do."""

"""Clientary's API, as the sandbox speaks it."""

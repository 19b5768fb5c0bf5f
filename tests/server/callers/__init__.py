"""Tests of callers: the vault, and signing in."""

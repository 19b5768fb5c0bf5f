"""Tests of bank lines: reading and matching them."""

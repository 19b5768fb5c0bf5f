"""Tests of the pages that hosts show beside answers."""

"""Faults planted in a copy of the code, one at a time, to check that the short suite detects each of them."""

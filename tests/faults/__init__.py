"""Faults planted in a copy of the code, one at a time, to see that the short suite notices each of them."""

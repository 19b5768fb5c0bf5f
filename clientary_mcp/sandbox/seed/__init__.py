"""The records that the embedded account is filled with."""

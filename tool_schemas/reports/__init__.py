"""The arguments of reports, one module each."""

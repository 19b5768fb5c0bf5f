"""Controls for tests and trials: switches for undocumented behaviour, faults, and the ledger of writes."""

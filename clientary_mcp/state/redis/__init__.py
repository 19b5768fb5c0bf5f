"""The memory of replicas: what one process on SQLite remembers, kept in a Redis or Valkey that they share."""

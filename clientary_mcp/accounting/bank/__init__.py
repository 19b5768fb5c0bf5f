"""Bank lines as people export them, and which open invoices they pay: pure functions, without requests."""

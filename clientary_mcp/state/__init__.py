"""What the server remembers between calls: quotas and recent results."""

"""What serving a team costs: callers, replicas, and the Redis that they share."""

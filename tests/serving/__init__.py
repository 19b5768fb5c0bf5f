"""A server with callers as operators run it: replicas, one Redis, and a proxy that sends calls to any of them."""

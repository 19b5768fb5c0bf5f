"""The server in the configurations of hosts."""

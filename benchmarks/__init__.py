"""Measures the server's speed and size against a bare `MCPServer` in the same run."""

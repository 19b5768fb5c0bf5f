"""How fast and how big the server is, measured against a bare `MCPServer` in the same run."""

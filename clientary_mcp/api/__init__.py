"""The asynchronous client for one Clientary account; it knows no MCP."""

"""The MCP server: how one call travels from an agent to Clientary and back."""

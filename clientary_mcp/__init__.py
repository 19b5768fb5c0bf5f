"""An MCP server for Clientary: one session with one account, offered to agents as tools."""

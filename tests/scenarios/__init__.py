"""Jobs as people word them, played through the MCP client, and checked against the account's own tables."""

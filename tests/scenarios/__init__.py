"""Jobs as users phrase them, run through the MCP client and checked against the account's own tables."""

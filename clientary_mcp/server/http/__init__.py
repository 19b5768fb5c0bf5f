"""The server over HTTP: streamable HTTP and SSE."""

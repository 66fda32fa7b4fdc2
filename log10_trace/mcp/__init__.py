"""The MCP server: coding agents ask what the recorded calls did, and are answered through ``client/``."""

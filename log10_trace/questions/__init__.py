"""Questions that commands and tools ask alike, through the client: which call is meant, what it costs."""

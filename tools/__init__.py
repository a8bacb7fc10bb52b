"""What the agent sees: one file a tool."""

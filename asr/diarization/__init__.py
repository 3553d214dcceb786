"""Two speakers on one channel: who spoke when, and which of them is the agent."""

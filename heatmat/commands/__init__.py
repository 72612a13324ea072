"""The commands, a few to a file; what they need is imported when they run."""

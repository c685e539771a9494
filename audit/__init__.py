"""Remembers, and knows nobody: entries, the Merkle log, checkpoints, exports."""

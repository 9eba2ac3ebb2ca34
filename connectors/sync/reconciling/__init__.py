"""The ESP's list read back and compared with what should be on it, and repairs."""

"""The push inspector: an outside developer, with a token of one key, sees that key's calls and sends them again."""

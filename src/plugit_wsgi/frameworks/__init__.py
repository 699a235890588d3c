"""The library inside web frameworks: each module a few lines over the same public core."""

"""Templates of services: compiled once, rendered with an answer into a fragment. Two languages."""

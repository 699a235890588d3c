"""Templates of services: compiled once, rendered with an answer into a fragment. Django's language, and Jinja's."""

"""Who is told of events: the log, metrics, and whoever the host names."""

from .several import combine

__all__ = ["combine"]

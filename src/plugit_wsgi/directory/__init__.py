"""Users, organizations, memberships and subscriptions, for hosts without tables of their own."""

from .book import People
from .static import StaticDirectory

__all__ = ["People", "StaticDirectory"]

"""Users, organizations, memberships and subscriptions, for hosts without tables of their own."""

from .static import StaticDirectory

__all__ = ["StaticDirectory"]

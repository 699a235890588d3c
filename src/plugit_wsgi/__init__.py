"""Mount independent web services with a user interface into any WSGI application."""

from .config import Limits, Service, Stores, Variant
from .fragments import FragmentMarks
from .layout import BootstrapLayout, CapturedLayout
from .middleware import PlugItMiddleware
from .page import Fragment, Page
from .people import Membership, Organization, Rights, User

__all__ = [
    "BootstrapLayout",
    "CapturedLayout",
    "Fragment",
    "FragmentMarks",
    "Limits",
    "Membership",
    "Organization",
    "Page",
    "PlugItMiddleware",
    "Rights",
    "Service",
    "Stores",
    "User",
    "Variant",
]

"""Write a service: everything an author imports."""

from .api import PlugItAPI
from .app import ServiceApp
from .decorators import (
    action,
    address_in_networks,
    cache,
    crossdomain,
    fallback,
    json_only,
    no_template,
    only_admin_user,
    only_logged_user,
    only_member_user,
    only_orga_admin_user,
    only_orga_member_user,
    only_subscription,
    public,
    send_etag,
    user_info,
    xml_only,
)
from .folder import load_service
from .request import Request, get_session_from_request
from .results import PlugItRedirect, PlugItSendFile, PlugItSetSession

__all__ = [
    "PlugItAPI",
    "PlugItRedirect",
    "PlugItSendFile",
    "PlugItSetSession",
    "Request",
    "ServiceApp",
    "action",
    "address_in_networks",
    "cache",
    "crossdomain",
    "fallback",
    "get_session_from_request",
    "json_only",
    "load_service",
    "no_template",
    "only_admin_user",
    "only_logged_user",
    "only_member_user",
    "only_orga_admin_user",
    "only_orga_member_user",
    "only_subscription",
    "public",
    "send_etag",
    "user_info",
    "xml_only",
]

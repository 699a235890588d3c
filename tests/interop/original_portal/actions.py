# -*- coding: utf-8 -*-
"""Asks the host for everything it knows, inside an action, as services of the original did."""

import json

from plugit.api import PlugItAPI
from plugit.utils import action, only_logged_user, user_info

import config


@action(route="/everything/", template="everything.html")
@only_logged_user()
@user_info(props=["pk", "username", "email"])
def everything(request):
    api = PlugItAPI(config.API_URL)
    pk = request.args["ebuio_u_pk"]
    user = api.get_user(pk)
    told = {
        "asked": request.args["ebuio_u_username"],
        "user": [user.username, user.first_name, user.email],
        "of": [[each["name"], each["is_admin"]] for each in user.orgas],
        "groups": api.get_user_techgroups(pk),
        "labels": api.get_subscription_labels(pk),
        "orgas": [[each.name, each.codops] for each in api.get_orgas()],
        "orga": api.get_orga(api.get_orgas()[0].pk).name,
        "members": [each.username for each in api.get_project_members()],
        "nobody": api.get_user("999999"),
    }
    if "mail" in request.args:
        told["sent"] = send(api, request.args["ebuio_u_email"])
    return {"told": json.dumps(told, sort_keys=True)}


def send(api, address):
    return api.send_mail("radio@example.org", u"Größe", [address], u"Liebe Grüße", "ticket-1").json()

# -*- coding: utf-8 -*-
"""Asks its host back inside an action, for everything, with the original's own client."""

from plugit.api import PlugItAPI
from plugit.utils import action, json_only, user_info

import config


def api():
    with open(config.API_URL_FILE) as found:
        return PlugItAPI(found.read())


@action(route="/everything/")
@json_only()
@user_info(props=["pk", "email"])
def everything(request):
    host = api()
    pk = request.args["ebuio_u_pk"]
    user = host.get_user(pk)
    sent = host.send_mail(
        "polls@example.org", u"Größe", [request.args["ebuio_u_email"]], u"Liebe Grüße", "ticket-%s" % pk
    )
    return {
        "user": [user.pk, user.id, user.username, [[each["id"], each["is_admin"]] for each in user.orgas]],
        "groups": host.get_user_techgroups(pk),
        "labels": host.get_subscription_labels(pk),
        "orgas": [[each.pk, each.name, each.codops] for each in host.get_orgas()],
        "orga": [host.get_orga("1").pk, host.get_orga("1").name],
        "foreign": host.get_orga("3"),
        "members": [each.username for each in host.get_project_members()],
        "all_groups": [each["name"] for each in host.get_techgroups()],
        "nobody": host.get_user("999999"),
        "sent": [sent.status_code, sent.json()],
        "forum": host.forum_create_topic("a", "b", "c").json(),
    }


@action(route="/refused/")
@json_only()
def refused(request):
    host = PlugItAPI(api().url.replace("/key/", "/key/x"))
    return {
        "user": host.get_user("7"),
        "orgas": host.get_orgas(),
        "labels": host.get_subscription_labels("7"),
        "sent": host.send_mail("polls@example.org", "a", ["anna@example.org"], "b").status_code,
    }

# -*- coding: utf-8 -*-
from django.conf.urls import include, url
from plugit_proxy import views

urlpatterns = [url(r"^plugIt/", include("plugit_proxy.urls"))]

_generate_user = views.generate_user


def _with_subscriptions(*arguments, **named):
    """The member has some, as on a site; in stand-alone mode nobody has."""
    user = _generate_user(*arguments, **named)
    if getattr(user, "username", "") == "Member":
        user.subscription_labels = ["basic", "gold"]
    return user


views.generate_user = _with_subscriptions

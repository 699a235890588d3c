# -*- coding: utf-8 -*-
from django.conf.urls import include, url

urlpatterns = [url(r"^plugIt/", include("plugit_proxy.urls"))]

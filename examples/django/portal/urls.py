"""The portal's own pages. Those of services are below /s/."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.staticfiles.views import serve
from django.urls import path

from portal import views

urlpatterns = [
    path("", views.home, name="home"),
    path("login", LoginView.as_view(template_name="login.html"), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("account", views.account, name="account"),
    path("password", views.Password.as_view(), name="password"),
    path("billing", views.billing, name="billing"),
    path("admin/", admin.site.urls),
    # Behind a server of your own, let that one send what `manage.py collectstatic` collects.
    path("static/<path:path>", serve, {"insecure": True}),
]

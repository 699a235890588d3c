"""The portal's own pages, for those who visit it. Who runs it has the admin."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_safe

from portal.models import Organization, Plan, Subscription, covers


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The services; those for organizations are closed to who is in none that may use them."""
    own = [*request.user.organizations.all()] if request.user.is_authenticated else None
    services = [
        {
            "name": service.name,
            "open": own is None
            or not service.organizations
            or any(covers(each.services, service.name) for each in own),
        }
        for service in settings.PLUGIT["services"]
    ]
    return render(request, "home.html", {"services": services})


@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """What somebody belongs to, and what is paid for."""
    memberships = request.user.memberships.select_related("organization")
    own = request.user.subscriptions.select_related("plan")
    of_organizations = Subscription.objects.filter(
        organization__memberships__user=request.user, organization__memberships__member=True
    ).select_related("plan", "organization")
    found = {
        "memberships": memberships,
        "rights": request.user.service_rights.all(),
        "subscriptions": [*own, *of_organizations],
        "now": timezone.now(),
    }
    return render(request, "account.html", found)


class Password(SuccessMessageMixin, PasswordChangeView):
    """A new password; other browsers are logged out."""

    template_name = "password.html"
    success_url = reverse_lazy("account")
    success_message = "You have a new password."


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def billing(request: HttpRequest) -> HttpResponse:
    """Plans, and a click to have one. A shop would ask for money before the POST counts.

    Services lead here whoever lacks a subscription: `service` and each `label` say what opens the page,
    `next` where it is.
    """
    if request.method == "POST":
        return _subscribe(request)
    service, labels = request.GET.get("service", ""), {*request.GET.getlist("label")}
    found = {
        "plans": [_offer(plan, request, service, labels) for plan in Plan.objects.all()],
        "organizations": _administrated(request),
        "service": service,
        "next": request.GET.get("next", ""),
    }
    return render(request, "billing.html", found)


def _subscribe(request: HttpRequest) -> HttpResponse:
    plan = get_object_or_404(Plan, pk=_number(request.POST.get("plan", "")))
    number = request.POST.get("organization", "")
    subscriber: dict[str, Any] = {"user": request.user}
    if number:
        subscriber = {"organization": get_object_or_404(_administrated(request), pk=_number(number))}
    if plan.subscriptions.valid(timezone.now()).filter(**subscriber).exists():
        messages.info(request, f"{plan} is subscribed to already.")
    else:
        Subscription.begun(plan, **subscriber)
        messages.success(request, f"Subscribed to {plan} for {plan.days} day{pluralize(plan.days)}.")
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """To the page that asked for a subscription, if it is one of ours."""
    target = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(target) if ours else redirect("account")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _administrated(request: HttpRequest) -> Any:
    return Organization.objects.filter(memberships__user=request.user, memberships__admin=True)


def _offer(plan: Plan, request: HttpRequest, service: str, labels: set[str]) -> dict[str, Any]:
    """A plan, whether it opens the page that somebody came from, and who has it: they, or organizations."""
    valid = plan.subscriptions.valid(timezone.now()).order_by("valid_until")
    held = valid.filter(user=request.user).first()
    own = request.user.memberships.filter(member=True)
    shared = valid.filter(organization__memberships__in=own).select_related("organization")
    opens = bool(service) and covers(plan.services, service) and bool(labels & {*plan.labels})
    return {"plan": plan, "held": held, "shared": shared, "opens": opens}

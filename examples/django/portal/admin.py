"""Where people, organizations, rights, plans and subscriptions are managed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from portal.forms import PlanForm, RightsForm, ServicesForm
from portal.models import Membership, Organization, Plan, ServiceRights, Subscription

admin.site.site_header = admin.site.site_title = "Django Radio"
admin.site.index_title = "People, organizations and subscriptions"


class MembershipsOfUser(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("organization",)


class MembershipsOfOrganization(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)


class RightsOfUser(admin.TabularInline):
    model = ServiceRights
    form = RightsForm
    extra = 0


class SubscriptionsOfUser(admin.TabularInline):
    model = Subscription
    extra = 0
    fields = ("plan", "valid_from", "valid_until")


class SubscriptionsOfOrganization(SubscriptionsOfUser):
    pass


admin.site.unregister(User)


@admin.register(User)
class PortalUserAdmin(UserAdmin):
    inlines = (MembershipsOfUser, RightsOfUser, SubscriptionsOfUser)
    list_filter = ("is_active", "is_staff", "is_superuser", "groups", "organizations")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Not while somebody is added: Django asks for name and password first."""
        return self.inlines if obj is not None else ()


@admin.register(Organization)
class OrganizationAdmin(admin.ModelAdmin):
    form = ServicesForm
    fields = ("name", "codops", "services")
    list_display = ("name", "codops")
    search_fields = ("name", "codops")
    inlines = (MembershipsOfOrganization, SubscriptionsOfOrganization)


@admin.register(ServiceRights)
class ServiceRightsAdmin(admin.ModelAdmin):
    form = RightsForm
    fields = ("user", "service", "member", "admin")
    list_display = ("user", "service", "member", "admin")
    list_filter = ("service", "member", "admin")
    list_select_related = ("user",)
    search_fields = ("user__username", "user__first_name", "user__last_name", "service")
    autocomplete_fields = ("user",)


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin):
    form = PlanForm
    fields = ("name", "description", "labels", "services", "days")
    list_display = ("name", "description", "days")
    search_fields = ("name", "description")


class Holds(admin.SimpleListFilter):
    title = parameter_name = "holds"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "Now"), ("later", "Not yet"), ("ended", "No more")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        now = timezone.now()
        if self.value() == "now":
            return queryset.valid(now)
        if self.value() == "later":
            return queryset.filter(valid_from__gt=now)
        return queryset.filter(valid_until__lte=now) if self.value() == "ended" else queryset


@admin.register(Subscription)
class SubscriptionAdmin(admin.ModelAdmin):
    fields = ("plan", "user", "organization", "valid_from", "valid_until")
    list_display = ("plan", "user", "organization", "valid_from", "valid_until")
    list_filter = (Holds, "plan")
    list_select_related = ("plan", "user", "organization")
    search_fields = ("plan__name", "user__username", "user__last_name", "organization__name")
    autocomplete_fields = ("user", "organization")
    date_hierarchy = "valid_from"

"""`python manage.py prepare`: the tables, and the example people if SITE_PASSWORD gives them a password."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand

from portal.models import Membership, Organization, Plan, ServiceRights, Subscription

PEOPLE = (
    ("lisa", "Lisa", "Listener", {}),
    ("max", "Max", "Member", {}),
    ("ada", "Ada", "Admin", {"is_staff": True, "is_superuser": True}),
)


class Command(BaseCommand):
    help = "Makes the tables; and example people where nobody is yet, if SITE_PASSWORD is set."

    def handle(self, *arguments: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        if settings.MAIL_URL:
            import_module("plugit_wsgi.migrations").upgrade(import_module("portal.mail").STORE_URL)
        if not settings.DEVELOPMENT:
            self._take_known_passwords()
        if settings.EXAMPLE_PASSWORD and not User.objects.exists():
            make_example(settings.EXAMPLE_PASSWORD)

    def _take_known_passwords(self) -> None:
        """A database in which the portal was tried has an administrator whom everybody knows."""
        for user in User.objects.filter(username__in=[person[0] for person in PEOPLE]):
            if user.check_password(settings.DEVELOPMENT_PASSWORD):
                user.set_unusable_password()
                user.save()
                self.stderr.write(f"{user} had the password of the README, and can log in no more")


def make_example(password: str) -> None:
    _lisa, member, administrator = (
        User.objects.create_user(
            username,
            f"{username}@example.org",
            password,
            first_name=first_name,
            last_name=last_name,
            **rights,
        )
        for username, first_name, last_name, rights in PEOPLE
    )
    one, two = (
        Organization.objects.create(name=name, codops=codops)
        for name, codops in (("Radio One", "radioone"), ("Radio Two", "radiotwo"))
    )
    for user, organization, admin in (
        (member, one, False),
        (member, two, False),
        (administrator, one, True),
    ):
        Membership.objects.create(user=user, organization=organization, admin=admin)
    for service in settings.PLUGIT["services"]:
        ServiceRights.objects.create(user=member, service=service.name)
    gold = Plan.objects.create(name="Gold", description="Everything there is", labels=["gold", "archive"])
    Plan.objects.create(name="Day ticket", description="The archive, for a day", labels=["archive"], days=1)
    Subscription.begun(gold, organization=one)

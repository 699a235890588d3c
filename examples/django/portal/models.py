"""Organizations, rights and subscriptions. People and groups are those of Django's own auth."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

USER = settings.AUTH_USER_MODEL


def service_names() -> list[str]:
    """Of the services that this portal mounts."""
    return [service.name for service in settings.PLUGIT["services"]]


def check_words(value: object) -> None:
    """A list of texts, each a word."""
    if not isinstance(value, list) or any(str(each).split() != [each] for each in value):
        raise ValidationError("A list of words was expected, each without blanks.")


class Services(models.JSONField):
    """Names of services; an empty list is all of them."""

    def __init__(self, **options: object) -> None:
        super().__init__(
            **{"default": list, "blank": True, "validators": [check_words], "help_text": "None: all of them."}
            | options
        )


def covers(services: list[str] | None, service: str) -> bool:
    """Whether a list of services, as `Services` has it, holds for one of them. None: there is no limit."""
    return not services or service in services


class Organization(models.Model):
    """Some people belong to it, and services may work for it."""

    name = models.CharField(max_length=100, unique=True)
    codops = models.CharField(
        max_length=20,
        blank=True,
        validators=[RegexValidator(r"\A[a-z0-9]+\Z", "Small letters and digits only, as in “chrts”.")],
        help_text="Short code of a broadcaster, if it has one.",
    )
    services = Services()
    people = models.ManyToManyField(USER, through="Membership", related_name="organizations")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """What somebody is in an organization."""

    user = models.ForeignKey(USER, models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="memberships")
    member = models.BooleanField(default=True, help_text="Belongs to it; without it, may only look in.")
    admin = models.BooleanField("administrator", default=False)

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("user", "organization"),
                name="one_membership",
                violation_error_message="This person is in this organization already.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"


class ServiceRights(models.Model):
    """What somebody may do on one service. Superusers may do everything on each."""

    user = models.ForeignKey(USER, models.CASCADE, related_name="service_rights")
    service = models.CharField(max_length=100)
    member = models.BooleanField(default=True)
    admin = models.BooleanField("administrator", default=False)

    class Meta:
        ordering = ("user", "service")
        verbose_name = verbose_name_plural = "rights on services"
        constraints = (
            models.UniqueConstraint(
                fields=("user", "service"),
                name="one_grant",
                violation_error_message="This person has rights on this service already.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} on {self.service}"


class Plan(models.Model):
    """What one can subscribe to."""

    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=200, blank=True)
    labels = models.JSONField(
        default=list,
        validators=[check_words],
        help_text="What services know it by.",
    )
    services = Services()
    days = models.PositiveIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(36500)],
        help_text="How long it holds when somebody subscribes.",
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class SubscriptionSet(models.QuerySet):
    """Subscriptions, by when they hold."""

    def valid(self, now: object) -> SubscriptionSet:
        """Those that hold at a time; the end itself is no part of it."""
        return self.filter(Q(valid_until=None) | Q(valid_until__gt=now), valid_from__lte=now)


class Subscription(models.Model):
    """A plan of a person or of an organization, for a time."""

    user = models.ForeignKey(USER, models.CASCADE, null=True, blank=True, related_name="subscriptions")
    organization = models.ForeignKey(
        Organization, models.CASCADE, null=True, blank=True, related_name="subscriptions"
    )
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="subscriptions")
    valid_from = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Empty: until it is ended.")

    objects = SubscriptionSet.as_manager()

    class Meta:
        ordering = ("-valid_from",)
        constraints = (
            models.CheckConstraint(
                condition=Q(user=None, organization__isnull=False) | Q(user__isnull=False, organization=None),
                name="one_subscriber",
                violation_error_message="A subscription is of a user or of an organization: choose one.",
            ),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gt=F("valid_from")),
                name="end_after_beginning",
                violation_error_message="A subscription ends after it began.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.plan} of {self.user or self.organization}"

    @classmethod
    def begun(cls, plan: Plan, **subscriber: object) -> Subscription:
        """One that begins now, of a `user` or an `organization`."""
        now = timezone.now()
        return cls.objects.create(
            plan=plan, valid_from=now, valid_until=now + timedelta(days=plan.days), **subscriber
        )

"""Forms of the admin: services are chosen among those that are mounted, labels are typed as words."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.models import ServiceRights, service_names


def choices(kept: list[str]) -> list[tuple[str, str]]:
    """The mounted services, and what was chosen when others were mounted."""
    mounted = service_names()
    gone = [name for name in kept if name and name not in mounted]
    return [*((name, name) for name in mounted), *((name, f"{name} (not mounted)") for name in gone)]


class ServicesForm(forms.ModelForm):
    """A form with `services`."""

    services = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="None: all of them."
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["services"].choices = choices(self.instance.services)


class Words(forms.CharField):
    """Words with blanks between; a list, for the model."""

    def prepare_value(self, value: Any) -> Any:
        return " ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return list(dict.fromkeys((value or "").split()))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(data) != (initial or [])


class PlanForm(ServicesForm):
    """What a plan gives, and for which services."""

    labels = Words(help_text="What services know it by: words with blanks between, as in “gold archive”.")


class RightsForm(forms.ModelForm):
    """Rights on a service that is chosen."""

    service = forms.ChoiceField()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["service"].choices = [("", "---------"), *choices([self.instance.service])]

    class Meta:
        model = ServiceRights
        fields = ("service", "member", "admin")

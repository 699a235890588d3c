"""Counters, gauges and histograms for Prometheus. Needs the extra ``metrics``.

1. The number of series is bounded by the services that are mounted and their variants: no label is ever a
   path, a user or anything else that a visitor or a service chooses; what is not known in advance counts as
   "other". ``variant`` is empty, which is no label to Prometheus, for the main deployment.
2. In the multi-process mode of prometheus-client everything adds up; the gauge counts worker processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import prometheus_client

from .. import errors
from ..errors import ConfigError, PlugItError
from ..events import (
    CircuitChanged,
    Dropped,
    Event,
    FallbackServed,
    Fault,
    MailHandled,
    PageServed,
    Refused,
    ServiceCalled,
    StaleServed,
    VariantSkipped,
)

OTHER: Final = "other"
CALLS: Final = frozenset(("meta", "template", "action", "media", "ping", "version", "mail"))
KINDS: Final = frozenset(
    name for name, found in vars(errors).items() if isinstance(found, type) and issubclass(found, PlugItError)
)
REASONS: Final = frozenset(
    (
        "only_logged_user",
        "only_member_user",
        "only_admin_user",
        "only_orga_member_user",
        "only_orga_admin_user",
        "only_subscription",
        "address_in_networks",
        "no_orga_in_orgamode",
        "csrf",
        "path",
        "action",
        "media",
        "method",
        "organization",
        "upgrade",
        "preview_altered",
        "preview_expired",
        "preview_foreign",
        "preview_gone",
        "busy",
        "open",
    )
)
"""What `Refused.reason` is told apart by; any other is told by its status."""
OUTCOMES: Final = frozenset(("queued", "refused", "sent", "delayed", "set_aside"))
STATUSES: Final = frozenset(status.value for status in HTTPStatus)
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5)
"""Seconds; finest where pages should be, and with an edge at the deadlines of calls and pages."""


class PrometheusObserver:
    """An observer that counts. Thread-safe.

    One observer serves several middlewares of a process.

    Args:
        registry: of prometheus-client; None is its own global one.

    Raises:
        ConfigError: the registry has such an observer already.
    """

    def __init__(self, registry: prometheus_client.CollectorRegistry | None = None) -> None:
        into: dict[str, Any] = {"registry": registry or prometheus_client.REGISTRY}
        try:
            self._calls = prometheus_client.Counter(
                "plugit_service_calls",
                "HTTP exchanges with a service",
                ("service", "variant", "call", "status_class", "error"),
                **into,
            )
        except ValueError as error:
            raise ConfigError(
                "registry", registry, "one without a PrometheusObserver: use that one again"
            ) from error
        self._call_seconds = _histogram(
            "plugit_service_call_seconds",
            "Seconds of an exchange with a service",
            ("service", "variant", "call"),
            into,
        )
        self._pages = _counter("plugit_pages", "Answers to visitors", ("service", "variant", "status"), into)
        self._page_seconds = _histogram(
            "plugit_page_seconds",
            "Seconds from request to answer, without sending it",
            ("service", "variant"),
            into,
        )
        self._refused = _counter(
            "plugit_refused",
            "Requests refused before the action was asked",
            ("service", "variant", "reason"),
            into,
        )
        self._faults = _counter(
            "plugit_faults", "A service did not do its part", ("service", "variant", "kind"), into
        )
        self._openings = _counter(
            "plugit_circuit_openings",
            "Circuits that opened, or stayed open",
            ("service", "variant", "scope"),
            into,
        )
        self._open = prometheus_client.Gauge(
            "plugit_circuit_open",
            "1 while the service is not asked; number of such processes in multi-process mode",
            ("service", "variant"),
            multiprocess_mode="livesum",
            **into,
        )
        self._stale = _counter(
            "plugit_stale_pages", "Older pages served in place of new ones", ("service", "variant"), into
        )
        self._fallback = _counter(
            "plugit_fallback_pages",
            "Pages served in place of an action's",
            ("service", "variant", "kind"),
            into,
        )
        self._dropped = _counter(
            "plugit_dropped",
            "Cookies and session values of services left out",
            ("service", "variant", "what"),
            into,
        )
        self._mail = _counter("plugit_mail", "What became of mails of services", ("service", "outcome"), into)
        self._skipped = _counter(
            "plugit_variant_skipped",
            "Pages of the main deployment in the place of a variant's",
            ("service", "variant", "reason"),
            into,
        )
        self._count: Mapping[type[Event], Callable[[Any], None]] = {
            ServiceCalled: self._count_call,
            PageServed: self._count_page,
            Refused: self._count_refused,
            Fault: self._count_fault,
            CircuitChanged: self._count_circuit,
            StaleServed: self._count_stale,
            FallbackServed: self._count_fallback,
            Dropped: self._count_dropped,
            MailHandled: self._count_mail,
            VariantSkipped: self._count_skipped,
        }

    def __call__(self, event: Event) -> None:
        """Counts it."""
        count = self._count.get(type(event))
        if count is not None:
            count(event)

    def _count_call(self, event: ServiceCalled) -> None:
        call = _known(event.call, CALLS)
        error = _known(event.error, KINDS) if event.error else ""
        self._calls.labels(event.service, event.variant, call, _status_class(event.status), error).inc()
        self._call_seconds.labels(event.service, event.variant, call).observe(event.seconds)

    def _count_page(self, event: PageServed) -> None:
        self._pages.labels(event.service, event.variant, _status(event.status)).inc()
        self._page_seconds.labels(event.service, event.variant).observe(event.seconds)

    def _count_refused(self, event: Refused) -> None:
        reason = event.reason if event.reason in REASONS else _status(event.status)
        self._refused.labels(event.service, event.variant, reason).inc()

    def _count_fault(self, event: Fault) -> None:
        self._faults.labels(event.service, event.variant, _known(event.kind, KINDS)).inc()

    def _count_circuit(self, event: CircuitChanged) -> None:
        is_open, is_service = event.state == "open", event.reason == "service"
        if is_open:
            self._openings.labels(event.service, event.variant, "service" if is_service else "call").inc()
        if is_service:
            self._open.labels(event.service, event.variant).set(is_open)

    def _count_dropped(self, event: Dropped) -> None:
        what = _known(event.what, frozenset(("cookies", "session")))
        self._dropped.labels(event.service, event.variant, what).inc(event.count)

    def _count_mail(self, event: MailHandled) -> None:
        self._mail.labels(event.service, _known(event.outcome, OUTCOMES)).inc()

    def _count_skipped(self, event: VariantSkipped) -> None:
        reason = event.reason if event.reason == "when" else _known(event.reason, KINDS)
        self._skipped.labels(event.service, event.variant, reason).inc()

    def _count_stale(self, event: StaleServed) -> None:
        self._stale.labels(event.service, event.variant).inc()

    def _count_fallback(self, event: FallbackServed) -> None:
        self._fallback.labels(
            event.service, event.variant, _known(event.kind, frozenset(("service", "host")))
        ).inc()


def _counter(
    name: str, says: str, labels: tuple[str, ...], into: Mapping[str, Any]
) -> prometheus_client.Counter:
    return prometheus_client.Counter(name, says, labels, **into)


def _histogram(
    name: str, says: str, labels: tuple[str, ...], into: Mapping[str, Any]
) -> prometheus_client.Histogram:
    return prometheus_client.Histogram(name, says, labels, buckets=BUCKETS, **into)


def _known(value: str, known: frozenset[str]) -> str:
    return value if value in known else OTHER


def _status(status: int) -> str:
    return str(status) if status in STATUSES else _status_class(status)


def _status_class(status: int) -> str:
    return f"{status // 100}xx" if 100 <= status <= 599 else "none" if status == 0 else OTHER

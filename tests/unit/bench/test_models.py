"""What is computed and simulated of scale, against each other and by hand."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from bench.growth import slope, word
from bench.loads import mixed
from bench.scaling import between, growth, simulated
from bench.simulation import Shape, formula, hit_ratio, popularity, simulate, workers_for

ONE = Shape(cpu=0.001, wait=0.0, places=4, workers=1, cores=1)


@pytest.mark.parametrize("wait", [0.0, 0.001, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("places", [4, 16])
def test_the_simulation_agrees_with_the_formula(wait: float, places: int) -> None:
    shape = replace(ONE, wait=wait, places=places)
    assert simulate(shape) == pytest.approx(formula(shape), rel=0.05)


def test_cores_end_what_places_do_not() -> None:
    assert formula(ONE) == pytest.approx(1000)
    assert formula(replace(ONE, wait=0.399)) == pytest.approx(10)
    assert formula(replace(ONE, workers=8, cores=2)) == pytest.approx(2000)
    assert simulate(replace(ONE, workers=8, cores=2)) == pytest.approx(2000, rel=0.01)


def test_workers_are_as_many_as_cores_or_places_need() -> None:
    assert workers_for(700, cpu=0.001, wait=0.0, places=4, share=0.7) == pytest.approx(1)
    assert workers_for(700, cpu=0.001, wait=0.199, places=4, share=0.7) == pytest.approx(50)


def test_caches_that_share_nothing_miss_more_as_a_simulation_does() -> None:
    rates, lifetime, caches, chance = popularity(20, 50.0), 5.0, 4, random.Random(1)
    kept: dict[tuple[int, int], float] = {}
    now, hits, requests = 0.0, 0, 60_000
    pages = range(len(rates))
    for _ in range(requests):
        now += chance.expovariate(50.0)
        key = (chance.choices(pages, rates)[0], chance.randrange(caches))
        hits += kept.get(key, 0.0) > now
        if kept.get(key, 0.0) <= now:
            kept[key] = now + lifetime
    assert hit_ratio(rates, lifetime, caches) == pytest.approx(hits / requests, abs=0.01)
    assert hit_ratio(rates, lifetime, 1) > hit_ratio(rates, lifetime, caches)


def test_popularity_sums_up_to_the_rate() -> None:
    assert sum(popularity(100, 50.0)) == pytest.approx(50.0)
    assert popularity(3, 11.0) == pytest.approx([6, 3, 2])


@pytest.mark.parametrize(("power", "told"), [(0, "constant"), (0.7, "linear"), (1, "linear"), (2, "FASTER")])
def test_growth_is_the_exponent(power: float, told: str) -> None:
    points = [(n, 3.0 * n**power) for n in (1, 10, 100)]
    assert slope(points) == pytest.approx(power, abs=1e-9)
    assert word(points).startswith(told)


def test_a_square_that_hides_behind_a_constant_is_found() -> None:
    points = [(n, 1e-4 + 2e-7 * n * n) for n in (1.0, 10.0, 100.0, 1000.0)]
    assert slope(points) < 1.3
    assert word(points).startswith("FASTER THAN LINEAR (exponent 1.")
    assert growth({"size: services": {"a change": points}, "threads": {}}) == [
        f"services: a change: {word(points)}"
    ]


@pytest.mark.parametrize("share", [0, 25, 50, 75, 90, 100])
def test_paths_are_mixed_as_they_should(share: int) -> None:
    paths = mixed(share)
    assert paths.count("/s/bench/cached") == share * 20 // 100
    assert len(paths) == 20


def test_between_two_ends_is_a_straight_line() -> None:
    assert between([(0, 10.0), (50, 99.0), (100, 2.0)]) == [(0, 10.0), (50, 6.0), (100, 2.0)]


def test_what_is_simulated_has_a_curve_for_each_chart() -> None:
    found = simulated(0.05)
    assert set(found) == {"cpu of a page", "model", "many workers", "caches"}
    assert all(
        len(points) > 2 for name in found if name != "cpu of a page" for points in found[name].values()
    )

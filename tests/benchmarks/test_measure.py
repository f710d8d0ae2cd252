"""Timing in turns: who runs when, what a ratio is, when a target is met."""

import time
from dataclasses import asdict

import pytest

from benchmarks.measure import Lap, against, lap, ratio_of, take_turns


def test_contenders_take_turns_and_the_first_round_does_not_count():
    calls = []
    laps = take_turns(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repetitions=3
    )
    assert calls == ["a", "b"] * 4
    assert {name: len(found) for name, found in laps.items()} == {"a": 3, "b": 3}


def test_a_lap_has_wall_and_processor_seconds():
    asleep = lap(lambda: time.sleep(0.05))
    assert asleep.wall >= 0.05 and asleep.cpu < 0.04

    def busy() -> None:
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass

    assert lap(busy).cpu >= 0.04


def test_a_ratio_is_taken_within_each_round():
    ours = [Lap(1.0, 1.0), Lap(2.0, 2.0), Lap(4.0, 4.0)]
    peer = [Lap(2.0, 2.0), Lap(6.0, 6.0), Lap(4.0, 4.0)]
    ratio = ratio_of(ours, peer)  # 2, 3 and 1
    assert (ratio.median, ratio.min, ratio.max) == (2.0, 1.0, 3.0)


@pytest.mark.parametrize(("at_least", "met"), [(2.0, True), (2.1, False), (None, None)])
def test_a_finding_says_whether_the_target_is_met(at_least, met):
    laps = {"ours": [Lap(1.0, 0.5)], "peer": [Lap(2.0, 1.5)]}
    found = against(
        laps, "peer", bench="b", case="c", unit="images/s", amount=10, at_least=at_least
    )
    assert (found.ours, found.peer, found.met) == (10.0, 5.0, met)
    assert found.cpu == {"ours": 0.5, "peer": 1.5}
    keys = {"bench", "case", "ours", "peer", "unit", "ratio", "target", "met"}
    assert keys <= set(asdict(found))
    assert asdict(found)["ratio"] == {"median": 2.0, "min": 2.0, "max": 2.0}

"""What was probably meant, and when to say nothing."""

from __future__ import annotations

import pytest

from tools_registry.validation.near import near


@pytest.mark.parametrize(
    ("name", "candidates", "expected"),
    [
        ("getweather", ["get_weather", "get_time"], "get_weather"),
        ("GetWeather", ["get_weather"], "get_weather"),
        ("get-weather", ["get_weather"], "get_weather"),
        ("weather_get", ["get_weather"], "get_weather"),
        ("weatherGet", ["get_weather"], "get_weather"),
        ("temprature", ["temperature", "city"], "temperature"),
        ("calculatetaz", ["calculatetax"], "calculatetax"),
        ("CITY", ["city"], "city"),
        ("cty", ["city"], None),
        ("lat", ["lon", "lng"], None),
        ("recieve_date", ["receive_date", "received_date"], "receive_date"),
        ("responses_by_quizid", ["response_by_quizid"], "response_by_quizid"),
        ("make_user_happy", ["cancel_subscription", "get_weather"], None),
        ("city", ["city"], None),
        ("", ["city"], None),
        ("city", [], None),
        ("___", ["a_b"], None),
        ("温度", ["温度 "], "温度 "),
    ],
)
def test_it_knows_a_slip_from_another_name(
    name: str, candidates: list[str], expected: str | None
) -> None:
    assert near(name, candidates) == expected

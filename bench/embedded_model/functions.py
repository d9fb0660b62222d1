"""The thirty common tools as Python functions, so that a call can be run and its result compared.

They answer from their arguments alone: a forecast is a number derived from the name of the city, a file's text is
derived from its path. That is enough to tell a right call from a wrong one, and needs nothing from outside.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import date as calendar_date
from typing import Any

_RATES = {"EUR": 1.0, "USD": 1.1, "GBP": 0.85, "CHF": 0.95, "JPY": 160.0, "SEK": 11.0}
_METERS = {
    "meter": 1.0,
    "kilometer": 1000.0,
    "mile": 1609.344,
    "foot": 0.3048,
    "inch": 0.0254,
    "yard": 0.9144,
}

Result = dict[str, Any]


def _number(text: str, low: int, high: int) -> int:
    """A number that belongs to a text."""
    return low + zlib.crc32(text.casefold().encode()) % (high - low + 1)


def get_weather(city: str, days: int = 1, unit: str = "celsius") -> Result:
    """The forecast of a city, a temperature a day."""
    celsius = [_number(f"{city}/{day}", -5, 35) for day in range(days)]
    return {
        "city": city,
        "temperatures": celsius if unit == "celsius" else [round(c * 1.8 + 32) for c in celsius],
    }


def search_web(query: str, max_results: int = 3) -> Result:
    """Pages about something."""
    return {"pages": [f"{query} {number}" for number in range(1, max_results + 1)]}


def create_event(title: str, date: str, time: str | None = None, place: str | None = None) -> Result:
    """An entry in the calendar."""
    day = calendar_date.fromisoformat(date)
    return {"created": title, "weekday": day.strftime("%A"), "date": date, "time": time, "place": place}


def list_events(date: str) -> Result:
    """The entries of a day."""
    return {"date": calendar_date.fromisoformat(date).isoformat(), "events": _number(date, 0, 5)}


def send_email(to: str, subject: str, body: str = "") -> Result:
    """A mail on its way."""
    name, _, host = to.partition("@")
    if not name or not host:
        raise ValueError(f"no address: {to}")
    return {"sent": to, "subject": subject, "characters": len(body), "body": body}


def search_mail(text: str, sender: str | None = None, unread: bool = False) -> Result:  # noqa: FBT001, FBT002  called by name
    """How many mails there are."""
    return {"found": _number(f"{text}/{sender}/{unread}", 0, 40), "text": text, "sender": sender}


def add(a: float, b: float) -> Result:
    """The sum."""
    return {"sum": round(a + b, 6)}


def multiply(a: float, b: float) -> Result:
    """The product."""
    return {"product": round(a * b, 6)}


def divide(dividend: float, divisor: int) -> Result:
    """The quotient."""
    return {"quotient": round(dividend / divisor, 6)}


def convert_currency(amount: float, source: str, target: str) -> Result:
    """An amount in another currency."""
    return {"amount": round(amount / _RATES[source] * _RATES[target], 2), "currency": target}


def convert_unit(value: float, source: str, target: str) -> Result:
    """A length in another unit."""
    return {"value": round(value * _METERS[source] / _METERS[target], 6), "unit": target}


def set_timer(minutes: int, label: str | None = None) -> Result:
    """A timer that runs."""
    return {"seconds": 60 * minutes, "label": label}


def set_alarm(time: str, label: str | None = None) -> Result:
    """An alarm, in minutes after midnight."""
    hour, minute = time.split(":")
    return {"minute": 60 * int(hour) + int(minute), "label": label}


def create_reminder(text: str, date: str) -> Result:
    """A reminder."""
    return {"text": text, "date": calendar_date.fromisoformat(date).isoformat()}


def read_file(path: str, lines: int | None = None) -> Result:
    """What a file says."""
    return {"path": path, "lines": lines or _number(path, 5, 90)}


def delete_file(path: str) -> Result:
    """A file that is gone."""
    return {"deleted": path}


def copy_file(source: str, target: str) -> Result:
    """A file in two places."""
    return {"from": source, "to": target}


def list_folder(path: str, hidden: bool = False) -> Result:  # noqa: FBT001, FBT002  called by name
    """How many files there are."""
    return {"path": path, "files": _number(f"{path}/{hidden}", 0, 30)}


def play_music(artist: str, song: str | None = None, volume: int = 50) -> Result:
    """Music."""
    return {"playing": [artist, song], "volume": volume}


def find_restaurant(city: str, cuisine: str | None = None, guests: int = 2) -> Result:
    """Tables that are free."""
    return {"city": city, "tables": _number(f"{city}/{cuisine}/{guests}", 1, 20)}


def book_flight(source: str, target: str, date: str, passengers: int = 1) -> Result:
    """A flight."""
    day = calendar_date.fromisoformat(date)
    return {"flight": _number(f"{source}/{target}", 100, 999), "day": day.isoformat(), "seats": passengers}


def get_directions(source: str, target: str, mode: str = "car") -> Result:
    """A way."""
    return {"kilometers": _number(f"{source}/{target}", 5, 2000), "mode": mode}


def translate(text: str, language: str) -> Result:
    """A text in another language, as far as this house can do it."""
    return {"text": f"{language}: {text}"}


def get_stock_price(company: str, date: str | None = None) -> Result:
    """A price."""
    return {"price": _number(f"{company}/{date}", 5, 900)}


def add_contact(name: str, phone: str | None = None, email: str | None = None) -> Result:
    """A new contact."""
    return {"saved": [name, phone, email]}


def call_person(name: str) -> Result:
    """A call."""
    return {"calling": name}


def send_message(to: str, text: str) -> Result:
    """A message on its way."""
    return {"to": to, "text": text}


def add_todo(item: str, priority: str = "medium", due: str | None = None) -> Result:
    """Something to do."""
    return {"item": item, "priority": priority, "due": due}


def order_food(dish: str, quantity: int, address: str | None = None) -> Result:
    """Food on its way."""
    return {"dish": dish, "price": quantity * _number(dish, 4, 30), "address": address}


def set_light(room: str, on: bool, brightness: int | None = None) -> Result:  # noqa: FBT001  called by name
    """A light."""
    return {"room": room, "brightness": (brightness or 100) if on else 0}


FUNCTIONS: dict[str, Callable[..., Result]] = {
    function.__name__: function
    for function in (
        get_weather, search_web, create_event, list_events, send_email, search_mail, add, multiply, divide,
        convert_currency, convert_unit, set_timer, set_alarm, create_reminder, read_file, delete_file, copy_file,
        list_folder, play_music, find_restaurant, book_flight, get_directions, translate, get_stock_price,
        add_contact, call_person, send_message, add_todo, order_food, set_light,
    )
}  # fmt: skip

# `from` is no name for a Python argument. (`to` is one, but stands beside it.)
_RENAMED = {"convert_currency", "convert_unit", "book_flight", "get_directions"}


def run(name: str, arguments: dict[str, Any]) -> Result:
    """Call a tool.

    Raises:
        LookupError: there is no such tool, currency or unit.
        TypeError: an argument is missing, is not known, or has the wrong type.
        ValueError: an argument's value makes no sense to the tool.
    """
    if name in _RENAMED:
        arguments = {
            {"from": "source", "to": "target"}.get(key, key): value for key, value in arguments.items()
        }
    return FUNCTIONS[name](**arguments)

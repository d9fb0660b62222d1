"""Kinds of values: their JSON schema, how one is drawn, and how a person says it.

A field of a tool or of a record has a kind. The spelling in `data/*.toml`:

    place person given word thing title text email path folder code street phone handle host company version team
    date time flag switch currency length_unit
    int(1,9)   num(0.5,40)   enum(a,b)   list(kind)   {name:kind,name:kind}

What is said may differ from the value: `3 May 2026` for "2026-05-03", `2:30 pm` for "14:30", `three` for 3, `euros`
for "EUR". Everything else is copied, which is what the model mostly has to learn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from bench.embedded_model.draw import Draw
from bench.embedded_model.lists import ENDINGS, FieldSpec, field_spec, parts, runs, values
from bench.embedded_model.split import side

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
NUMERALS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
CURRENCIES = {
    "EUR": "euros", "USD": "dollars", "GBP": "pounds", "CHF": "francs", "JPY": "yen", "SEK": "kronor",
}  # fmt: skip
LENGTHS = {
    "meter": "meters", "kilometer": "kilometers", "mile": "miles", "foot": "feet", "inch": "inches", "yard": "yards",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value.

    Attributes:
        name: "place", "int", "list" and so on.
        low: least number.
        high: greatest number.
        choices: of an enumeration.
        item: of a list.
        fields: of an object.
    """

    name: str
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    item: Kind | None = None
    fields: tuple[FieldSpec, ...] = ()

    def schema(self, names: Callable[[str], str] = lambda words: words.replace(" ", "_")) -> dict[str, Any]:
        """The JSON Schema of the values; `names` spells the words of an inner field as its name."""
        match self.name:
            case "int":
                return {"type": "integer"}
            case "num":
                return {"type": "number"}
            case "flag" | "switch":
                return {"type": "boolean"}
            case "enum":
                return {"type": "string", "enum": list(self.choices)}
            case "currency":
                return {"type": "string", "enum": list(CURRENCIES)}
            case "length_unit":
                return {"type": "string", "enum": list(LENGTHS)}
            case "date":
                return {"type": "string", "format": "date"}
            case "list" if self.item is not None:
                return {"type": "array", "items": self.item.schema(names)}
            case "object":
                return {
                    "type": "object",
                    "properties": {names(spec.words): parse(spec.kind).schema(names) for spec in self.fields},
                    "required": [names(spec.words) for spec in self.fields],
                }
        return {"type": "string"}

    def value(self, draw: Draw) -> Any:
        """A value; of an object, keyed by the words of its fields."""
        match self.name:
            case "int":
                return draw.integer(int(self.low), int(self.high))
            case "num":
                return draw.decimal(self.low, self.high)
            case "flag" | "switch":
                return draw.chance(0.5)
            case "enum":
                return draw.pick(self.choices)
            case "currency":
                return draw.pick(tuple(CURRENCIES))
            case "length_unit":
                return draw.pick(tuple(LENGTHS))
            case "list" if self.item is not None:
                found: list[Any] = []
                for _ in range(draw.small(1, 4)):
                    one = self.item.value(draw)
                    if one not in found:
                        found.append(one)
                return found
            case "object":
                return {spec.words: parse(spec.kind).value(draw) for spec in self.fields}
        return STRINGS[self.name](draw)

    def say(self, value: Any, draw: Draw) -> str:
        """A value in a person's words."""
        match self.name:
            case "int":
                return NUMERALS[value] if 1 <= value <= 12 and draw.chance(0.1) else str(value)
            case "flag":
                return "yes" if value else "no"
            case "switch":
                return "on" if value else "off"
            case "enum":
                return str(value).replace("_", " ")
            case "currency":
                return CURRENCIES[value] if draw.chance(0.5) else value
            case "length_unit":
                return LENGTHS[value]
            case "date":
                return _say_date(value, draw)
            case "time":
                return _say_time(value, draw)
            case "list" if self.item is not None:
                said = [self.item.say(one, draw) for one in value]
                return " and ".join(filter(None, [", ".join(said[:-1]), said[-1]]))
            case "object":
                said = [
                    f"{spec.words} {parse(spec.kind).say(value[spec.words], draw)}" for spec in self.fields
                ]
                return draw.pick((" and ", ", ")).join(said)
            case "title":
                return _quoted(value, draw, 0.35)
            case "text":
                return _quoted(value, draw, 0.7)
        return str(value)


@cache
def parse(text: str) -> Kind:
    """Read a kind.

    Raises:
        ValueError: no such kind.
    """
    if text.startswith("{"):
        return Kind("object", fields=tuple(field_spec(part) for part in parts(text[1:-1], ",")))
    name, bracket, rest = text.partition("(")
    inside = rest.removesuffix(")")
    if name in {"int", "num"} and bracket:
        low, high = map(float, inside.split(","))
        return Kind(name, low=low, high=high)
    if name == "enum" and bracket:
        return Kind(name, choices=tuple(parts(inside, ",")))
    if name == "list" and bracket:
        return Kind(name, item=parse(inside))
    if not bracket and (name in STRINGS or name in {"flag", "switch", "currency", "length_unit"}):
        return Kind(name)
    raise ValueError(f"no kind {text!r}; see the list at the top of kinds.py")


def _quoted(text: str, draw: Draw, share: float) -> str:
    if not draw.chance(share):
        return text
    mark = draw.pick(("'", '"'))
    return f"{mark}{text}{mark}"


def _say_date(value: str, draw: Draw) -> str:
    year, month, day = value.split("-")
    return draw.pick(
        (
            value,
            value,
            f"{int(day)} {MONTHS[int(month) - 1]} {year}",
            f"{MONTHS[int(month) - 1]} {int(day)}, {year}",
        )
    )


def _say_time(value: str, draw: Draw) -> str:
    hour, minute = value.split(":")
    if not draw.chance(0.3):
        return value
    return f"{int(hour) % 12 or 12}:{minute} {'am' if int(hour) < 12 else 'pm'}"


# ---------------------------------------------------------------------------------------------------- strings


def _person(draw: Draw) -> str:
    given = draw.word("given")
    return given if draw.chance(0.15) else f"{given} {draw.word('family')}"


def _title(draw: Draw) -> str:
    lists = draw.pick(
        (("adjective", "noun"), ("noun", "subject"), ("adjective", "noun", "subject"), ("", ""))
    )
    text = " ".join(draw.word(name) if name else draw.fresh() for name in lists)
    return draw.pick((text, text, text.capitalize(), text.title()))


def _text(draw: Draw) -> str:
    return draw.phrase("text").format(
        n=draw.word("noun"), m=draw.word("noun"), j=draw.word("adjective"), s=draw.word("subject")
    )


def _email(draw: Draw) -> str:
    name = draw.word("given").lower()
    if draw.chance(0.5):
        name += draw.pick((".", "_", "")) + draw.word("family").lower()
    return _checked(f"{name}@{draw.word('host').lower()}.{_ending(draw)}", draw, _email)


def _ending(draw: Draw) -> str:
    return draw.pick(("com", "org", "net", "example"))


def _path(draw: Draw) -> str:
    folders = [draw.word("noun") for _ in range(draw.small(0, 2))]
    name = draw.pick(("{}", "{}_{}", "{}-{}")).format(draw.word("noun"), draw.word("adjective"))
    root = draw.pick(("", "/", "/home/", "./"))
    return root + "/".join([*folders, f"{name}.{draw.pick(values('extension'))}"])


def _folder(draw: Draw) -> str:
    return draw.pick(("", "/", "/home/")) + "/".join(draw.word("noun") for _ in range(draw.small(1, 3)))


def _code(draw: Draw) -> str:
    digits = str(draw.integer(100, 99999))
    form = draw.pick(("{}-{}", "{}{}", "{}_{}", "{1}"))
    return form.format(draw.letters(draw.small(2, 3)), digits)


def _street(draw: Draw) -> str:
    end = draw.pick(("Street", "Road", "Lane", "Square", "Avenue"))
    return f"{draw.small(1, 99)} {draw.word('noun').capitalize()} {end}"


def _phone(draw: Draw) -> str:
    return f"{draw.pick(('+', '0'))}{draw.integer(100, 999)} {draw.integer(1000, 99999)}"


def _handle(draw: Draw) -> str:
    return _checked(
        f"@{draw.word('adjective').lower()}{draw.pick(('_', '', '.'))}{draw.word('noun').lower()}",
        draw,
        _handle,
    )


def _checked(text: str, draw: Draw, again: Callable[[Draw], str]) -> str:
    """`text`, unless words that were run together have landed on the other side."""
    return text if all(side(word) == draw.side for word in content_words(text)) else again(draw)


def _host(draw: Draw) -> str:
    return f"{draw.word('host').lower()}.{_ending(draw)}"


def _company(draw: Draw) -> str:
    return f"{draw.word('host').capitalize()}{draw.pick(('', ' Group', ' Ltd'))}"


def _capital(name: str) -> Callable[[Draw], str]:
    def draw_capital(draw: Draw) -> str:
        word = draw.word(name)
        return word[0].upper() + word[1:]

    return draw_capital


def _thing(draw: Draw) -> str:
    return draw.word("noun") if draw.chance(0.6) else f"{draw.word('adjective')} {draw.word('noun')}"


STRINGS: dict[str, Callable[[Draw], str]] = {
    "place": _capital("city"),
    "person": _person,
    "given": _capital("given"),
    "word": lambda draw: draw.word(draw.pick(("noun", "adjective", "subject"))),
    "thing": _thing,
    "title": _title,
    "text": _text,
    "email": _email,
    "path": _path,
    "folder": _folder,
    "code": _code,
    "street": _street,
    "phone": _phone,
    "handle": _handle,
    "host": _host,
    "company": _company,
    "version": lambda draw: f"{draw.small(0, 9)}.{draw.small(0, 30)}.{draw.small(0, 30)}",
    "team": lambda draw: draw.word("team"),
    "date": lambda draw: draw.date(),
    "time": lambda draw: draw.time(),
}

# Words that values of both sides end with; they are on the training side.
SHARED_WORDS = frozenset([*ENDINGS, *(word for name in values("extension") for word in runs(name))])


def content_words(value: str) -> list[str]:
    """The words of a value that belong to a side."""
    return [word for word in runs(value) if word.lower() not in SHARED_WORDS]

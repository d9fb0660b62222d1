"""Tables of the results, written between the markers of a page of the documentation.

    python -m bench.report

A block begins with `<!-- measured: NAME -->` and ends with `<!-- end -->`; what stands between is replaced by the table
of that name. A test compares page and results, so that neither changes alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import facts, targets
from bench.stats import Figures

PAGE = facts.ROOT / "docs" / "reference" / "performance.md"
RESULTS = Path(__file__).resolve().parent / "results"
ABSENT = "Not measured yet."
_BLOCK = re.compile(r"(<!-- measured: ([a-z -]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_AT = ("p50", "p90", "p99", "p99.9", "max")
_SHARES = ("above 300 us", "above 1 ms", "above 5 ms")
_MODES = {"shared": "one grammar per schema", "fresh": "a fresh grammar per instance"}

Json = dict[str, Any]


def tables(folder: Path = RESULTS) -> dict[str, str]:
    """Every block by name; `ABSENT` where the results are not there."""
    makers: dict[str, tuple[str, Callable[[Json], str]]] = {
        "setup": ("maskbench", setup),
        "coverage": ("maskbench", coverage),
        "masks": ("maskbench", masks),
        "visits": ("maskbench", visits),
        "advances": ("maskbench", advances),
        "compile": ("maskbench", compilations),
        "set b": ("maskbench", set_b),
        "apply": ("maskbench", applied),
        "engines memory": ("maskbench", engines_memory),
        "memory": ("memory", memory),
        "tools": ("tools", tools),
        "disk": ("disk", disk),
        "cold": ("cold", cold),
        "vocabularies": ("vocabularies", vocabularies),
    }
    files = {file for file, _ in makers.values()}
    paths = {file: folder / f"{file}.json" for file in files}
    results = {
        file: json.loads(path.read_text(encoding="utf-8")) for file, path in paths.items() if path.is_file()
    }
    found = {
        name: make(results[file]) if file in results else ABSENT for name, (file, make) in makers.items()
    }
    rows = [list(line) for line in targets.lines(results)]
    return found | {"targets": table(["target", "measured", "met"], rows) if rows else ABSENT}


def splice(page: str, blocks: dict[str, str]) -> str:
    """The page with every block replaced. Raises KeyError for a name without a table."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{blocks[match[2]]}\n\n{match[3]}", page)


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Markdown; the first column to the left, the others to the right."""
    rule = ["---", *("--:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, rule, *rows])


def number(value: float | None) -> str:
    """Three digits are enough to compare; more on request, in the JSON."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def share(value: float | None) -> str:
    """A share in percent, with as many digits as tell it from nothing."""
    if value is None:
        return ""
    return "0" if value == 0 else f"{100 * value:.2g} %"


def spread(name: str, figures: Figures, *, shares: bool = False) -> list[str]:
    """A row: percentiles, and shares above thresholds."""
    cells = [number(figures.get(at)) for at in _AT]
    return [name, *cells, *([share(figures.get(at)) for at in _SHARES] if shares else [])]


def setup(found: Json) -> str:
    """Where, when, with what."""
    machine, repeat = found["machine"], found["options"]["repeat"]
    named = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory GB']} GB, {machine['system']}"
    lines = [
        f"{found['date']}, commit `{found['commit']}`, `{found['command']}`; medians of {repeat} runs.",
        f"{where}, Python {machine['python']}; load before: {machine['load before']}.",
        f"{named}.",
        f"The clock costs {found['clock ns'] / 1000:.1f} us, in every figure.",
        *(f"**{name}**: {settings}." for name, settings in found["settings"].items()),
    ]
    return "\n".join(f"- {line}" for line in lines)


def coverage(found: Json) -> str:
    """What becomes of schemas and tests, on the whole sample and on set B."""
    columns = ("right", "valid refused", "invalid accepted", "refused", "over the time limit")
    rows = []
    for part, by_engine in found["coverage"].items():
        for name, counts in by_engine.items():
            shown = [f"{counts.get(column, 0):,}" for column in columns]
            other = counts["schemas"] - sum(counts.get(column, 0) for column in columns)
            wrong = f"{counts['valid refused (tests)']} + {counts['invalid accepted (tests)']}"
            tested = f"{wrong} of {counts['tests']:,}"
            rows.append([f"{name}, {part}", f"{counts['schemas']:,}", *shown, str(other), tested])
    heads = ["engine", "schemas", *columns, "other", "wrong tests (refused + accepted)"]
    return table(heads, rows)


def _by_mode(found: Json, metric: str, *, shares: bool) -> list[list[str]]:
    chosen = found["set A"]
    return [
        spread(f"{name}, {_MODES[mode]}", chosen[mode][name].get(metric, {}), shares=shares)
        for mode in _MODES
        for name in chosen.get(mode, {})
    ]


def masks(found: Json) -> str:
    """Masks over set A."""
    chosen = found["set A"]
    count = int(chosen["shared"]["ruvllm"]["mask us"]["count"])
    lead = f"{chosen['schemas']:,} schemas, {chosen['tests']:,} tests, {count:,} masks of each engine and setting."
    return f"{lead}\n\n" + table(["us", *_AT, *_SHARES], _by_mode(found, "mask us", shares=True))


def visits(found: Json) -> str:
    """First visits and repeats apart, one grammar per schema."""
    rows = [
        spread(f"{name}, {label}", figures.get(metric, {}))
        for label, metric in (("first visit", "first visit us"), ("repeat", "repeat us"))
        for name, figures in found["set A"]["shared"].items()
    ]
    return table(["us", *_AT], rows)


def advances(found: Json) -> str:
    """Advances over set A."""
    rows = _by_mode(found, "advance us", shares=False)
    for mode, label in _MODES.items():
        between = found["set A"].get(mode, {}).get("ruvllm-prepared", {}).get("between us")
        if between:
            rows.append(spread(f"`Matcher.prepare`, between calls, {label}", between))
    return table(["us", *_AT], rows)


def compilations(found: Json) -> str:
    """Compile, first mask, both, over set A."""
    rows = [
        spread(f"{name}, {metric.removesuffix(' ms')}", figures.get(metric, {}))
        for metric in ("compile ms", "first mask ms", "compile plus first mask ms")
        for name, figures in found["set A"]["shared"].items()
    ]
    return table(["ms", *_AT], rows)


def set_b(found: Json) -> str:
    """Each peer beside this project, on the tests of set B that peer, this project and llguidance decide rightly."""
    rows = []
    for peer, chosen in found["set B"].items():
        for name in (peer, "ruvllm", "llguidance"):
            figures = chosen["shared"][name]
            compiling = [number(figures.get("compile ms", {}).get(at)) for at in ("p50", "p99")]
            mask = [number(figures.get("mask us", {}).get(at)) for at in _AT]
            label = f"**{name}**" if name == peer else f"{name}, same {chosen['tests']} tests"
            rows.append([label, *compiling, *mask])
        for name, figures in chosen.get("fresh", {}).items():
            mask = [number(figures.get("mask us", {}).get(at)) for at in _AT]
            rows.append([f"{name}, same tests, fresh grammars", "", "", *mask])
    return table(["", "compile ms p50", "p99", *(f"mask us {at}" if at == "p50" else at for at in _AT)], rows)


def applied(found: Json) -> str:
    """Mask, apply, advance, and all three."""
    rows = []
    for name, figures in found["apply"]["engines"].items():
        middle = [number(figures[metric].get("p50")) for metric in ("mask us", "apply us", "advance us")]
        rows.append(
            [name, *middle, number(figures["token us"].get("p50")), number(figures["token us"].get("p99"))]
        )
    return table(["us", "mask p50", "apply p50", "advance p50", "all three p50", "p99"], rows)


def engines_memory(found: Json) -> str:
    """Peak memory of each engine's process."""
    rows = []
    for part, by_engine in found["memory MB"].items():
        for name, figures in by_engine.items():
            schemas = found["coverage"][part][name]["schemas"]
            rows.append([f"{name}, {part}", f"{schemas:,}", f"{figures['loaded']:,}", f"{figures['peak']:,}"])
    return table(["MB", "schemas", "vocabulary loaded", "peak"], rows)


def memory(found: Json) -> str:
    """Stages of one process."""
    stages = [[name, f"{value:,}"] for name, value in found["stages MB"].items()]
    course = found["schemas, resident MB, peak MB"]
    stages += [
        [f"after {count:,} schemas", f"{peak:,}"] for count, _, peak in course[:: max(1, len(course) // 4)]
    ]
    return table(["peak so far", "MB"], [*stages, ["after the last", f"{found['peak MB']:,}"]])


def tools(found: Json) -> str:
    """Many tools in one grammar."""
    rows = []
    for count, by_engine in found["tools"].items():
        for name, figures in by_engine.items():
            if "compile ms" not in figures:
                why = " ".join(f"{what}: {reason}" for what, reason in figures.items())
                rows.append(
                    [f"{count} tools, {name}", " ".join(why.replace("|", "/").split())[:90], *[""] * 6]
                )
                continue
            cells = [number(figures["compile ms"]), number(figures["first mask ms"])]
            for label in ("first time", "second time"):
                cells += [number(figures[label]["mask us"].get(at)) for at in ("p50", "p99")]
            cells.append(f"{figures['second time']['accepted']} of {figures['second time']['calls']}")
            rows.append([f"{count} tools, {name}", *cells])
    heads = ["", "compile ms", "first mask ms", "mask us p50", "p99", "repeated p50", "p99", "calls accepted"]
    return table(heads, rows)


def disk(found: Json) -> str:
    """Grammars taken from disk."""
    lead = f"{found['schemas']:,} schemas, {found['files MB']:.0f} MB of files."
    metrics = ("compile plus first mask ms", "mask us", "advance us")
    return f"{lead}\n\n" + table(["", *_AT], [spread(metric, found[metric]) for metric in metrics])


def cold(found: Json) -> str:
    """From the start of a process to its first mask."""
    rows = []
    for name, figures in found["seconds"].items():
        stages = [number(value) for value in figures["cpu"].values()]
        rows.append([name, *stages, number(figures["wall"])])
    heads = list(next(iter(found["seconds"].values()))["cpu"])
    return table(["s", *(f"{stage}, CPU" for stage in heads), "whole process, wall"], rows)


def vocabularies(found: Json) -> str:
    """The same schemas under other vocabularies."""
    rows = []
    for name, figures in found["vocabularies"].items():
        if "absent" in figures:
            rows.append([name, figures["absent"], *[""] * 5])
            continue
        cells = [f"{figures['ids']:,}"]
        for metric, at in (("mask us", ("p50", "p99", "p99.9")), ("advance us", ("p50", "p99"))):
            cells += [number(figures[metric].get(one)) for one in at]
        rows.append([name, *cells, number(figures["compile plus first mask ms"].get("p50"))])
    heads = [
        "vocabulary",
        "ids",
        "mask us p50",
        "p99",
        "p99.9",
        "advance us p50",
        "p99",
        "compile + first mask ms p50",
    ]
    return table(heads, rows)


def main() -> None:
    """Write the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(splice(page, tables()), encoding="utf-8")
    print(f"written to {PAGE.relative_to(facts.ROOT)}")


if __name__ == "__main__":
    main()

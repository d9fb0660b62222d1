"""JavaScript's own RegExp as the oracle of patterns, where `node` is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass

_SCRIPT = r"""
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
const compile = (pattern) => {
  for (const flags of ["u", ""]) {
    try { return new RegExp(pattern, flags); } catch (error) { }
  }
  return null;
};
const answer = ({pattern, texts}) => {
  const regexp = compile(pattern);
  return regexp && {unicode: regexp.unicode, found: texts.map((text) => regexp.test(text))};
};
process.stdout.write(JSON.stringify(cases.map(answer)));
"""


@dataclass(frozen=True)
class Verdict:
    """unicode: whether the pattern compiled with the flag `u`. found: per text whether it is found."""

    unicode: bool
    found: list[bool]


def available() -> bool:
    return shutil.which("node") is not None


def ask(cases: list[tuple[str, list[str]]]) -> list[Verdict | None]:
    """Per (pattern, texts) the verdict with `u` where that compiles, else without; None where neither does."""
    node = shutil.which("node")
    if node is None:
        message = "node is not installed"
        raise RuntimeError(message)
    data = json.dumps([{"pattern": pattern, "texts": texts} for pattern, texts in cases])
    done = subprocess.run([node, "-e", _SCRIPT], input=data.encode(), capture_output=True, check=True)
    return [v and Verdict(v["unicode"], v["found"]) for v in json.loads(done.stdout)]


_VALID = r"""
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
const valid = (text) => { try { new RegExp(text, "u"); return true; } catch (error) { return false; } };
process.stdout.write(JSON.stringify(texts.map(valid)));
"""


def valid(texts: list[str]) -> list[bool]:
    """Per text whether it is a pattern with the flag `u`."""
    node = shutil.which("node")
    if node is None:
        message = "node is not installed"
        raise RuntimeError(message)
    done = subprocess.run(
        [node, "-e", _VALID], input=json.dumps(texts).encode(), capture_output=True, check=True
    )
    found: list[bool] = json.loads(done.stdout)
    return found

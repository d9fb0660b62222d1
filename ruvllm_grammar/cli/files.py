"""Files: read within a bound, written whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ruvllm_grammar.cli.report import InputError
from ruvllm_grammar.errors import LimitError
from ruvllm_grammar.limits import Limits

STDIN = "-"


def read_bytes(name: str, limits: Limits) -> bytes:
    """All bytes of a file, or of standard input for `-`.

    Raises:
        InputError: it cannot be read.
        LimitError: it is longer than any text of `Limits.text` characters.
    """
    most = 4 * limits.text
    try:
        if name == STDIN:
            data = sys.stdin.buffer.read(most + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(most + 1)
    except OSError as error:
        raise unreadable(name, error) from error
    if len(data) > most:
        raise too_long(name, limits)
    return data


def read_text(name: str, limits: Limits) -> str:
    """The text of a file, or of standard input for `-`.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
        LimitError: it is longer than `Limits.text`.
    """
    data = read_bytes(name, limits)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        found = f"byte {error.start} (0x{data[error.start]:02x}) is not UTF-8"
        raise InputError(f"{shown(name)}: {found}; save it as UTF-8") from error
    if len(text) > limits.text:
        raise too_long(name, limits)
    return text


def shown(name: str) -> str:
    """How a file is called in messages."""
    return "standard input" if name == STDIN else name


def unreadable(name: str, error: OSError) -> InputError:
    """The error for a file that cannot be read."""
    return InputError(
        f"{shown(name)}: cannot be read: {error.strerror or error}; check its name and its rights"
    )


def too_long(name: str, limits: Limits) -> LimitError:
    """The error for a text over the budget."""
    msg = f"{shown(name)}: longer than Limits.text = {limits.text} characters; raise it with --limit text=N"
    return LimitError(msg, limit="text")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name beside it, then rename: nobody ever sees half of it.

    What is not a regular file (a device, a pipe) is written to as it is. A symbolic link stays one.

    Raises:
        InputError: it cannot be written; the old file, if any, is untouched.
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        try:
            with temporary.open("xb") as file:
                file.write(data)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: cannot be written: {reason}; check the folder and its rights") from error

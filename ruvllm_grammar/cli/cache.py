"""`ruvllm-grammar cache`: what lies in a cache of compiled tables, whether it is sound, and how to make it smaller."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import typer

from ruvllm_grammar.cli.options import CacheOption, DebugOption, JsonOption
from ruvllm_grammar.cli.report import NO, InputError, reported
from ruvllm_grammar.cli.screen import cells, print_json, print_table, print_text, table, watched
from ruvllm_grammar.store import Entry, TableCache

_SHORT = 12  # digits of a name shown to people

cache = typer.Typer(
    name="cache", help="Look after a cache of compiled tables.", no_args_is_help=True, add_completion=False
)


def opened(folder: str | None, max_bytes: int | None = None) -> TableCache:
    """The cache in a folder, or in the default one."""
    return TableCache(folder) if max_bytes is None else TableCache(folder, max_bytes=max_bytes)


def _entries(found: TableCache) -> list[Entry]:
    try:
        return found.folder.listed()
    except OSError as error:
        raise InputError(f"{found.path}: cannot be listed: {error.strerror}; check its rights") from error


@cache.command("ls")
def ls(*, cache: CacheOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """List the files, least recently used first."""
    with reported(as_json=as_json, debug=debug):
        found = opened(cache)
        entries = _entries(found)
        total = sum(entry.size for entry in entries)
        if as_json:
            files = [_for_machines(found, entry) for entry in entries]
            print_json({"cache": str(found.path), "files": files, "bytes": total})
            return
        out = table("vocabulary", "holds", "name", "bytes", "used", right=("bytes",))
        for entry in entries:
            vocabulary, holds, name = _parts(found, entry)
            used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
            out.add_row(*cells(vocabulary[:_SHORT], holds, name[:_SHORT], entry.size, used))
        print_table(out)
        print_text(f"{len(entries)} files, {total:,} bytes in {found.path}")


@cache.command("verify")
def verify(
    *,
    cache: CacheOption = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete what cannot be used.")] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Check every file; 1 if one is damaged. Files of other versions are named, and no fault."""
    with reported(as_json=as_json, debug=debug):
        found = opened(cache)
        entries = _entries(found)
        useless: list[tuple[Entry, str]] = []
        for entry in watched(entries, what="verifying", total=len(entries)):
            reason = found.examine(entry.path)
            if reason is not None:
                useless.append((entry, reason))
        damaged = [entry for entry, reason in useless if not reason.startswith("foreign")]
        if delete:
            for entry, _ in useless:
                found.folder.discard(str(entry.path))
        if as_json:
            print_json(
                {
                    "cache": str(found.path),
                    "useless": [
                        _for_machines(found, entry) | {"reason": reason} for entry, reason in useless
                    ],
                    "files": len(entries),
                    "damaged": len(damaged),
                    "deleted": len(useless) if delete else 0,
                }
            )
        else:
            for entry, reason in useless:
                print_text(f"{'/'.join(_parts(found, entry))}: {reason}")
            foreign = len(useless) - len(damaged)
            gone = ", deleted" if delete and useless else ""
            print_text(f"{len(entries)} files: {len(damaged)} damaged, {foreign} of other versions{gone}")
    if damaged:
        raise typer.Exit(NO)


@cache.command("prune")
def prune(
    *,
    cache: CacheOption = None,
    max_bytes: Annotated[
        int, typer.Option("--max-bytes", metavar="N", min=0, help="What the rest may hold.")
    ] = 1 << 30,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Delete the least recently used files until the others fit."""
    with reported(as_json=as_json, debug=debug):
        found = opened(cache)
        _entries(found)
        _deleted(found, found.folder.prune(max_bytes), as_json=as_json)


@cache.command("clear")
def clear(*, cache: CacheOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """Delete every file of the cache. Files that are not the cache's stay."""
    with reported(as_json=as_json, debug=debug):
        found = opened(cache)
        try:
            gone = found.folder.clear()
        except OSError as error:
            msg = f"{error.filename or found.path}: cannot be deleted: {error.strerror}; check its rights"
            raise InputError(msg) from error
        _deleted(found, gone, as_json=as_json)


def _deleted(found: TableCache, gone: Sequence[Entry], *, as_json: bool) -> None:
    size = sum(entry.size for entry in gone)
    left = _entries(found)
    if as_json:
        rest = {"files": len(left), "bytes": sum(entry.size for entry in left)}
        print_json({"cache": str(found.path), "deleted": {"files": len(gone), "bytes": size}, "left": rest})
    else:
        rest_size = sum(entry.size for entry in left)
        print_text(f"{len(gone)} files deleted, {size:,} bytes; {len(left)} left, {rest_size:,} bytes")


def _parts(found: TableCache, entry: Entry) -> tuple[str, str, str]:
    """Vocabulary, kind of contents, and name of a file."""
    vocabulary, holds, name = ("?", "?", *entry.path.relative_to(found.path).parts)[-3:]
    return vocabulary, {"grammars": "grammar"}.get(holds, holds), name.partition(".")[0]


def _for_machines(found: TableCache, entry: Entry) -> dict[str, object]:
    vocabulary, holds, name = _parts(found, entry)
    return {
        "path": str(entry.path),
        "vocabulary": vocabulary,
        "holds": holds,
        "name": name,
        "bytes": entry.size,
        "used": round(entry.used, 3),
    }

"""`ltx-mcp install HOST`: our entry in the host's own file, shown before it is written; all else there stays."""

import argparse
import difflib
import os
import sys
from datetime import datetime
from pathlib import Path

from ltx_mcp.cli.hosts import host, our_entry
from ltx_mcp.cli.install_options import InstallOptions
from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import err, out, print_value
from ltx_mcp.errors import BadInput, StudioError
from ltx_mcp.settings import Settings


async def install(settings: Settings, arguments: argparse.Namespace) -> int:
    """Raises BadInput for a file that cannot be read, StudioError for one that cannot be written."""
    options = read_options(InstallOptions, arguments)
    wanted = host(options.host, os.environ)
    before = wanted.file.read_text(encoding="utf-8") if wanted.file.exists() else ""
    after = wanted.changed(before, None if options.remove else our_entry(os.environ, options.roots))
    is_new = after != before and not (options.remove and not before)
    backup: Path | None = None
    if is_new:
        names = str(wanted.file), "as it will be"
        shown = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
        err.print("\n".join(shown), markup=False)
        if not (options.yes or _agrees()):
            raise BadInput("Nothing was changed.", "--yes changes it without asking.")
        backup = _write(wanted.file, before, after)
    done = "is as it was" if not is_new else "does not know ltx any more" if options.remove else "knows ltx"
    text = f"{wanted.label} {done}: {wanted.file}" + (f"\nAs it was before: {backup}" if backup else "")
    text += f"\nRestart {wanted.label}." if is_new else ""
    value = {"host": options.host, "file": str(wanted.file), "changed": is_new, "backup": backup and str(backup)}
    return print_value(arguments, value, lambda: out.print(text, markup=False))


def _agrees() -> bool:
    return sys.stdin.isatty() and input("Change it so? [y/N] ").strip().lower() in ("y", "yes")


def _write(file: Path, before: str, after: str) -> Path | None:
    """In one piece, through links, with the file's mode. Gives where the file as it was is kept, if there was one."""
    real = file.resolve()
    backup = real.with_name(f"{real.name}.before-ltx-{datetime.now():%Y%m%d-%H%M%S}") if before else None
    draft = real.with_name(f"{real.name}.ltx-draft")
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(after, encoding="utf-8")
        draft.chmod(real.stat().st_mode & 0o777 if real.exists() else 0o600)
        if backup is not None:
            backup.write_text(before, encoding="utf-8")
            backup.chmod(0o600)
        draft.replace(real)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StudioError(
            f"{file} cannot be written: {error}.", "Check its permissions; nothing was changed."
        ) from error
    return backup

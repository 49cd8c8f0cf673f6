"""The pages' templates, and how a page gets onto the disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2

from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from core.paths import resource
from core.text.vocabulary import load as load_vocabulary


def template(name: str, filters: Mapping[str, Callable[..., str]]) -> jinja2.Template:
    """A page's template; every text that it shows is escaped, and a value that is missing is an error.

    Args:
        name: of the file in ``resources/templates``.
        filters: the page's own, by name.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource("templates", name).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= dict(filters)
    notice = " ".join(load_vocabulary().notice.text.split())
    shared: dict[str, Any] = {"banner": RESEARCH_BANNER, "vocabulary_notice": notice}
    environment.globals |= shared
    return environment.get_template(name)


def write_text(path: Path, text: str) -> Path:
    """Writes a file; one that stood there is replaced as a whole or not at all.

    Raises:
        PolypTraceError: ``report-unwritable`` when the file can't be written.
    """
    partial = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)  # noqa: PTH105 - one call for all platforms
    except OSError as error:
        raise PolypTraceError(
            "report-unwritable", "The report can't be written there.", "Choose another folder or file name."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            partial.unlink(missing_ok=True)
    return path

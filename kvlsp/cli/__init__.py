"""The command line: ``kvlsp`` with one module per command, loaded when that command is run.

The commands are listed in ``table``. An error that kvlsp raises on purpose is printed as a sentence, with exit code 2.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from kvlsp.cli.compiled import bound_compiled_shapes
from kvlsp.cli.home import provide_home
from kvlsp.cli.streams import closed_streams, forget_output, is_about_output, print_anything
from kvlsp.errors import KvlspError

PLAIN: Final[tuple[list[str], ...]] = ([], ["--stdio"], ["serve"], ["serve", "--stdio"])
"""The arguments with which editors start the daemon. They need no reading of options, whose library takes as long to
import, and as much memory, as half of all the rest."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The program ``kvlsp``."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    closed = closed_streams()
    print_anything()
    provide_home()
    bound_compiled_shapes()
    try:
        try:
            if words in PLAIN:
                from kvlsp.cli.daemon import run

                run(closed=closed)
            else:
                from kvlsp.cli.program import app

                app(args=words, prog_name="kvlsp", obj=closed)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:  # before anybody else takes it
        sys.exit(130)
    except KvlspError as error:
        print(f"kvlsp: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if not is_about_output(error):
            raise
        forget_output()
        print(f"kvlsp: the output could not be written ({error.strerror}).", file=sys.stderr)
        sys.exit(2)

"""`python -m scoring DIR`: serve a folder with score.py on this machine, to try it before it is uploaded."""

import argparse
import os
import sys

from . import launch


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scoring", description="Serve a folder with score.py, its schema and its model files.")
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--probe", action="store_true", help="start it once, call run() with the schema's sample, and stop")
    parser.add_argument("--debug", action="store_true", help="show callers the traceback when run() fails")
    launch.add_listen(parser)
    arguments = parser.parse_args()
    arguments.verb, arguments.bundle = "probe" if arguments.probe else "serve", None
    arguments.folder = os.path.abspath(arguments.folder)
    here = os.path.dirname(os.path.abspath(__file__))
    # From here on `scoring` is whatever the user's folder calls so.
    for name in [each for each in sys.modules if each == "scoring" or each.startswith("scoring.")]:
        del sys.modules[name]
    replica = launch.runtime(here)
    launch.finish(replica.main(arguments))


main()

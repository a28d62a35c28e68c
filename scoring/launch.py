"""The entry of an image: `launch.py serve --host 0.0.0.0 --port 5001 | serve --unix PATH | probe`.

Lies in /opt/modelport beside the `scoring` folder and `bundle.json`. The runtime is
imported, with its dependencies, before the user's folder is on the path, and under
the private name `modelport_runtime`: the name `scoring` stays free for a file of
the user's.
"""

import argparse
import importlib.util
import os
import sys

PRIVATE = "modelport_runtime"


def runtime(package):
    """Import the package folder under its private name and return its `replica` module."""
    spec = importlib.util.spec_from_file_location(PRIVATE, os.path.join(package, "__init__.py"), submodule_search_locations=[package])
    module = importlib.util.module_from_spec(spec)
    sys.modules[PRIVATE] = module
    spec.loader.exec_module(module)
    return importlib.import_module(PRIVATE + ".replica")


def add_listen(parser):
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--workers", metavar="N", help="processes that score: a number, or auto for one a whole core; default 1")
    parser.add_argument("--unix", metavar="PATH", help="listen on a Unix socket instead")


def finish(code):
    """Leave at once: threads and exit hooks of the user's code neither delay the end nor print after the last line."""
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(code)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(prog="launch.py")
    verbs = parser.add_subparsers(dest="verb", required=True)
    add_listen(verbs.add_parser("serve", help="serve the bundle"))
    verbs.add_parser("probe", help="start it once, without listening, and say how that went")
    arguments = parser.parse_args()
    arguments.bundle, arguments.folder = os.path.join(here, "bundle.json"), None
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    finish(runtime(os.path.join(here, "scoring")).main(arguments))


if __name__ == "__main__":
    main()

"""A launcher of a few lines that honours the contract between images and targets: serve, probe, bundle.json beside it.

The targets' and builders' tests use it, so that they say nothing about the scoring runtime.
"""

import argparse
import http.server
import json
import os
import runpy
import signal
import socketserver
import sys
import threading
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["serve", "probe"])
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--unix")
    options = parser.parse_args()
    with open(os.path.join(HERE, "bundle.json")) as file:
        bundle = json.load(file)
    app = os.path.normpath(os.path.join(HERE, bundle["app"]))
    os.chdir(app)
    secret = os.environ.pop("MODELPORT_SECRET", "")
    if options.verb == "probe":
        sys.exit(probe(app))
    try:
        run = load(app)
    except Exception:
        traceback.print_exc()
        sys.exit(3)
    serve(options, bundle, secret, run)


def load(app):
    driver = runpy.run_path(os.path.join(app, "score.py"))
    driver["init"]()
    return driver["run"]


def probe(app):
    try:
        answer = {"ok": True, "message": "", "sample_result": load(app)("sample"), "details": {"python": sys.version.split()[0]}}
    except Exception:
        answer = {"ok": False, "message": traceback.format_exc(limit=-3), "details": {}}
    print("MODELPORT-PROBE " + json.dumps(answer), flush=True)
    return 0 if answer["ok"] else 3


def serve(options, bundle, secret, run):
    ready = {"status": "ready", "service": os.environ.get("MODELPORT_SERVICE"), "revision": os.environ.get("MODELPORT_REVISION")}
    ready.update(digest=bundle["digest"], nonce=os.environ.get("MODELPORT_NONCE"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            if secret and self.headers.get("X-Modelport-Secret") != secret:
                return self.answer(403, {"code": "NotThroughTheGateway"})
            self.answer(200, ready)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))  # first: who hangs up on a caller who still sends is no answer
            if secret and self.headers.get("X-Modelport-Secret") != secret:
                return self.answer(403, {"code": "NotThroughTheGateway"})
            self.answer(200, run(body.decode()))

        def address_string(self):
            return "gateway"

        def log_message(self, *arguments):
            pass

    kind = socketserver.ThreadingUnixStreamServer if options.unix else socketserver.ThreadingTCPServer
    kind.daemon_threads = True
    with kind(options.unix or (options.host, options.port), Handler) as server:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        print("serving", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()

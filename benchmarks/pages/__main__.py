"""Every page with 100 rows and with 100,000 versions, 10,000 services and a year of operations, in PostgreSQL.

    python -m benchmarks.pages [--rounds 7] [--only models] [--keep] [--share 0.1]

Both databases are filled, then each page is asked of one and of the other in turn, in this process with all of the portal's middleware:
queries, median milliseconds, their ratio. The milliseconds are those of processors, of this process and of its session in the
database together: nothing waits for anything else here, and a busy machine does not change them. So the server is on this machine. Exports are asked for once, and are told by rows and seconds.
MODELPORT_TEST_POSTGRES_URL names the server; the databases are made on it and dropped. With --keep they stay for the next run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

SERVER = "postgresql://postgres@127.0.0.1:15432/postgres"
MOST_QUERIES, MOST_RATIO = 12, 2.0


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=7)
    asked.add_argument("--only", default="", help="pages whose name begins so; several are parted by commas")
    asked.add_argument("--keep", action="store_true", help="keep the databases, and use those that were kept")
    asked.add_argument("--share", type=float, default=1.0, help="of the large database's rows")
    asked.add_argument("--queries", action="store_true", help="print the queries of the large one's pages, with their times")
    asked.add_argument("--no-exports", action="store_true")
    asked.add_argument("--json", type=Path, help="write the figures here too")
    options = asked.parse_args()
    server = os.environ.get("MODELPORT_TEST_POSTGRES_URL", SERVER)
    with tempfile.TemporaryDirectory(prefix="modelport-bench-") as folder:
        os.environ |= {"MODELPORT_DATA": folder, "MODELPORT_DATABASE_URL": server, "DJANGO_SETTINGS_MODULE": "portal.settings.test"}
        import django
        from django.conf import settings

        # The pages of two databases are asked for by turns over one connection, which a pool would not let go.
        settings.DATABASES["default"]["OPTIONS"].pop("pool")
        django.setup()
        found = _run(options)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    sys.exit(bool([row for row in found["pages"] if row["misses"]]))


def _run(options) -> dict:
    from benchmarks.pages.addresses import exports, pages, rest
    from benchmarks.pages.asking import Asked, database, export
    from benchmarks.pages.filling import FEW, MANY, scaled

    sizes = {"few": FEW, "many": scaled(MANY, options.share) if options.share != 1 else MANY}
    suffix = f"{round(1000 * options.share)}" if options.keep else str(os.getpid())
    with (
        database(f"modelport_bench_few_{suffix}", FEW, options.keep) as few,
        database(f"modelport_bench_many_{suffix}", sizes["many"], options.keep) as many,
    ):
        wanted = tuple(filter(None, options.only.split(",")))
        asked: list[Asked] = []
        for base in (few, many):
            base.use()
            base.addresses = {name: url for name, url in (pages() | rest()).items() if not wanted or name.startswith(wanted)}
        asked = [Asked(name, few.addresses[name], many.addresses[name]) for name in few.addresses]
        for number in range(options.rounds + 1):
            for one in asked:
                for base, side in ((few, "few"), (many, "many")):
                    base.use()
                    # The first round warms caches and counts.
                    one.count(side, base.client) if not number else one.time(side, base.client)
        rows = [one.told(MOST_QUERIES, MOST_RATIO) for one in asked]
        _table(rows)
        if options.queries:
            many.use()
            for one in asked:
                one.explain(many.client)
        exported = []
        if not options.no_exports and not wanted:
            many.use()
            exported = [export(name, url, many.client) for name, url in exports().items()]
            for row in exported:
                print(
                    "{name:34}{rows:>9} rows {seconds:7.1f} s, first bytes after {first_ms:.0f} ms, memory +{memory_mib:.0f} MiB".format(
                        **row
                    )
                )
        return {"sizes": {name: str(size) for name, size in sizes.items()}, "pages": rows, "exports": exported}


def _table(rows: list[dict]) -> None:
    print(f"{'page':44}{'few: queries':>13}{'ms':>8}{'many: queries':>15}{'ms':>8}{'ratio':>7}")
    for row in sorted(rows, key=lambda row: -row["ratio"]):
        misses = f"  <- {', '.join(row['misses'])}" if row["misses"] else ""
        print(
            f"{row['page']:44}{row['few_queries']:>13}{row['few_ms']:>8}{row['many_queries']:>15}{row['many_ms']:>8}{row['ratio']:>7}{misses}"
        )
    print(
        f"{len(rows)} pages, {sum(bool(row['misses']) for row in rows)} miss; median ratio {statistics.median(row['ratio'] for row in rows):.2f}, "
        f"highest {max(row['ratio'] for row in rows)}, most queries {max(row['many_queries'] for row in rows)}"
    )


if __name__ == "__main__":
    began = time.monotonic()
    try:
        main()
    finally:
        print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)

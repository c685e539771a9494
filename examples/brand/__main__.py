"""Brands behind one server: python -m examples.brand FOLDER [FOLDER ...] [--port N].

--slow FOLDER=SECONDS   this brand takes its time before it answers an event
--lying FOLDER          this brand acknowledges every event, destroys nothing and attests nothing

Each FOLDER is one brand: its brand.json says who it is and where the vault is. The first start
makes a key and writes FOLDER/registration.json, which the vault's operator registers; the line
that comes back belongs into FOLDER/client.json.

POST /<folder's name>/events      the vault's events arrive here (RFC 8935)
POST /<folder's name>/ask         {"request": {...}, "key": "..."}  ask for access
POST /<folder's name>/journey     {"journey": {...}, "key": "..."}  ask for all brands of an alliance
POST /<folder's name>/manners     {"slow": 3, "lying": true}  behave differently from now on
POST /<folder's name>/poll        {"request": id}                   what became of it
POST /<folder's name>/read        {"subject", "category", "purpose", ...}
POST /<folder's name>/contribute  {"contribution": {...}, "key": "..."}
POST /<folder's name>/settle      {}  fulfil what is owed and was missed
GET  /<folder's name>/            what the brand holds, as JSON
"""

import argparse
import signal
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

from examples.brand.brand import Brand
from examples.brand.server import handler_for


def main() -> int:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.brand",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slow", action="append", default=[], metavar="FOLDER=SECONDS")
    parser.add_argument("--lying", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--register-only", action="store_true", help="write the files and end")
    asked = parser.parse_args()
    brands = {folder.name: Brand(folder) for folder in asked.folders}
    for each in asked.slow:
        name, _, seconds = each.partition("=")
        brands[name].manners.slow = float(seconds)
    for name in asked.lying:
        brands[name].manners.lying = True
    for brand in brands.values():
        brand.write_registration()
    if asked.register_only:
        return 0
    server = ThreadingHTTPServer(("127.0.0.1", asked.port), handler_for(brands))
    print(f"{len(brands)} brands at http://127.0.0.1:{server.server_port}", flush=True)
    # shutdown() waits for serve_forever(), so it needs a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

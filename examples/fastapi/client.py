"""Runs anywhere, without SGX: talks to the server only if it is the enclave that --mrenclave names.

usage: client.py [--mrenclave HEX] [--mrsigner HEX] [--trust-root FILE] [--collateral PATH] [--debug] [--save-certificate FILE] URL
exit status: 0 answered; 1 refused (the reason is printed); 2 wrong command line
"""

import argparse
import json
import sys
import urllib.parse

from cloister.verify import AttestationError, Client, Policy, Verifier, fetch_certificate


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--mrenclave", action="append", default=[])
    parser.add_argument("--mrsigner", action="append", default=[])
    parser.add_argument("--trust-root", help="PEM, instead of Intel's root (the software device's, for development)")
    parser.add_argument("--collateral", help="folder or bundle; default: CLOISTER_COLLATERAL, else a server is asked")
    parser.add_argument("--debug", action="store_true", help="accept debug enclaves, whose memory the host reads")
    parser.add_argument("--save-certificate", metavar="FILE", help="write the verified certificate, for curl --cacert")
    o = parser.parse_args()
    verifier = Verifier(Policy(mrenclave=o.mrenclave, mrsigner=o.mrsigner, trust_root=o.trust_root, collateral=o.collateral,
                               allow_debug_insecure=o.debug))
    client = Client(o.url, verifier)
    try:
        print(client.get("").read().decode())
        print(json.loads(client.get("get_headers", {"X-Question": "42"}).read())["headers"]["x-question"])
        body = json.dumps({"message": "a secret that only the enclave reads"})
        print(client.post("log_body", {"Content-Type": "application/json"}, body).read().decode())
        if o.save_certificate:
            where = urllib.parse.urlsplit(o.url)
            with open(o.save_certificate, "wb") as file:
                file.write(fetch_certificate(where.hostname or "", where.port or 443, verifier))
    except AttestationError as error:
        print(f"refused: {error.report.reason}: {error.report.words}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

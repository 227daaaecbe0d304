"""Runs in the enclave: makes the RA-TLS key and certificate in memory (/tmp is a tmpfs), then serves app.py with them.

One process, no reloader: the key is in this enclave only. usage: serve.py PORT
"""

import sys

import uvicorn

from cloister import attest

KEY, CERTIFICATE = "/tmp/key.pem", "/tmp/crt.pem"

if __name__ == "__main__":
    attest.write_key_and_certificate(KEY, CERTIFICATE)
    uvicorn.run("app:app", host="127.0.0.1", port=int(sys.argv[1]), log_level="info", ssl_keyfile=KEY, ssl_certfile=CERTIFICATE)

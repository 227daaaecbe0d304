"""The real image against a lying launcher: each lie of cloister-host-hostile, one run each.

A run must end in time, and either fail (with an error of the program's or a message of ours) or print exactly the honest result.
It must never print another result, and the trusted side must never break ("internal error").

usage: real_image_test.py CLOISTER HOST HOSTILE IMAGE [PYTEST ARGUMENT]...
"""
import os, pathlib, re, subprocess, sys

import pytest

CLOISTER, HOST, HOSTILE, IMAGE = (os.environ.get(n, "") for n in ("CLOISTER", "HOST", "HOSTILE", "IMAGE"))
HERE = pathlib.Path(__file__).parent
PYTHON = os.path.realpath("/usr/bin/python3")

MANIFEST = f'''
libos.entrypoint = "{PYTHON}"
loader.argv = ["python3", "-B", "/app/victim.py"]
loader.env.MEASURED = "yes"
loader.log_level = "error"
fs.root.type = "tmpfs"
fs.mounts = [
  {{ path = "/usr", uri = "file:/usr" }},
  {{ path = "/lib", uri = "file:/usr/lib" }},
  {{ path = "/lib64", uri = "file:/usr/lib64" }},
  {{ path = "/app", uri = "file:app" }},
  {{ path = "/tmp", type = "tmpfs" }},
  {{ path = "/open", uri = "file:open" }},
  {{ path = "/private", type = "encrypted", uri = "file:private", key_name = "default" }},
]
fs.insecure__keys.default = "000102030405060708090a0b0c0d0e0f"
sgx.enclave_size = "512M"
sgx.max_threads = 8
sgx.use_exinfo = true
sgx.remote_attestation = "dcap"
sgx.allowed_files = [ "file:open/" ]
sgx.trusted_files = [ "file:{PYTHON}", "file:/usr/lib64/ld-linux-x86-64.so.2", "file:app/", "file:/usr/lib/python3.11/", %s ]
'''


def libraries():
    extensions = pathlib.Path("/usr/lib/python3.11/lib-dynload").glob("*.so")
    text = subprocess.run(["ldd", PYTHON, *map(str, extensions)], capture_output=True, text=True).stdout
    found = sorted({m for m in re.findall(r"=> (/\S+)", text)})
    return ", ".join('"file:%s"' % (("/usr" + f) if f.startswith("/lib") else f) for f in found)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    d = tmp_path_factory.mktemp("attack")
    (d / "app").mkdir()
    (d / "private").mkdir()
    (d / "open").mkdir()
    (d / "open/data").write_bytes(b"open to all")
    (d / "open/link").symlink_to("data")
    (d / "app/victim.py").write_bytes((HERE / "victim.py").read_bytes())
    (d / "key").write_bytes(bytes(range(16)))
    (d / "plain").write_bytes(bytes(i * 7 % 256 for i in range(100000)))
    (d / "v.manifest").write_text(MANIFEST % libraries())
    for args in (["encrypt", "-w", "key", "-i", "plain", "-o", "private/secret.bin"], ["keygen", "k.pem"],
                 ["sign", "-q", "-k", "k.pem", "v.manifest"]):
        subprocess.run([CLOISTER, *args], cwd=d, check=True, capture_output=True)
    return d


def run(room, host):
    (room / "private/out.bin").unlink(missing_ok=True)
    return subprocess.run([CLOISTER, "run", "--mode", "soft", "--image", IMAGE, "--host", host, "v"], cwd=room,
                          capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def honest(room):
    r = run(room, HOST)
    assert r.returncode == 0, r.stderr
    assert r.stdout.startswith("RESULT ")
    return r.stdout


def lies():
    if not HOSTILE:
        return []
    r = subprocess.run([HOSTILE, "--lie", "list"], capture_output=True, text=True)
    return (r.stdout + r.stderr).split()


@pytest.mark.parametrize("lie", lies())
def test_a_lie_is_an_error_or_changes_nothing(room, honest, lie):
    wrapper = room / f"host-{lie}"
    wrapper.write_text(f'#!/bin/sh\nexec timeout -s KILL 60 "{HOSTILE}" --lie {lie} "$@"\n')
    wrapper.chmod(0o755)
    r = run(room, str(wrapper))
    assert "internal error" not in r.stderr, r.stderr
    assert "BELIEVED" not in r.stderr, r.stderr
    if lie == "cpuid-wild":
        assert r.returncode == 134 and "is impossible" in r.stderr, (r.returncode, r.stderr)
    assert "RESULT" not in r.stdout or r.stdout == honest, r.stdout
    if r.returncode == 0:
        assert r.stdout == honest, (r.stdout, r.stderr)
    assert r.returncode not in (137, -9), "the run did not end: " + r.stderr


if __name__ == "__main__":
    os.environ.update(zip(("CLOISTER", "HOST", "HOSTILE", "IMAGE"), map(os.path.abspath, sys.argv[1:5])))
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, *sys.argv[5:]]).returncode)

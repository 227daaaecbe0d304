"""Quotes for real enclaves by every way: an AESM that loses its key, one that is broken, Intel's in-process library (played by
the software device), and what `cloister run --mode sgx` does where there is no aesmd.

usage: quoting_test.py CLOISTER FAKE_LIBRARY [PYTEST ARGUMENT]...
"""
import json, os, pathlib, shutil, socket, subprocess, sys, threading, time
import pytest

CLOISTER = os.environ.get('CLOISTER', 'cloister')
LIBRARY = os.environ.get('FAKE_LIBRARY', '')
INIT_42, QUOTE_42 = bytes([4, 0, 0, 0, 0x7a, 2, 8, 42]), bytes([5, 0, 0, 0, 0x8a, 1, 2, 8, 42])

MANIFEST = """
libos.entrypoint = "/usr/bin/head"
loader.argv = ["head", "-c", "9000", "/dev/attestation/quote"]
loader.log_level = "none"
fs.root.type = "tmpfs"
fs.mounts = [{ path = "/usr", uri = "file:/usr" }, { path = "/lib", uri = "file:/usr/lib" }, { path = "/lib64", uri = "file:/usr/lib64" }]
sgx.enclave_size = "256M"
sgx.use_exinfo = true
sgx.remote_attestation = "dcap"
sgx.trusted_files = ["file:/usr/bin/head", "file:/usr/lib64/ld-linux-x86-64.so.2", "file:/usr/lib/x86_64-linux-gnu/libc.so.6"]
"""


@pytest.fixture(scope='module')
def room(tmp_path_factory):
    folder = tmp_path_factory.mktemp('quoting')
    os.environ.pop('LD_LIBRARY_PATH', None)  # meson's leads to the library that some tests must not find
    os.environ.update(CLOISTER_STATE_DIR=str(folder / 'state'), XDG_CONFIG_HOME=str(folder / 'config'), FAKE_DCAP_QL_STATE=str(folder / 'state/soft'))
    (folder / 'app.manifest').write_text(MANIFEST)
    for args in (['keygen', 'key.pem'], ['sign', '--quiet', '--key', 'key.pem', 'app.manifest'], ['quoting-service', '--background']):
        subprocess.run([CLOISTER, *args], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def run(room, *options):
    return subprocess.run([CLOISTER, 'run', '--mode', 'soft', *options, 'app'], cwd=room, capture_output=True, timeout=120)


def verified(room, done):
    assert done.returncode == 0, done
    (room / 'quote').write_bytes(done.stdout)
    (room / 'policy.toml').write_text('any_enclave = true\n')
    shown = subprocess.run([CLOISTER, 'quote', 'verify', 'quote', '--soft', '--policy', 'policy.toml', '--json'], cwd=room, capture_output=True)
    assert json.loads(shown.stdout)['accepted'], shown
    return True


class Aesm:
    """Passes requests on to the software device's service, but for what `change(kind, count)` says instead."""

    def __init__(self, room, change):
        self.path, self.real, self.change, self.asked = str(room / 'aesm'), str(room / 'state/soft/aesm.socket'), change, []
        pathlib.Path(self.path).unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                request = client.recv(4, socket.MSG_WAITALL)
                if len(request) < 4:
                    continue
                request += client.recv(int.from_bytes(request, 'little'), socket.MSG_WAITALL)
                self.asked.append(request[4])
                answer = self.change(request[4], self.asked.count(request[4]))
                if answer is None:
                    with socket.socket(socket.AF_UNIX) as real:
                        real.connect(self.real)
                        real.sendall(request)
                        answer = b''
                        while part := real.recv(65536):
                            answer += part
                client.sendall(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def test_error_42_is_asked_again_from_the_start_and_then_works(room):
    with Aesm(room, lambda kind, count: QUOTE_42 if kind == 0x8a and count <= 4 else None) as aesm:
        done = run(room, '--aesm', aesm.path)
        assert verified(room, done) and aesm.asked == [0x7a, 0x8a] * 5
        assert b'refused' not in done.stderr
    with Aesm(room, lambda kind, count: INIT_42 if count <= 3 and kind == 0x7a else None) as aesm:
        assert verified(room, run(room, '--aesm', aesm.path)) and aesm.asked == [0x7a] * 4 + [0x8a]


@pytest.mark.parametrize('answer,says,asked', [
    (QUOTE_42, b'the quoting service refused: 42: ', 5),
    (bytes([5, 0, 0, 0, 0x8a, 1, 2, 8, 44]), b'the quoting service refused: 44: ', 1),
    (b'', b"the quoting service's answer was cut off", 1),
    (b'\xff\xff\xff\xff', b"the quoting service's answer was cut off, or too long", 1),
    (bytes([4, 0, 0, 0, 1, 2, 3, 4]), b'malformed answer', 1),
])
def test_it_gives_up_in_bounded_time_with_one_line(room, answer, says, asked):
    with Aesm(room, lambda kind, count: answer if kind == 0x8a else None) as aesm:
        start = time.monotonic()
        done = run(room, '--aesm', aesm.path)
        assert time.monotonic() - start < 60
        lines = [line for line in done.stderr.splitlines() if b'quoting service' in line]
        assert done.returncode == 1 and len(lines) == 1 and says in lines[0], done
        assert aesm.asked.count(0x8a) == asked and b'Permission denied' in done.stderr


def test_no_service_at_all_is_one_line(room):
    done = run(room, '--aesm', str(room / 'nowhere'))
    assert done.returncode == 1 and b'no quoting service: ' in done.stderr


def test_intels_library_serves_a_real_enclave(room):
    path = str(room / 'ql')
    service = subprocess.Popen([CLOISTER, 'quoting-service', f'--dcap-ql={LIBRARY}', '--socket', path], stdout=subprocess.PIPE)
    try:
        assert service.stdout.readline().split()[-1] == path.encode()
        assert verified(room, run(room, '--aesm', path))
    finally:
        service.terminate()
        assert service.wait(20) == 0
    for library, says in (('/nowhere.so', '/nowhere.so'), ('libm.so.6', 'sgx_qe_get_target_info')):
        done = subprocess.run([CLOISTER, 'quoting-service', f'--dcap-ql={library}'], capture_output=True, text=True)
        assert done.returncode == 1 and says in done.stderr and len(done.stderr.splitlines()) == 1


def test_doctor_names_the_library(room):
    def checks(**more):
        done = subprocess.run([CLOISTER, 'doctor', '--json'], capture_output=True, env={**os.environ, **more})
        value = json.loads(done.stdout)
        return {c['key']: c for c in value['checks']}, value['hardware_attestation']
    here, attests = checks(LD_LIBRARY_PATH=os.path.dirname(LIBRARY))
    assert here['dcap_ql']['ok'] and attests is (os.path.exists('/dev/sgx_enclave'))
    if not os.path.exists('/usr/lib/x86_64-linux-gnu/libsgx_dcap_ql.so.1'):
        without, _ = checks()
        assert not without['dcap_ql']['ok'] and 'libsgx-dcap-ql' in without['dcap_ql']['remedy']


# A machine whose /dev has an SGX device: in a mount namespace of our own. The launcher is a script that says how it was called.
SGX_MACHINE = r'''
mount -t tmpfs none /dev && touch /dev/sgx_enclave && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 && mknod /dev/random c 1 8 && exec "$@"
'''


def on_an_sgx_machine(room, **environment):
    launcher = room / 'launcher'
    launcher.write_text('#!/bin/sh\necho "$@"\n')
    launcher.chmod(0o755)
    if os.geteuid() or subprocess.run(['unshare', '-m', 'sh', '-c', SGX_MACHINE, 'sh', 'true'], capture_output=True).returncode:
        pytest.skip('mount namespaces are not allowed here')
    return subprocess.run(['unshare', '-m', 'sh', '-c', SGX_MACHINE, 'sh', CLOISTER, 'run', '--mode', 'sgx', '--host', launcher, 'app'], cwd=room,
                          capture_output=True, text=True, timeout=60, env={**os.environ, **environment})


def test_run_in_sgx_starts_the_librarys_service_where_there_is_no_aesmd(room):
    if os.path.exists('/var/run/aesmd/aesm.socket'):
        pytest.skip('this machine has aesmd')
    done = on_an_sgx_machine(room)
    assert done.returncode == 0 and '--aesm' not in done.stdout, done
    done = on_an_sgx_machine(room, LD_LIBRARY_PATH=os.path.dirname(LIBRARY))
    ql = room / 'state/soft/dcap-ql.socket'
    assert done.returncode == 0 and f'--aesm {ql}' in done.stdout, done
    try:
        assert verified(room, run(room, '--aesm', str(ql)))
        assert f'--aesm {ql}' in on_an_sgx_machine(room).stdout  # it runs: nothing need be loaded
    finally:
        ql.unlink()  # the service ends when its socket is gone


if __name__ == '__main__':
    CLOISTER = os.environ['CLOISTER'] = str(pathlib.Path(sys.argv[1]).resolve())
    LIBRARY = os.environ['FAKE_LIBRARY'] = str(pathlib.Path(sys.argv[2]).resolve())
    sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', __file__, *sys.argv[3:]]))

#!/usr/bin/env python3
"""e2e_large.py BUILD [MB] - large messages through the API, up and down, in little memory

A town whose intermediary is away takes a message of MB megabytes through its socket, once with its
length announced and once in chunks, and gives its file back: in one piece, and broken off half way
and continued. The daemon's peak memory is looked at; PEAK_MB bounds it.
"""
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 600
build = os.path.abspath(sys.argv[1])
size = int(sys.argv[2] if len(sys.argv) > 2 else 48) << 20
peak_mb = int(os.environ.get('PEAK_MB', '64'))
root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
PIECE = 1 << 20


def free_ports():
    lib = os.path.join(root, 'tests', 'e2e', 'lib.sh')
    return subprocess.run(['sh', '-c', 'e2e=%s; . "%s"; free_ports' % (os.path.dirname(lib), lib)],
                          check=True, capture_output=True, text=True).stdout.strip()


def piece(n):
    """No two are the same, and none compresses away."""
    return hashlib.shake_128(n.to_bytes(8, 'big')).digest(4096) * (PIECE // 4096)


def body(head, tail):
    yield head
    for n in range(size // PIECE):
        yield piece(n)
    yield tail


def ask(path, method='GET', parts=None, **headers):
    connection = http.client.HTTPConnection('depesche', timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(PATIENCE)
    connection.sock.connect('api.sock')
    connection.request(method, path, parts, {k.replace('_', '-'): v for k, v in headers.items()},
                       encode_chunked='Transfer_Encoding' in headers)
    return connection.getresponse()


def upload(chunked):
    head = (b'--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n'
            b'{"endpoint": "bauamt", "recipient": "Stadt Beheim"}\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n')
    tail = b'\r\n--b--\r\n'
    length = {'Transfer_Encoding': 'chunked'} if chunked else {
        'Content_Length': str(len(head) + size + len(tail))}
    answer = ask('/v1/messages', 'POST', body(head, tail),
                 Content_Type='multipart/form-data; boundary=b', **length)
    told = json.load(answer)
    assert answer.status == 202, told
    return told['id']


def read(answer, digest, most):
    """At most so many bytes, then the connection is dropped."""
    got = 0
    while got < most:
        some = answer.read(min(PIECE, most - got))
        if not some:
            break
        digest.update(some)
        got += len(some)
    answer.close()
    return got


def download(message, want):
    path = '/v1/messages/%s/files/1' % message
    digest = hashlib.sha256()
    answer = ask(path)
    tag = answer.headers['ETag']
    assert tag == '"%s"' % want, (tag, want)
    assert read(answer, digest, size) == size and digest.hexdigest() == want
    digest = hashlib.sha256()
    got = read(ask(path), digest, size // 2)
    rest = ask(path, Range='bytes=%d-' % got, If_Range=tag)
    assert rest.status == 206, rest.status
    assert got + read(rest, digest, size) == size and digest.hexdigest() == want


def peak(process):
    with open('/proc/%d/status' % process.pid) as f:
        return int(re.search(r'VmHWM:\s+(\d+)', f.read()).group(1)) // 1024


def main():
    subprocess.run([build + '/depesche', 'init', '--demo', '.', '--ports', free_ports()], check=True,
                   stdout=subprocess.DEVNULL)
    with open('town-a.yaml') as f:
        conf = f.read()
    conf = re.sub(r'^  socket: .*$', '  socket: api.sock', conf, flags=re.M)
    conf = re.sub(r'^limits:\n', 'limits:\n  message_max_mb: %d\n' % ((size >> 20) + 1), conf, flags=re.M)
    if 'message_max_mb' not in conf:
        conf += 'limits: {message_max_mb: %d}\n' % ((size >> 20) + 1)
    with open('town-a.yaml', 'w') as f:
        f.write(conf)
    want = hashlib.sha256()
    for n in range(size // PIECE):
        want.update(piece(n))
    with open('town-a.log', 'wb') as log:
        town = subprocess.Popen([build + '/depesched', '--config', 'town-a.yaml'],
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until = time.time() + PATIENCE
        while b'event=daemon.started' not in open('town-a.log', 'rb').read():
            assert town.poll() is None and time.time() < until, 'no start'
            time.sleep(0.1)
        at_rest = peak(town)
        for chunked in (False, True):
            begun = time.time()
            message = upload(chunked)
            up = time.time() - begun
            begun = time.time()
            download(message, want.hexdigest())
            print('%d MB %s: up %.1f s, down twice %.1f s, peak %d MB (%d MB at rest)' % (
                size >> 20, 'in chunks' if chunked else 'announced', up, time.time() - begun,
                peak(town), at_rest), flush=True)
            ask('/v1/messages/%s/cancel' % message, 'POST').read()
        assert peak(town) - at_rest <= peak_mb, 'too much memory'
    finally:
        town.send_signal(signal.SIGTERM)
        town.wait()


if __name__ == '__main__':
    folder = tempfile.mkdtemp(prefix='depesche-test-')
    os.chdir(folder)
    try:
        main()
    except BaseException:
        if os.path.exists('town-a.log'):
            print(open('town-a.log').read()[-3000:], file=sys.stderr)
        raise
    finally:
        shutil.rmtree(folder)

#!/usr/bin/env python3
"""e2e_large.py BUILD [MB] - large messages through the API, up and down, in little memory

A town whose intermediary is away takes a message of MB megabytes through its socket, once with its
length announced and once in chunks, and gives its file back: in one piece, and broken off half way
and continued. The daemon's peak memory is looked at; PEAK_MB bounds it.
"""
import hashlib
import json
import os
import re
import sys
import time

from demo_world import Daemon, demo_make, free_ports, run_in_folder

size = int(sys.argv[2] if len(sys.argv) > 2 else 48) << 20
peak_mb = int(os.environ.get('PEAK_MB', '64'))
PIECE = 1 << 20


def piece(n):
    """No two are the same, and none compresses away."""
    return hashlib.shake_128(n.to_bytes(8, 'big')).digest(4096) * (PIECE // 4096)


def body(head, tail):
    yield head
    for n in range(size // PIECE):
        yield piece(n)
    yield tail


def upload(town, chunked):
    head = (b'--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n'
            b'{"endpoint": "bauamt", "recipient": "Stadt Beheim"}\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n')
    tail = b'\r\n--b--\r\n'
    length = {'Transfer_Encoding': 'chunked'} if chunked else {
        'Content_Length': str(len(head) + size + len(tail))}
    answer = town.ask('POST', '/v1/messages', body(head, tail),
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


def download(town, message, want):
    path = '/v1/messages/%s/files/1' % message
    digest = hashlib.sha256()
    answer = town.ask('GET', path)
    tag = answer.headers['ETag']
    assert tag == '"%s"' % want, (tag, want)
    assert read(answer, digest, size) == size and digest.hexdigest() == want
    digest = hashlib.sha256()
    got = read(town.ask('GET', path), digest, size // 2)
    rest = town.ask('GET', path, Range='bytes=%d-' % got, If_Range=tag)
    assert rest.status == 206, rest.status
    assert got + read(rest, digest, size) == size and digest.hexdigest() == want


def main():
    demo_make('--ports', free_ports())
    with open('town-a.yaml') as f:
        conf = f.read()
    conf = re.sub(r'^limits:\n', 'limits:\n  message_max_mb: %d\n' % ((size >> 20) + 1), conf, flags=re.M)
    if 'message_max_mb' not in conf:
        conf += 'limits: {message_max_mb: %d}\n' % ((size >> 20) + 1)
    with open('town-a.yaml', 'w') as f:
        f.write(conf)
    want = hashlib.sha256()
    for n in range(size // PIECE):
        want.update(piece(n))
    town = Daemon('town-a')
    try:
        at_rest = town.peak_mb()
        for chunked in (False, True):
            begun = time.time()
            message = upload(town, chunked)
            up = time.time() - begun
            begun = time.time()
            download(town, message, want.hexdigest())
            print('%d MB %s: up %.1f s, down twice %.1f s, peak %d MB (%d MB at rest)' % (
                size >> 20, 'in chunks' if chunked else 'announced', up, time.time() - begun,
                town.peak_mb(), at_rest), flush=True)
            town.ask('POST', '/v1/messages/%s/cancel' % message).read()
        assert town.peak_mb() - at_rest <= peak_mb, 'too much memory'
        town.end()
    finally:
        town.kill()


if __name__ == '__main__':
    run_in_folder(main)

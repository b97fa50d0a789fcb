#!/usr/bin/env python3
"""e2e_abuse.py BUILD - connections that only cost, while messages go from town to town

Towns A and B and their intermediary run with the settings of the demo. A's messages for B go through
the intermediary, first undisturbed, then while strangers hold connections to its OSCI listeners, with
TLS and without, and to both towns' XTA listeners: idle ones, that never say anything, and slow ones,
that say a byte each second of a head, a handshake or a body. What the gateway closes they open again.
The order is calm, attack, attack, calm, so that what changes by itself weighs on both alike.

IDLE=n, SLOW=n: so many connections (1,000 and 100); MESSAGES=n: in each of the four parts (60);
RATIO=x: so much of the throughput must be left (0.4; the full test, IDLE=10000 SLOW=1000
MESSAGES=300 RATIO=0.9, on a machine that does nothing else). The last line is JSON with the figures.
"""
import errno
import heapq
import json
import multiprocessing
import os
import re
import resource
import select
import socket
import threading
import time

from demo_world import Daemon, Local, PATIENCE, demo_make, free_ports, run_in_folder, wait_for

idle = int(os.environ.get('IDLE', '1000'))
slow = int(os.environ.get('SLOW', '100'))
messages = int(os.environ.get('MESSAGES', '60'))
ratio_min = float(os.environ.get('RATIO', '0.4'))
AGAIN_S = 30  # until what was closed is opened again
HEAD = b'POST /osci HTTP/1.1\r\nHost: a\r\nX-Filler: ' + b'x' * 3000
BODY = (b'POST /osci HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/related\r\n'
        b'Content-Length: 100000\r\n\r\n', b'y' * 3000)
HELLO = b'\x16\x03\x01\x0f\xf0\x01\x00\x0f\xec\x03\x03' + b'z' * 4000


class Stranger:
    """One connection: text is said a byte at a time, after first; empty: it is silent."""

    def __init__(self, number, port, first=b'', text=b''):
        self.source = '127.1.%d.%d' % (number % 10, 1 + number % 97)
        self.index, self.port, self.first, self.text, self.at, self.socket = (
            0, port, first, text, 0, None)

    def open(self, poll, known):
        s = socket.socket()
        s.setblocking(False)
        s.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        s.bind((self.source, 0))
        result = s.connect_ex(('127.0.0.1', self.port))
        if result not in (0, errno.EINPROGRESS):
            s.close()
            return False
        self.socket, self.at = s, 0
        known[s.fileno()] = self
        poll.register(s.fileno(), select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR)
        return True

    def speak(self):
        try:
            if self.first and self.at == 0:
                self.socket.send(self.first)
            self.socket.send(self.text[self.at % len(self.text):][:1])
            self.at += 1
        except OSError:
            pass  # not connected yet, or not any more: the poll says so

    def close(self, poll, known):
        poll.unregister(self.socket.fileno())
        del known[self.socket.fileno()]
        self.socket.close()
        self.socket = None


def strangers_make(plain, encrypted):
    ports = plain + encrypted
    found = [Stranger(i, ports[i % len(ports)]) for i in range(idle)]
    for i in range(slow):
        if i % 3 == 0:
            found.append(Stranger(i, encrypted[i % len(encrypted)], b'', HELLO))
        elif i % 3 == 1:
            found.append(Stranger(i, plain[i % len(plain)], b'', HEAD))
        else:
            found.append(Stranger(i, plain[i % len(plain)], *BODY))
    for i, stranger in enumerate(found):
        stranger.index = i
    return found


def attack(plain, encrypted, pipe):
    """Until it is ended: opens, speaks, opens again; says how many are open, and were opened."""
    strangers, known, poll = strangers_make(plain, encrypted), {}, select.epoll()
    due = [(time.time() + i * 5 / len(strangers), i) for i in range(len(strangers))]
    speakers = [s for s in strangers if s.text]
    opened, told, turn = 0, time.time() + 6, 0
    while True:
        now = time.time()
        while due and due[0][0] <= now:
            at, i = heapq.heappop(due)
            if strangers[i].open(poll, known):
                opened += 1
            else:
                heapq.heappush(due, (now + 1, i))
        for fd, _ in poll.poll(0.02):
            stranger = known[fd]
            stranger.close(poll, known)
            heapq.heappush(due, (now + AGAIN_S, stranger.index))
        for _ in range(max(1, len(speakers) // 50)):  # each about once a second
            if speakers:
                stranger = speakers[turn % len(speakers)]
                turn += 1
                if stranger.socket:
                    stranger.speak()
        if now >= told:
            pipe.send((len(known), opened))
            told = now + 1


class Strangers:
    def __init__(self, plain, encrypted):
        self.pipe, theirs = multiprocessing.Pipe(False)
        self.process = multiprocessing.Process(target=attack, args=(plain, encrypted, theirs),
                                               daemon=True)
        self.process.start()
        assert self.pipe.poll(PATIENCE)
        self.seen = []

    def end(self):
        while self.pipe.poll(0):
            self.seen.append(self.pipe.recv())
        self.process.terminate()
        self.process.join()
        return self.seen[-1]


BODY_OF_MESSAGE = ('--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n'
                   '{"endpoint": "bauamt", "recipient": "Stadt Beheim"}\r\n'
                   '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
                   'hello\r\n--b--\r\n').encode()


def send(path, count):
    for _ in range(count):
        connection = Local(path)
        connection.request('POST', '/v1/messages', BODY_OF_MESSAGE,
                           {'Content-Type': 'multipart/form-data; boundary=b'})
        answer = connection.getresponse()
        assert answer.status == 202, answer.read()
        connection.close()


def carry(town, folder):
    """Messages per second, from the first word to A until the last lies in B's folder."""
    before, begun = len(os.listdir(folder)), time.time()
    threads = [threading.Thread(target=send, args=(town.socket, messages // 4)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = before + messages // 4 * 4
    wait_for('the messages', lambda: len(os.listdir(folder)) >= wanted, 0.05)
    return messages / (time.time() - begun)


def port_of(name):
    with open(name + '.yaml') as f:
        return int(re.search(r'xta_server:.*?port: (\d+)', f.read(), re.S).group(1))


def measure(town, port, folder, figures):
    plain, encrypted = [port + 1], [port, port_of('town-a'), port_of('town-b')]
    carry(town, folder)  # all is warm then
    parts = []
    for hostile in (False, True, True, False):
        strangers = Strangers(plain, encrypted) if hostile else None
        parts.append(carry(town, folder))
        if strangers:
            figures['open'], figures['opened'] = strangers.end()
            assert figures['opened'] >= idle + slow, figures
    figures['calm_per_s'] = (parts[0] + parts[3]) / 2
    figures['attacked_per_s'] = (parts[1] + parts[2]) / 2
    figures['ratio'] = figures['attacked_per_s'] / figures['calm_per_s']


def main():
    figures, daemons = {'idle': idle, 'slow': slow}, []
    port = int(free_ports())
    demo_make('--ports', str(port))
    with open('town-b.yaml') as f:
        folder = re.search(r'^    folder: (.*)$', f.read(), re.M).group(1).strip('"\'') + '/in'
    try:
        for name in ('intermediary', 'town-b', 'town-a'):
            daemons.append(Daemon(name))
        wait_for('the folder', lambda: os.path.isdir(folder))
        measure(daemons[2], port, folder, figures)
        figures['peak_mb'] = daemons[0].peak_mb()
        for daemon in daemons:
            daemon.end()
    finally:
        for daemon in daemons:
            daemon.kill()
    print(json.dumps({k: round(v, 2) for k, v in figures.items()}))
    assert figures['ratio'] >= ratio_min, figures


soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
run_in_folder(main)

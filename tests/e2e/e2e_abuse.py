#!/usr/bin/env python3
"""e2e_abuse.py BUILD - connections that only cost, while messages go from town to town

Towns A and B and their intermediary run with the settings of the demo. A's messages for B go through
the intermediary, first undisturbed, then while strangers hold connections to its OSCI listeners, with
TLS and without, and to both towns' XTA listeners: idle ones, that never say anything, and slow ones,
that say a byte each second of a head, a handshake or a body. What the gateway closes they open again
after a while, so they are a flood as well. The order is calm, control, attack, attack, control, calm, so that what changes by
itself weighs on all alike.

All of it runs on one machine, so the strangers take processor time from the towns that would be
somebody else's. Three figures, from the plainest to the fairest:

  ratio          messages a second under attack, to those in calm
  ratio_control  the same, to those while the same strangers do the same to a listener that is no
                 gateway's, with as many places
  ratio_time     what is left when the time of the strangers' own processes is not counted: messages for
                 each second of processor time that they left, to those in calm

and work: the processor time of the three daemons for a message, to that in calm.

IDLE=n, SLOW=n: so many connections (1,000 and 100); PLACES=n: limits.connections (128); AGAIN=n: seconds
until they come again, on average, and until all have come (10); MESSAGES=n: in each of the parts (60);
RATIO=x, WORK=x: what ratio must be at least and work at most (0.5 and 1.5). The full test, on a machine
that does nothing else: IDLE=10000 SLOW=1000 PLACES=512 AGAIN=30 MESSAGES=300 RATIO=0.9. The last line is
JSON with the figures.
"""
import collections
import errno
import heapq
import json
import multiprocessing
import os
import random
import re
import resource
import select
import socket
import threading
import time

from demo_world import Daemon, Local, PATIENCE, demo_make, free_ports, run_in_folder, wait_for

idle = int(os.environ.get('IDLE', '1000'))
slow = int(os.environ.get('SLOW', '100'))
messages = int(os.environ.get('MESSAGES', '60')) // 4 * 4
places = int(os.environ.get('PLACES', '128'))
again_s = int(os.environ.get('AGAIN', '10'))
ratio_min = float(os.environ.get('RATIO', '0.5'))
work_max = float(os.environ.get('WORK', '1.5'))
SILENT_S = 20  # after which the listener that is no gateway's closes
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
    due = [(time.time() + i * again_s / len(strangers), i) for i in range(len(strangers))]
    speakers = [s for s in strangers if s.text]
    opened, told, spoken = 0, time.time() + again_s + 1, time.time()
    turn = 0
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
            heapq.heappush(due, (now + again_s * random.uniform(0.5, 1.5), stranger.index))
        while speakers and spoken < now:  # each once a second
            stranger = speakers[turn % len(speakers)]
            turn += 1
            spoken += 1 / len(speakers)
            if stranger.socket:
                stranger.speak()
        if now >= told:
            pipe.send((len(known), opened, now))
            told = now + 1


def is_over(s):
    try:
        return not s.recv(4096)
    except BlockingIOError:
        return False
    except OSError:
        return True


def stand_in(listeners):
    """A listener that is no gateway's: takes connections and reads, and knows nothing of either."""
    poll, held = select.epoll(), {}
    doors = {s.fileno(): s for s in listeners}
    queues = {fd: collections.OrderedDict() for fd in doors}

    def end(door, fd):
        queues[door].pop(fd)
        poll.unregister(fd)
        held.pop(fd)[0].close()

    for fd in doors:
        poll.register(fd, select.EPOLLIN)
    while True:
        for fd, _ in poll.poll(1):
            if fd not in doors:
                if fd in held and is_over(held[fd][0]):
                    end(held[fd][1], fd)
                continue
            try:
                s, _ = doors[fd].accept()
            except OSError:
                continue
            s.setblocking(False)
            held[s.fileno()] = (s, fd)
            queues[fd][s.fileno()] = time.time()
            poll.register(s.fileno(), select.EPOLLIN)
            if len(queues[fd]) > places:
                end(fd, next(iter(queues[fd])))
        for door, queue in queues.items():
            while queue and next(iter(queue.values())) < time.time() - SILENT_S:
                end(door, next(iter(queue)))


def cpu_seconds(pid):
    with open('/proc/%d/stat' % pid) as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Nobody:
    """What is there in calm."""
    def cpu(self):
        return 0.0

    def end(self):
        return []


class Strangers:
    def __init__(self, plain, encrypted, processes=()):
        self.pipe, theirs = multiprocessing.Pipe(False)
        self.processes = list(processes) + [
            multiprocessing.Process(target=attack, args=(plain, encrypted, theirs), daemon=True)]
        self.processes[-1].start()
        assert self.pipe.poll(PATIENCE)

    def cpu(self):
        return sum(cpu_seconds(p.pid) for p in self.processes)

    def end(self):
        """How many were open, had been opened, and when: each second."""
        seen = []
        while self.pipe.poll(0):
            seen.append(self.pipe.recv())
        for process in self.processes:
            process.terminate()
            process.join()
        return seen


def strangers_elsewhere(plain, encrypted):
    """The same strangers, to a listener that is no gateway's."""
    listeners = [socket.create_server(('127.0.0.1', 0), backlog=511) for _ in plain + encrypted]
    ports = [s.getsockname()[1] for s in listeners]
    for s in listeners:
        s.setblocking(False)
    process = multiprocessing.Process(target=stand_in, args=(listeners,), daemon=True)
    process.start()
    for s in listeners:
        s.close()
    return Strangers(ports[:len(plain)], ports[len(plain):], [process])


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
    """Seconds from the first word to A until the last message lies in B's folder."""
    before, begun = len(os.listdir(folder)), time.time()
    threads = [threading.Thread(target=send, args=(town.socket, messages // 4)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for('the messages', lambda: len(os.listdir(folder)) >= before + messages, 0.05)
    return time.time() - begun


class Part:
    """One of the parts, added up over its two runs."""
    def __init__(self):
        self.seconds = self.daemons = self.strangers = 0.0
        self.rates = []

    def run(self, daemons, folder, strangers):
        mine, theirs = sum(d.cpu_seconds() for d in daemons), strangers.cpu()
        seconds = carry(daemons[2], folder)
        self.seconds += seconds
        self.daemons += sum(d.cpu_seconds() for d in daemons) - mine
        self.strangers += strangers.cpu() - theirs
        self.rates.append(messages / seconds)

    def rate(self):
        return 2 * messages / self.seconds

    def time_left(self):
        return self.seconds - self.strangers / os.cpu_count()


def port_of(name):
    with open(name + '.yaml') as f:
        return int(re.search(r'xta_server:.*?port: (\d+)', f.read(), re.S).group(1))


def measure(daemons, port, folder, figures):
    plain, encrypted = [port + 1], [port, port_of('town-a'), port_of('town-b')]
    calm, control, attacked = Part(), Part(), Part()
    carry(daemons[2], folder)  # all is warm then
    for part in (calm, control, attacked, attacked, control, calm):
        strangers = (Nobody() if part is calm else
                     strangers_elsewhere(plain, encrypted) if part is control else
                     Strangers(plain, encrypted))
        part.run(daemons, folder, strangers)
        seen = strangers.end()
        if part is attacked:
            (_, before, begun), (held, opened, ended) = seen[0], seen[-1]
            assert opened >= idle + slow, (opened, figures)
            figures.update(open=held, opened=opened,
                           opened_per_s=(opened - before) / max(1, ended - begun))
    for name, part in ('calm', calm), ('control', control), ('attacked', attacked):
        figures.update({name + '_per_s': part.rate(), name + '_runs': part.rates,
                        name + '_daemons_cpu': part.daemons / part.seconds,
                        name + '_strangers_cpu': part.strangers / part.seconds})
    figures['ratio'] = attacked.rate() / calm.rate()
    figures['ratio_control'] = attacked.rate() / control.rate()
    figures['ratio_time'] = calm.time_left() / attacked.time_left()
    figures['work'] = attacked.daemons / calm.daemons


def rounded(value):
    return [rounded(v) for v in value] if isinstance(value, list) else round(value, 2)


def main():
    figures, daemons = {'idle': idle, 'slow': slow, 'places': places}, []
    port = int(free_ports())
    demo_make('--ports', str(port))
    for name in ('intermediary', 'town-b', 'town-a'):
        with open(name + '.yaml', 'a') as f:
            f.write('\nlimits:\n  connections: %d\n' % places)
    with open('town-b.yaml') as f:
        folder = re.search(r'^    folder: (.*)$', f.read(), re.M).group(1).strip('"\'') + '/in'
    try:
        for name in ('intermediary', 'town-b', 'town-a'):
            daemons.append(Daemon(name))
        wait_for('the folder', lambda: os.path.isdir(folder))
        measure(daemons, port, folder, figures)
        figures['peak_mb'] = daemons[0].peak_mb()
        for daemon in daemons:
            daemon.end()
    finally:
        for daemon in daemons:
            daemon.kill()
    print(json.dumps({k: rounded(v) for k, v in figures.items()}))
    assert figures['ratio'] >= ratio_min and figures['work'] <= work_max, figures


soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
run_in_folder(main)

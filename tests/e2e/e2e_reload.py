#!/usr/bin/env python3
"""e2e_reload.py BUILD - new settings for daemons that are busy

While programs and peers knock without a pause, each on connections of its own, a town and an
intermediary are told to read their settings anew, again and again: nobody may be turned away, and
what was accepted is there. Then settings that are wrong, in three ways, never come into force. At
last a service manager is told what it must know.
RELOADS=n: so many of each daemon (4).
"""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

from demo_world import Daemon, Local, PATIENCE, build, demo_make, free_ports, run_in_folder

reloads = int(os.environ.get('RELOADS', '4'))


def ask(connection, method, path, body=None, headers={}):
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Load(threading.Thread):
    """Asks until told to stop; each question on a connection of its own."""
    stop = False

    def __init__(self, name, question):
        super().__init__(name=name)
        self.question, self.answers, self.failures = question, [], []

    def run(self):
        while not Load.stop:
            try:
                self.answers.append(self.question())
            except Exception as e:
                self.failures.append(repr(e))
            time.sleep(0.002)


def status_of(path):
    return lambda: ask(Local(path), 'GET', '/v1/status')[0]


def message_to(path):
    body = ('--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n'
            '{"endpoint": "bauamt", "recipient": "Stadt Beheim"}\r\n'
            '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
            'hello\r\n--b--\r\n').encode()

    def send():
        code, text = ask(Local(path), 'POST', '/v1/messages', body,
                         {'Content-Type': 'multipart/form-data; boundary=b'})
        assert code == 202, text
        return json.loads(text)['id']
    return send


def osci_at(make):
    """It has nothing to say to a GET, but it says so."""
    return lambda: ask(make(), 'GET', '/osci')[0]


def busy(town, intermediary, port):
    unverified = ssl._create_unverified_context()
    loads = [Load('status', status_of(town.socket)), Load('messages', message_to(town.socket)),
             Load('plain', osci_at(lambda: http.client.HTTPConnection('127.0.0.1', port + 1))),
             Load('TLS', osci_at(lambda: http.client.HTTPSConnection('127.0.0.1', port,
                                                                     context=unverified)))]
    for load in loads:
        load.start()
    try:
        for _ in range(reloads):
            town.reload()
            intermediary.reload()
            time.sleep(0.3)
    finally:
        Load.stop = True
        for load in loads:
            load.join()
    for load in loads:
        print('%s: %d answers, %d failures' % (load.name, len(load.answers), len(load.failures)))
        assert load.answers and not load.failures, load.failures[:3]
    for message in loads[1].answers:
        assert ask(Local(town.socket), 'GET', '/v1/messages/' + message)[0] == 200, message


def rewritten(config, old, new):
    with open(config) as f:
        text = f.read()
    assert old in text
    with open(config, 'w') as f:
        f.write(text.replace(old, new))


def wrong(daemon, taken_port):
    """Settings that are wrong to see, and some that only the start can find."""
    good, before = open(daemon.config).read(), daemon.status()
    rewritten(daemon.config, 'state:', 'sttae:')
    refused = daemon.reload(expected=78)
    assert 'sttae' in refused.stderr, refused
    assert daemon.status()['started_at'] == before['started_at']
    daemon.process.send_signal(signal.SIGHUP)
    until = time.time() + PATIENCE
    while 'api:' not in events(daemon) or 'signal' not in events(daemon):
        assert time.time() < until, events(daemon)
        time.sleep(0.1)
    assert daemon.status()['started_at'] == before['started_at']

    with open(daemon.config, 'w') as f:
        f.write(good)
    rewritten(daemon.config, 'listeners:\n', 'listeners:\n    - {port: %d}\n' % taken_port)
    daemon.reload(expected=78)
    assert daemon.status()['settings'] == before['settings']
    assert 'address already in use' in events(daemon)
    with open(daemon.config, 'w') as f:
        f.write(good)


def events(daemon):
    """Who was refused, and why."""
    rows = json.loads(daemon.depesche('--json', 'events').stdout)
    return ' '.join('%s %s' % (r['actor'], r['en']) for r in rows if r['event'] == 'settings.refused')


def confined(daemon):
    """The kernel refuses what a gateway never asks for; a reload adds no second filter."""
    with open(build + '/depesched', 'rb') as program:
        if b'__asan_init' in program.read():
            return
    with open(daemon.name + '.log') as log:
        lines = [line for line in log if 'event=daemon.confined' in line]
    assert len(lines) > 1, lines
    if 'seccomp=absent' in lines[0]:
        print('no seccomp in this build or kernel')
        return
    assert all('seccomp=on' in line for line in lines), lines
    with open('/proc/%d/status' % daemon.process.pid) as f:
        status = dict(line.split(':', 1) for line in f)
    with open('/proc/self/status') as f:
        mine = dict(line.split(':', 1) for line in f)
    assert int(status['Seccomp']) == 2 and int(status['NoNewPrivs']) == 1, status
    filters = int(status['Seccomp_filters']) - int(mine['Seccomp_filters'])
    assert filters == 1, '%d filters' % filters


def seen(daemon, port):
    """The certificate that the intermediary showed in TLS."""
    name = 'https://127.0.0.1:%d' % port
    told = json.loads(daemon.depesche('--json', 'certs').stdout)
    shown = [c for c in told if c['setting'] == 'tls.seen' and c['name'] == name]
    assert len(shown) == 1 and shown[0]['owner'] == 'server', told
    assert 'Demo-Intermedi' in shown[0]['subject'] and shown[0]['seen_at'] >= shown[0]['seen_since'], shown


def outlook(daemon):
    """What would fail on a day, and for how many messages; other dates for algorithms hold."""
    def codes(day):
        told = json.loads(daemon.depesche('--json', 'status', '--on', day).stdout)
        return told, {f['code'] for f in told['findings']}

    told, found = codes('2031-12-31')
    assert 'D-2381' not in found, told
    assert told['sent'] > 0, told
    told, found = codes('2032-01-01')
    assert 'D-2381' in found and 'rsa-oaep' in json.dumps(told), told
    told, _ = codes('2099-01-01')
    assert [p['name'] for p in told['partners']] == ['Stadt Beheim'], told
    assert told['partners'][0]['sent'] == told['sent'], told
    with open('dates.conf', 'w') as f:
        f.write('key-transport rsa-oaep 2033-06-30 2040-12-31\n')
    with open(daemon.config, 'a') as f:
        f.write('security: {algorithms: dates.conf}\n')
    daemon.reload()
    assert 'D-2381' not in codes('2033-06-30')[1]
    assert 'D-2381' in codes('2033-07-01')[1]
    with open('dates.conf', 'w') as f:
        f.write('key-transport rsa-oaep soon later\n')
    refused = daemon.reload(expected=78)
    assert 'dates.conf is no file' in refused.stderr and 'line 1' in refused.stderr, refused
    os.remove('dates.conf')
    rewritten(daemon.config, 'security: {algorithms: dates.conf}\n', '')
    daemon.reload()


def by_signal(daemon):
    """A socket that has moved is at its new place, and the old one is gone."""
    old, started = daemon.socket, daemon.status()['started_at']
    daemon.process.send_signal(signal.SIGHUP)  # nothing has changed: nothing happens
    rewritten(daemon.config, daemon.socket, daemon.socket + '2')
    daemon.process.send_signal(signal.SIGHUP)
    daemon.socket += '2'
    until = time.time() + PATIENCE
    while not os.path.exists(daemon.socket) or os.path.exists(old):
        assert daemon.process.poll() is None and time.time() < until
        time.sleep(0.1)
    assert daemon.status()['started_at'] != started


def managed(daemons):
    """The service manager hears of start, life, reload and end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind('manager')
        manager.settimeout(PATIENCE)
        daemon = Daemon('town-b', NOTIFY_SOCKET=os.path.abspath('manager'), WATCHDOG_USEC='900000')
        daemons.append(daemon)
        reloading = None
        for word in (b'READY=1', b'WATCHDOG=1', b'RELOADING=1', b'READY=1', b'WATCHDOG=1', b'STOPPING=1'):
            if word == b'RELOADING=1':
                reloading = subprocess.Popen([build + '/depesche', '--socket', daemon.socket, 'reload'],
                                             stdout=subprocess.DEVNULL)
            elif word == b'STOPPING=1':
                assert reloading.wait() == 0
                daemon.process.send_signal(signal.SIGTERM)
            while word not in manager.recv(4096):
                pass
        assert daemon.process.wait() == 0
        daemons.remove(daemon)


def main():
    daemons = []
    try:
        port = int(free_ports())
        demo_make('--ports', str(port))
        daemons += [Daemon('town-a')]
        daemons += [Daemon('intermediary')]
        busy(*daemons, port)
        with socket.socket() as taken:
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            wrong(daemons[1], taken.getsockname()[1])
        confined(daemons[0])
        seen(daemons[0], port)
        outlook(daemons[0])
        by_signal(daemons[0])
        managed(daemons)
        for daemon in daemons:
            daemon.end()
    except BaseException:
        for daemon in daemons:
            daemon.kill()
        raise


if __name__ == '__main__':
    run_in_folder(main)

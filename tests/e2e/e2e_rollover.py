#!/usr/bin/env python3
"""e2e_rollover.py BUILD [SCENARIO...] - certificates change while messages flow

Two towns and an intermediary, real processes, each town sending to the other all the time: before a
switch, while it happens and behind it. In every scenario each message must arrive once, and be
readable. A scenario is a function below and its docstring says what happens; each has a world of its
own, and a few run at the same time.
"""
import collections
import datetime
import glob
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import time

from demo_world import Daemon, Local, build, demo_make, free_ports, run_in_folder, wait_for
from e2e_backup import WORKING
from e2e_reload import ask

AT_ONCE = 4
TOWNS = {'town-a': 'town-b', 'town-b': 'town-a'}
CALLED = {'town-a': 'Stadt Ahausen', 'town-b': 'Stadt Beheim'}
USAGE = {'signature': 'digitalSignature,nonRepudiation', 'cipher': 'keyEncipherment,dataEncipherment',
         'tls': 'digitalSignature,keyEncipherment'}
scenarios = []


def scenario(function):
    scenarios.append(function)
    return function


# ---- certificates ----

def openssl(*words):
    return subprocess.run(('openssl',) + words, check=True, capture_output=True).stdout


def authority_make(name):
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'pki/%s.key' % name, '-out',
            'pki/%s.pem' % name, '-days', '30', '-subj', '/O=Depesche Demo/CN=' + name, '-addext',
            'keyUsage=critical,keyCertSign,cRLSign')


def pair_make(name, kind, authority='ca'):
    extensions = 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,%s\n' % USAGE[kind]
    if kind == 'tls':
        extensions += 'extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1\n'
    path = 'pki/' + name
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', path + '.key', '-out', path + '.csr',
            '-subj', '/O=Depesche Demo/CN=' + name)
    with open(path + '.ext', 'w') as f:
        f.write(extensions)
    openssl('x509', '-req', '-in', path + '.csr', '-CA', 'pki/%s.pem' % authority, '-CAkey',
            'pki/%s.key' % authority, '-CAcreateserial', '-days', '20', '-out', path + '.pem',
            '-extfile', path + '.ext')
    os.chmod(path + '.key', 0o600)


def template_make():
    demo_make('--ports', '20000')
    for who in ('town-a', 'town-b', 'intermediary'):
        for kind in ('signature', 'cipher'):
            pair_make('%s-%s2' % (who, kind), kind)
    authority_make('ca2')
    pair_make('intermediary-tls2', 'tls', 'ca2')


def fingerprint(name):
    text = openssl('x509', '-in', 'pki/%s.pem' % name, '-noout', '-fingerprint', '-sha256').decode()
    return text.split('=')[1].strip().replace(':', '').lower()


def pair(name):
    return '{certificate: pki/%s.pem, key: pki/%s.key}' % (name, name)


# ---- settings ----

def edit(name, old, new):
    with open(name + '.yaml') as f:
        text = f.read()
    assert old in text, (name, old)
    with open(name + '.yaml', 'w') as f:
        f.write(text.replace(old, new, 1))


def day(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')


def own_next(who, at, *kinds):
    """From then on the second pair of these kinds."""
    line = '    cipher: ' + pair(who + '-cipher') + '\n'
    edit(who, line, line + '    next:\n      - {from: "%s", %s}\n' % (
        day(at), ', '.join('%s: %s' % (kind, pair('%s-%s2' % (who, kind))) for kind in kinds)))


def partner_next(who, at):
    """The other town gets it enciphered for its second certificate from then on."""
    line = '    cipher_certificate: pki/%s-cipher.pem\n' % TOWNS[who]
    edit(who, line, line + '    next_ciphers: [{from: "%s", certificate: pki/%s-cipher2.pem}]\n'
         % (day(at), TOWNS[who]))


def partner_signs(who):
    """It may sign with either."""
    old = 'pki/%s-signature.pem]' % TOWNS[who]
    edit(who, old, old[:-1] + ', pki/%s-signature2.pem]' % TOWNS[who])


def mailbox_add(who):
    edit('intermediary', '  mailboxes:\n', '  mailboxes:\n    - {name: %s 2, cipher_certificate: '
         'pki/%s-cipher2.pem}\n' % (CALLED[who], who))


def peer_next(who, at):
    line = '    cipher_certificate: pki/intermediary-cipher.pem\n'
    edit(who, line, line + '    next_ciphers: [{from: "%s", certificate: '
         'pki/intermediary-cipher2.pem}]\n' % day(at))


# ---- a world ----

class Sender(threading.Thread):
    def __init__(self, who, socket):
        super().__init__(name=who)
        self.who, self.socket, self.stop, self.paused = who, socket, False, False
        self.subjects, self.times, self.failures = [], [], []

    def send(self):
        subject = '%s-%d' % (self.who, len(self.subjects) + 1)
        body = ('--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{"endpoint": "bauamt", '
                '"recipient": "%s", "subject": "%s", "idempotency_key": "%s"}\r\n--b\r\n'
                'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n%s\r\n--b--\r\n'
                % (CALLED[TOWNS[self.who]], subject, subject, subject * 300)).encode()
        code, text = ask(Local(self.socket), 'POST', '/v1/messages', body,
                         {'Content-Type': 'multipart/form-data; boundary=b'})
        assert code == 202, (code, text)
        self.subjects.append(subject)
        self.times.append(time.time())

    def run(self):
        while not self.stop:
            try:
                if not self.paused:
                    self.send()
            except OSError as e:  # it is being loaded anew: the same message once more
                self.failures.append(repr(e))
            time.sleep(0.25)


class World:
    def __init__(self):
        self.daemons = {name: Daemon(name) for name in ('intermediary', 'town-a', 'town-b')}
        self.senders = {who: Sender(who, self.daemons[who].socket) for who in TOWNS}

    def flow(self):
        for sender in self.senders.values():
            sender.start()
        self.more(3)

    def more(self, count):
        """So many more from each."""
        goals = {who: len(s.subjects) + count for who, s in self.senders.items()}
        wait_for('messages', lambda: all(len(s.subjects) >= goals[who]
                                         for who, s in self.senders.items()))

    def reload(self, *names, expected=0):
        for name in names:
            self.daemons[name].reload(expected)

    def out(self, who):
        """What was sent so far is at the intermediary at least."""
        sent = set(self.senders[who].subjects)
        wait_for('the intermediary', lambda: not any(
            row['state'] in ('accepted', 'sealed', 'deferred', 'unclear')
            for row in self.rows(who, 'outbox') if row['subject'] in sent), 0.5)

    def quiet(self, who=None):
        """Nobody sends (to this one), and what was sent is there."""
        for name, sender in self.senders.items():
            sender.paused = who is None or TOWNS[name] == who
        time.sleep(1)
        self.settle()

    def on(self):
        for sender in self.senders.values():
            sender.paused = False

    def mailboxes(self):
        return json.loads(self.daemons['intermediary'].depesche('--json', 'mailboxes').stdout)

    def waiting(self, certificate):
        return sum(r['waiting'] for r in self.mailboxes() if r['certificate'] == certificate)

    def beyond(self, at):
        """Past the switch, with messages on both sides of it."""
        time.sleep(max(0.0, at - time.time()))
        self.more(4)

    def rows(self, who, box):
        done = self.daemons[who].depesche('--json', 'list', box, '--limit', '100000')
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def settle(self):
        """What was sent so far is nowhere on its way."""
        for who in TOWNS:
            sent = set(self.senders[who].subjects)
            wait_for('the messages of ' + who, lambda: not any(
                row['state'] in WORKING for row in self.rows(who, 'outbox')
                if row['subject'] in sent), 0.5)

    def end(self):
        """How many messages, how many not delivered, how many not there or not readable."""
        for sender in self.senders.values():
            sender.stop = True
        for sender in self.senders.values():
            sender.join()
        self.settle()
        failed, unreadable, sent = [], [], 0
        for who, sender in self.senders.items():
            sent += len(sender.subjects)
            failed += [r for r in self.rows(who, 'outbox') if r['state'] != 'delivered']
            inbox = self.rows(TOWNS[who], 'inbox')
            good = collections.Counter(r['subject'] for r in inbox if r['state'] != 'quarantined')
            unreadable += [r for r in inbox if r['state'] == 'quarantined']
            unreadable += [s for s in sender.subjects if good[s] != 1]
        return sent, failed, unreadable

    def kill(self):
        for sender in self.senders.values():
            sender.stop = True
        for daemon in self.daemons.values():
            daemon.kill()

    # what must be seen, so that a switch that never happens is noticed

    def mailbox_used(self, who):
        wanted = fingerprint(who + '-cipher2')
        wait_for('a message for %s-cipher2' % who, lambda: [
            r for r in self.mailboxes() if r['certificate'] == wanted and r['kept'] > 0])

    def signed_by(self, who):
        """The other town has something with the second signature."""
        wanted = fingerprint(who + '-signature2')
        found = [p for p in glob.glob(TOWNS[who] + '/state/payload/**/verification-*', recursive=True)
                 if wanted in open(p).read()]
        assert found, 'nothing is signed by %s-signature2' % who


# ---- the scenarios ----

@scenario
def own_announced(w):
    """Town A's signature and cipher change on a day that everybody knows."""
    w.flow()
    at = time.time() + 4
    mailbox_add('town-a')
    own_next('town-a', at, 'signature', 'cipher')
    partner_next('town-b', at)
    partner_signs('town-b')
    w.reload('intermediary', 'town-a', 'town-b')
    w.beyond(at)
    w.quiet()
    w.mailbox_used('town-a')
    w.signed_by('town-a')


@scenario
def own_cipher_partner_late(w):
    """Town A's cipher changes, and B goes on with the old one until it is told."""
    w.flow()
    at = time.time() + 2
    mailbox_add('town-a')
    own_next('town-a', at, 'cipher')
    w.reload('intermediary', 'town-a')
    w.beyond(at)
    partner_next('town-b', at)
    w.reload('town-b')
    w.more(4)
    w.quiet()
    w.mailbox_used('town-a')


@scenario
def own_cipher_partner_early(w):
    """B enciphers for A's new certificate days before A's own switch."""
    w.flow()
    mailbox_add('town-a')
    own_next('town-a', time.time() + 86400, 'cipher')
    w.reload('intermediary', 'town-a')
    partner_next('town-b', time.time() - 86400)
    w.reload('town-b')
    w.more(4)
    w.quiet()
    w.mailbox_used('town-a')


@scenario
def own_signature(w):
    """Town A's signature changes; B takes both for a while, then the new one only."""
    w.flow()
    at = time.time() + 3
    partner_signs('town-b')
    own_next('town-a', at, 'signature')
    w.reload('town-b', 'town-a')
    w.beyond(at)
    w.quiet()
    edit('town-b', 'pki/town-a-signature.pem, ', '')
    w.reload('town-b')
    w.on()
    w.more(4)
    w.signed_by('town-a')


@scenario
def partner_same_day(w):
    """Town B's cipher changes; A enciphers for the new one from the same second on."""
    w.flow()
    at = time.time() + 3
    mailbox_add('town-b')
    own_next('town-b', at, 'cipher')
    partner_next('town-a', at)
    w.reload('intermediary', 'town-b', 'town-a')
    w.beyond(at)
    w.quiet()
    w.mailbox_used('town-b')


@scenario
def partner_late(w):
    """A enciphers for B's new certificate from the agreed day on, B has it only later: until then
    the messages wait in its mailbox."""
    w.flow()
    mailbox_add('town-b')
    partner_next('town-a', time.time() - 1)
    w.reload('intermediary', 'town-a')
    w.more(4)
    w.mailbox_used('town-b')
    own_next('town-b', time.time() - 1, 'cipher')
    w.reload('town-b')
    w.more(4)
    w.quiet()


def towns_next(at):
    """Both towns switch then, signature and cipher, and everybody knows."""
    for who in TOWNS:
        mailbox_add(who)
        own_next(who, at, 'signature', 'cipher')
        partner_next(who, at)
        partner_signs(who)


@scenario
def both_at_once(w):
    """Both towns, signature and cipher, all in the same second."""
    w.flow()
    at = time.time() + 4
    towns_next(at)
    w.reload('intermediary', 'town-a', 'town-b')
    w.beyond(at)
    w.quiet()
    for who in TOWNS:
        w.mailbox_used(who)
        w.signed_by(who)


@scenario
def waiting_over_the_switch(w):
    """The intermediary is away while both towns switch: what was sealed before goes out behind."""
    w.flow()
    at = time.time() + 4
    towns_next(at)
    w.daemons['intermediary'].kill()
    w.reload('town-a', 'town-b')
    w.beyond(at)
    w.daemons['intermediary'] = Daemon('intermediary')
    w.more(3)
    w.quiet()
    for who in TOWNS:
        w.mailbox_used(who)


@scenario
def intermediary_cipher(w):
    """The intermediary's cipher changes: A is early, B is late."""
    w.flow()
    at = time.time() + 3
    own_next('intermediary', at, 'cipher')
    w.reload('intermediary')
    peer_next('town-a', time.time() - 1)
    w.reload('town-a')
    w.beyond(at)
    peer_next('town-b', at)
    w.reload('town-b')
    w.more(4)
    w.quiet()
    w.on()
    edit('intermediary', '    cipher: ' + pair('intermediary-cipher') + '\n', '    cipher: ' +
         pair('intermediary-cipher2') + '\n')
    edit('intermediary', '    next:\n', '    # ')
    w.reload('intermediary')  # both have left the old one
    w.more(3)


@scenario
def intermediary_signature(w):
    """The intermediary's signature changes; the towns take both, at last only the new one."""
    w.flow()
    at = time.time() + 4
    new = '    signature_certificates: [pki/intermediary-signature2.pem]\n'
    for who in TOWNS:
        old = '    signature_certificate: pki/intermediary-signature.pem\n'
        edit(who, old, old + new)
    line = '    cipher: ' + pair('intermediary-cipher') + '\n'
    edit('intermediary', line, line + '    next: [{from: "%s", signature: %s}]\n' % (
        day(at), pair('intermediary-signature2')))
    w.reload('town-a', 'town-b', 'intermediary')
    w.beyond(at)
    w.quiet()
    for who in TOWNS:
        edit(who, '    signature_certificate: pki/intermediary-signature.pem\n', '')
    w.reload('town-a', 'town-b')
    w.on()
    w.more(4)


@scenario
def intermediary_tls(w):
    """The intermediary's TLS certificate changes, and with it the authority that issued it."""
    w.flow()
    at = time.time() + 4
    for who in TOWNS:
        edit(who, 'tls: [pki/ca.pem]', 'tls: [pki/ca.pem, pki/ca2.pem]')
    line = '      tls: ' + pair('intermediary-tls') + '\n'
    edit('intermediary', line, line + '      next_tls: [{from: "%s", tls: %s}]\n' % (
        day(at), pair('intermediary-tls2')))
    w.reload('town-a', 'town-b', 'intermediary')
    with open('town-a.yaml') as f:
        port = int(re.search(r'https://127.0.0.1:(\d+)', f.read()).group(1))
    w.beyond(at)
    with open('pki/intermediary-tls2.pem') as f:
        assert ssl.get_server_certificate(('127.0.0.1', port)).split() == f.read().split()
    w.quiet()
    for who in TOWNS:
        edit(who, 'tls: [pki/ca.pem, pki/ca2.pem]', 'tls: [pki/ca2.pem]')
    w.reload('town-a', 'town-b')
    w.on()
    w.more(4)


@scenario
def key_lost(w):
    """The file of B's cipher key is gone. The daemon has the key and goes on, new settings are
    refused; A is told of a new certificate, and B takes it once nothing waits for the old one."""
    w.flow()
    os.rename('pki/town-b-cipher.key', 'pki/lost')
    os.remove('pki/lost')
    w.reload('town-b', expected=78)
    w.more(3)
    mailbox_add('town-b')
    partner_next('town-a', time.time() - 1)
    w.reload('intermediary', 'town-a')
    w.more(4)
    w.senders['town-a'].paused = True
    w.out('town-a')
    wait_for('the old mailbox', lambda: w.waiting(fingerprint('town-b-cipher')) == 0)
    edit('town-b', '    cipher: ' + pair('town-b-cipher') + '\n', '    cipher: ' +
         pair('town-b-cipher2') + '\n')
    edit('town-a', '    cipher_certificate: pki/town-b-cipher.pem\n',
         '    cipher_certificate: pki/town-b-cipher2.pem\n')
    edit('town-a', '    next_ciphers', '    # next_ciphers')
    w.reload('town-b', 'town-a')
    w.on()
    w.more(4)
    w.mailbox_used('town-b')


@scenario
def key_still_needed(w):
    """Town B is its own intermediary, and messages wait there for its old cipher key: settings
    without it are refused until they are fetched."""
    w.daemons['intermediary'].end()
    with open('intermediary.yaml') as f:
        server = f.read()
    server = server[server.index('osci_server:'):]
    server = server.replace('  mailboxes:\n', '  mailboxes:\n    - {name: B 2, cipher_certificate: '
                            'pki/town-b-cipher2.pem}\n')
    with open('town-b.yaml', 'a') as f:
        f.write(server)
    edit('town-b', '    poll_seconds: 2\n', '    poll_seconds: 2\n    fetch: false\n')
    w.reload('town-b')
    w.daemons['intermediary'] = w.daemons['town-b']
    w.flow()
    wait_for('a message that waits', lambda: w.waiting(fingerprint('town-b-cipher')) > 0)
    old, new = ('    cipher: ' + pair(name) + '\n' for name in ('town-b-cipher', 'town-b-cipher2'))
    edit('town-b', old, new)
    refused = w.daemons['town-b'].depesche('reload')
    assert refused.returncode == 78 and 'unread messages' in refused.stderr, refused
    edit('town-b', new, old + '    next: [{from: 2026-01-01, cipher: %s}]\n' % pair('town-b-cipher2'))
    edit('town-b', '    fetch: false\n', '')
    partner_next('town-a', time.time() - 1)
    w.reload('town-b', 'town-a')
    w.more(3)
    w.quiet('town-b')
    wait_for('the old mailbox', lambda: w.waiting(fingerprint('town-b-cipher')) == 0)
    edit('town-b', old, new)
    edit('town-b', '    next: [', '    # [')
    w.reload('town-b')
    w.on()
    w.more(3)
    w.mailbox_used('town-b')


# ---- all of them ----

def one(name):
    """In the current folder; what came of it as JSON."""
    world = World()
    try:
        next(f for f in scenarios if f.__name__ == name)(world)
        sent, failed, unreadable = world.end()
        print(json.dumps({'messages': sent, 'failed': failed, 'unreadable': unreadable}))
        for daemon in set(world.daemons.values()):
            daemon.end()
    except BaseException:
        world.kill()
        raise


def world_make(name, port):
    shutil.copytree('template', name)
    for config in glob.glob(name + '/*.yaml'):
        with open(config) as f:
            text = re.sub(r'\b2000([0-7])\b', lambda m: str(port + int(m.group(1))), f.read())
        with open(config, 'w') as f:
            f.write(text)


def ports(count):
    found = set()
    while len(found) < count:
        found.add(int(free_ports()))
    return list(found)


def worlds_run(names):
    """As many at the same time as AT_ONCE; name, exit code and output of each."""
    places = dict(zip(names, ports(len(names))))
    left, running, done = list(names), {}, []
    while left or running:
        while left and len(running) < AT_ONCE:
            name = left.pop(0)
            world_make(name, places[name])
            running[name] = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), build, '--one', name], cwd=name,
                stdout=open(name + '.out', 'w'), stderr=open(name + '.log', 'w'))
        for name, process in list(running.items()):
            if process.poll() is not None:
                done.append((name, process.returncode))
                del running[name]
        time.sleep(0.1)
    return done


def main():
    names = sys.argv[2:] or [f.__name__ for f in scenarios]
    os.mkdir('template')
    os.chdir('template')
    template_make()
    os.chdir('..')
    messages, bad = 0, []
    for name, code in worlds_run(names):
        with open(name + '.out') as f:
            text = f.read()
        if code != 0 or not text:
            bad.append(name)
            continue
        found = json.loads(text)
        messages += found['messages']
        print('%-26s %4d messages, %d failed, %d unreadable' % (
            name, found['messages'], len(found['failed']), len(found['unreadable'])), flush=True)
        if found['failed'] or found['unreadable']:
            print(found, file=sys.stderr)
            bad.append(name)
    assert not bad, bad
    print('%d scenarios, %d messages, 0 failed, 0 unreadable' % (len(names), messages))


if __name__ == '__main__':
    if sys.argv[2:3] == ['--one']:
        one(sys.argv[3])
    else:
        run_in_folder(main)

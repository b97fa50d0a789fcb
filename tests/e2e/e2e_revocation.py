#!/usr/bin/env python3
"""e2e_revocation.py BUILD [CASE...] - responders and lists with every fault, while messages flow

Town A signs with a certificate that names a responder, or a distribution point; town B asks there,
once with when_unknown: pass and once with hold. What the responder says is openssl's own (openssl
ocsp, openssl ca); a small server in front of it is slow, silent, too large or wrong as a case wants.
In each case the message must go on or stop exactly as the settings say, and depesche why must name
the cause. What waited goes on by itself when somebody answers again.
"""
import glob
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time

from demo_world import Daemon, Local, demo_make, free_ports, run_in_folder, wait_for
from e2e_reload import ask
from e2e_rollover import authority_make, edit, openssl

LARGE = 3 << 20


class Responder:
    """http://127.0.0.1:PORT/ocsp and /list"""

    def __init__(self, port):
        self.port, self.fault, self.server, self.questions = port, 'good', None, 0

    def begin(self):
        responder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words):
                pass

            def do_GET(self):
                responder.answer(self, None)

            def do_POST(self):
                responder.answer(self, self.rfile.read(int(self.headers['Content-Length'])))

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    def set(self, fault):
        self.fault = fault
        self.end()
        if fault != 'dead':
            self.begin()

    def answer(self, to, question):
        self.questions += 1
        fault, status, more = self.fault, 200, []
        body = self.ocsp(question) if question is not None else self.list()
        if fault == 'slow':
            time.sleep(20)
        elif fault == 'large':
            body += b'\0' * LARGE
        elif fault == 'garbage':
            body = b'<html>welcome to the hotel</html>'
        elif fault == 'error':
            status, body = 500, b'oops'
        elif fault == 'redirect':
            status, more = 302, [('Location', 'http://127.0.0.1:%d/other' % self.port)]
        to.send_response(status)
        for name, value in more + [('Content-Length', str(len(body)))]:
            to.send_header(name, value)
        to.end_headers()
        try:
            to.wfile.write(body)
        except OSError:  # who asked has seen enough
            pass

    def ocsp(self, question):
        signer = 'pki/stranger' if self.fault == 'stranger' else 'pki/responder'
        known = self.fault if self.fault in ('revoked', 'unknown') else 'good'
        name = 'pki/q-%d-%d' % (threading.get_ident(), self.questions)
        with open(name, 'wb') as f:
            f.write(question)
        openssl('ocsp', '-reqin', name, '-index', 'pki/index-' + known, '-CA', 'pki/ca.pem', '-rsigner',
                signer + '.pem', '-rkey', signer + '.key', '-ndays', '1', '-respout', name + '.der')
        with open(name + '.der', 'rb') as f:
            return f.read()

    def list(self):
        name = self.fault if self.fault in ('revoked', 'expired', 'stranger') else 'good'
        with open('pki/list-%s.crl' % name, 'rb') as f:
            return f.read()


# ---- certificates ----

def issue(name, extensions, authority='ca', subject=None):
    path = 'pki/' + name
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', path + '.key', '-out', path + '.csr',
            '-subj', subject or '/O=Depesche Demo/CN=' + name)
    with open(path + '.ext', 'w') as f:
        f.write('basicConstraints=critical,CA:FALSE\n' + extensions)
    openssl('x509', '-req', '-in', path + '.csr', '-CA', 'pki/%s.pem' % authority, '-CAkey',
            'pki/%s.key' % authority, '-CAcreateserial', '-days', '20', '-out', path + '.pem', '-extfile',
            path + '.ext')
    os.chmod(path + '.key', 0o600)


def index_write(known, certificates):
    with open('pki/index-' + known, 'w') as f:
        for name in certificates:
            def said(what):
                return openssl('x509', '-in', 'pki/%s.pem' % name, '-noout', '-' + what, '-nameopt',
                               'compat').decode().strip().split('=', 1)[1]
            f.write('%s\t361231235959Z\t%s\t%s\tunknown\t%s\n' % (
                'R' if known == 'revoked' else 'V',
                '260901120000Z,keyCompromise' if known == 'revoked' else '', said('serial'),
                said('subject')))


def list_write(name, index, authority, *dates):
    shutil.copy('pki/index-' + index, 'pki/index.txt')
    with open('pki/index.txt.attr', 'w') as f:
        f.write('unique_subject = no\n')
    with open('pki/crlnumber', 'w') as f:
        f.write('01\n')
    with open('pki/ca.cnf', 'w') as f:
        f.write('[ca]\ndefault_ca = c\n[c]\ndatabase = pki/index.txt\ncrlnumber = pki/crlnumber\n'
                'default_md = sha256\ndefault_crl_days = 1\n')
    openssl('ca', '-config', 'pki/ca.cnf', '-gencrl', '-cert', 'pki/%s.pem' % authority, '-keyfile',
            'pki/%s.key' % authority, '-out', 'pki/list.pem', *dates)
    openssl('crl', '-in', 'pki/list.pem', '-outform', 'DER', '-out', 'pki/list-%s.crl' % name)


def pki_make(port):
    """The signature of A names a responder, or a list; the cipher certificate of A a responder."""
    responder = 'authorityInfoAccess=OCSP;URI:http://127.0.0.1:%d/ocsp\n' % port
    point = 'crlDistributionPoints=URI:http://127.0.0.1:%d/list\n' % port
    signs = 'keyUsage=critical,digitalSignature,nonRepudiation\n'
    answers = 'keyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\nnoCheck=ignored\n'
    issue('asks-responder', signs + responder)
    issue('asks-list', signs + point)
    issue('town-a-cipher', 'keyUsage=critical,keyEncipherment,dataEncipherment\n' + responder)
    issue('responder', answers)
    authority_make('strange')
    issue('stranger', answers, 'strange')
    for known in ('good', 'revoked', 'unknown'):
        index_write(known, [] if known == 'unknown' else
                    ['asks-responder', 'asks-list', 'town-a-cipher'])
    list_write('good', 'good', 'ca')
    list_write('revoked', 'revoked', 'ca')
    list_write('expired', 'good', 'ca', '-crl_lastupdate', '20260901000000Z', '-crl_nextupdate',
               '20260902000000Z')
    list_write('stranger', 'good', 'strange')


# ---- a case ----

ANSWERS = {'good': None, 'revoked': 'D-1504', 'unknown': 'D-2373', 'stranger': 'D-2371',
           'slow': 'D-2370', 'large': 'D-2371', 'garbage': 'D-2371', 'dead': 'D-2370',
           'redirect': 'D-2370', 'error': 'D-2370'}
LISTS = {'good': None, 'revoked': 'D-1504', 'expired': 'D-2372', 'stranger': 'D-2371',
         'garbage': 'D-2371', 'large': 'D-2371', 'dead': 'D-2370', 'error': 'D-2370'}
WORDS = {'revoked': 'revoked by its issuer on 2026-09-01T12:00:00Z: keyCompromise',
         'unknown': 'does not know this certificate', 'large': 'too large',
         'redirect': 'redirections are not followed', 'error': 'HTTP status 500',
         'expired': 'outdated'}
BACK = ('dead', 'slow', 'unknown', 'expired')  # and then good: what waited goes on


def restart_prepare(daemon):
    """Its end, and a log of its own for the next one, which begins with its start."""
    daemon.end()
    with open(daemon.name + '.log.before', 'ab') as before, open(daemon.name + '.log', 'rb') as log:
        before.write(log.read())
    os.remove(daemon.name + '.log')


class World:
    def __init__(self, responder):
        self.responder, self.town_b, self.count = responder, None, 0
        self.intermediary, self.town_a = Daemon('intermediary'), Daemon('town-a')

    def settings(self, when_unknown):
        """Town B anew, and it knows nothing."""
        if self.town_b is not None:
            restart_prepare(self.town_b)
        shutil.rmtree('town-b/state/revocation', ignore_errors=True)
        with open('town-b.before') as f:
            text = f.read()
        with open('town-b.yaml', 'w') as f:
            f.write(text + 'revocation: {mode: online, when_unknown: %s, timeout_seconds: 2, '
                    'list_max_mb: 1}\n' % when_unknown)
        self.town_b = Daemon('town-b')

    def kill(self):
        for daemon in (self.town_a, self.town_b, self.intermediary):
            if daemon is not None:
                daemon.kill()

    def send(self, sender, recipient):
        self.count += 1
        subject = 'message-%d' % self.count
        body = ('--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{"endpoint": "bauamt", '
                '"recipient": "%s", "subject": "%s"}\r\n--b\r\nContent-Disposition: form-data; '
                'name="file"; filename="a.txt"\r\n\r\nHallo\r\n--b--\r\n' % (recipient, subject)).encode()
        code, text = ask(Local(sender.socket), 'POST', '/v1/messages', body,
                         {'Content-Type': 'multipart/form-data; boundary=b'})
        assert code == 202, (code, text)
        return subject

    @staticmethod
    def row(daemon, box, subject):
        done = daemon.depesche('--json', 'list', box, '--limit', '1000')
        assert done.returncode == 0, done
        rows = [r for r in json.loads(done.stdout) if r['subject'] == subject]
        assert len(rows) < 2, rows
        return rows[0] if rows else None

    def arrived(self, subject):
        """In town B's inbox, and no longer on its way there."""
        def there():
            row = self.row(self.town_b, 'inbox', subject)
            return row if row is not None and row['state'] != 'received' else None
        return wait_for(subject, there)

    def goes_on(self, subject):
        return wait_for('%s to go on' % subject, lambda: self.row(
            self.town_b, 'inbox', subject)['state'] in ('opened', 'handed_over', 'acknowledged'))

    def why(self, daemon, row, code, words):
        said = daemon.depesche('why', row['id']).stdout
        assert '(%s)' % code in said, (code, said)
        assert words is None or words in said, (words, said)

    def evidence(self, row):
        found = [f for f in glob.glob('town-b/state/payload/**/verification-*', recursive=True)
                 if row['id'] in f]
        assert len(found) == 1, (row, found)
        with open(found[0]) as f:
            return json.load(f)['contents'][0]['authors'][0]['revocation']


def incoming(world, fault, code, when_unknown):
    began = time.time()
    world.responder.set(fault)
    world.settings(when_unknown)
    subject = world.send(world.town_a, 'Stadt Beheim')
    row = world.arrived(subject)
    unknown = code is not None and fault != 'revoked'
    stops = fault == 'revoked' or (unknown and when_unknown == 'hold')
    assert (row['state'] == 'quarantined') == stops, (fault, when_unknown, row)
    # the first to ask may be told that the answer is still to come; the next look says what it is
    if stops:
        wait_for('the cause of %s' % fault, lambda: WORDS.get(fault, '') in world.town_b.depesche(
            'why', row['id']).stdout)
        world.why(world.town_b, row, code, WORDS.get(fault))
    result = world.evidence(row)
    assert result['result'] == ('revoked' if fault == 'revoked' else 'unknown' if unknown else 'ok'), result
    assert ('lack' in result) == unknown, result
    if unknown and not stops:
        events = world.town_b.depesche('--json', 'events', row['id']).stdout
        assert 'D-2375' in events or '11375' in events, events
    if unknown and stops and fault in BACK:
        world.responder.set('good')
        world.goes_on(subject)
        assert world.evidence(row)['result'] == 'ok'
    return time.time() - began


def outgoing(world):
    """Town B writes for a certificate of A that nobody tells about; then it is good; then revoked, and
    a message waits for another one."""
    world.responder.set('dead')
    world.settings('hold')
    subject = world.send(world.town_b, 'Stadt Ahausen')
    wait_for('the attempt', lambda: (world.row(world.town_b, 'outbox', subject) or {}).get('state') ==
             'deferred')
    world.why(world.town_b, world.row(world.town_b, 'outbox', subject), 'D-2370', 'town-a-cipher')
    world.responder.set('good')
    wait_for('its arrival', lambda: world.row(world.town_a, 'inbox', subject))
    world.responder.set('revoked')
    world.settings('pass')
    subject = world.send(world.town_b, 'Stadt Ahausen')
    wait_for('the attempt', lambda: world.row(world.town_b, 'outbox', subject)['state'] == 'deferred')
    world.why(world.town_b, world.row(world.town_b, 'outbox', subject), 'D-1504', WORDS['revoked'])


def sign_with(world, name):
    for end in ('.pem', '.key'):
        shutil.copy('pki/' + name + end, 'pki/town-a-signature' + end)
    if world is not None:
        restart_prepare(world.town_a)
        world.town_a = Daemon('town-a')


def cases_try(world):
    count = 0
    for name, table in (('responder', ANSWERS), ('list', LISTS)):
        if name == 'list':
            sign_with(world, 'asks-list')
        for fault, code in table.items():
            for when_unknown in ('pass', 'hold'):
                case = '%s %s %s' % (name, fault, when_unknown)
                if len(sys.argv) > 2 and case not in sys.argv[2:]:
                    continue
                print('%-26s %5.1f s' % (case, incoming(world, fault, code, when_unknown)), flush=True)
                count += 1
    if len(sys.argv) == 2 or 'outgoing' in sys.argv:
        outgoing(world)
        count += 1
    return count


def main():
    ports = free_ports()
    port = int(ports) + 7
    demo_make('--ports', ports)
    pki_make(port)
    sign_with(None, 'asks-responder')
    shutil.copy('town-b.yaml', 'town-b.before')
    responder = Responder(port)
    responder.set('good')
    world = World(responder)
    try:
        count = cases_try(world)
    except BaseException:
        world.kill()
        raise
    responder.end()
    for daemon in (world.town_a, world.town_b, world.intermediary):
        daemon.end()
    print('%d cases, each went on or stopped as the settings say' % count)


if __name__ == '__main__':
    run_in_folder(main)

"""world.py - the daemon under test, a peer that is well, and the programs behind both

Everything lies in one folder. The subject, town A, plays every role at once: OSCI client, passive
recipient, intermediary, XTA server, XTA client. The peer, town B, likewise, and is never harmed. The
subject's files are below s/, so that one folder is all that a crash can change.
"""
import ctypes
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'e2e'))
sys.dont_write_bytecode = True
import xta_world  # noqa: E402
from local_http import Local  # noqa: E402
from ports import free_ports  # noqa: E402

KEYS = os.path.join(HERE, '..', 'vectors', 'osci12', 'keys')
VECTORS = os.path.join(HERE, '..', 'vectors', 'xta')
PATIENCE = 60  # seconds that anything may take when nothing is wrong

COMMON = '''
trust: {osci: [ca.pem], tls: [ca.pem]}
retry: {first_seconds: 1, max_seconds: 2}
osci_server:
  identity:
    signature: {certificate: intermediary-signature.pem, key: intermediary-signature.key}
    cipher: {certificate: intermediary-cipher.pem, key: intermediary-cipher.key}
  listeners: [{address: 127.0.0.1, port: %(osci)d}]
  self_registering: true
  forward_seconds: 20
  receivers: [{url: 'http://127.0.0.1:%(own_receiver)d/osci'}, {url: 'http://127.0.0.1:%(other_receiver)d/osci'}]
  chunk_min_kb: 1
osci_recipient:
  listeners: [{address: 127.0.0.1, port: %(own_receiver)d, path: /osci}]
'''
TENANT = '''
tenant:
  name: %(name)s
  identity:
    signature: {certificate: %(who)s-signature.pem, key: %(who)s-signature.key}
    cipher: {certificate: %(who)s-cipher.pem, key: %(who)s-cipher.key}
'''
INTERMEDIARY = '''
  - name: %(name)s
    url: http://127.0.0.1:%(port)d/osci
    cipher_certificate: intermediary-cipher.pem
    signature_certificate: intermediary-signature.pem
    poll_seconds: 1
    receipt_poll_seconds: 1
    timeout_seconds: 20
    chunk_above_kb: 64
    chunk_kb: 32
    fetch: %(fetch)s
'''
PARTNER = '''
  - {name: %(name)s, intermediary: %(way)s, cipher_certificate: %(who)s-cipher.pem%(more)s}
'''
SUBJECT = '''
state: s/state
api: {socket: s/api.sock}
directory: directory.yaml
xta_servers:
  - name: xta
    version: 5
    urls: {base: '%(xta_url)s/xta/v5/base', sender: '%(xta_url)s/xta/v5/sender', recipient: '%(xta_url)s/xta/v5/recipient'}
    tls: {certificate: melde.pem, key: melde.key}
    parties: [{value: 'ags:3'}]
    poll_seconds: 1
    receipt_poll_seconds: 1
    lookup: false
xta_server:
  instance: ahausen
  listeners: [{port: %(xta)d, tls: {certificate: host.pem, key: host.key}, client_authorities: [ca.pem]}]
  accounts:
    - {name: melde, certificates: [melde.pem], parties: ['ags:09162000', 'ags:09162001']}
endpoints:
  - name: amt
    folder: s/amt
    parties: ['ags:09162000']
    receives: {default: true}
    routes:
      - {files: 'forward-*', partner: Beheim, delivery: forward}
      - {files: 'xta-*', partner: Beheim XTA}
      - {files: 'own-*', partner: Ahausen XTA}
      - {partner: Beheim}
  - {name: melde, parties: ['ags:09162001']}
'''
PEER = '''
state: p/state
api: {socket: p/api.sock}
xta_server:
  instance: beheim
  listeners: [{port: %(xta)d, tls: {certificate: host.pem, key: host.key}, client_authorities: [ca.pem]}]
  accounts:
    - {name: ahausen, certificates: [melde.pem], parties: ['ags:3']}
endpoints:
  - name: amt
    folder: p/amt
    parties: ['ags:09163000']
    receives: {default: true}
    routes:
      - {files: 'passive-*', partner: Ahausen, delivery: forward}
      - {files: 'mailbox-*', partner: Selbst}
      - {files: 'chunks-*', partner: Selbst}
      - {files: 'bringing-*', partner: Selbst, delivery: forward}
      - {partner: Ahausen}
  - {name: gast, parties: ['ags:3']}
'''
XTA_PARTNER = '''
  - name: %s
    xta: xta
    reader: {value: '%s'}
    xta_message: {service: 'urn:xoev-de:test:dienst', scenario: XMELD_DATA, type: probe.0001}
'''
DIRECTORY = '''
parties:
  - {party: 'ags:09163000', services: [{uri: '%(service)s', partner: Beheim}]}
  - {party: 'ags:09162001', services: [{uri: '%(service)s', endpoint: melde}]}
'''


def vector(name, message_id=None):
    with open(os.path.join(VECTORS, name), encoding='utf-8') as f:
        xml = f.read()
    return xml if message_id is None else re.sub(r'urn:de:xta:messageid:[^<\s]+', message_id, xml)


SERVICE = re.search(r'Service>([^<]+)<', vector('v3/06-sendMessage.request.xml')).group(1)


def write(path, text):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def keys_copy():
    for name, role in (('town-a', 'originator'), ('town-b', 'addressee'),
                       ('intermediary', 'intermediary')):
        for use in ('signature', 'cipher'):
            for ending, from_ending in (('pem', 'cert'), ('key', 'key')):
                to = '%s-%s.%s' % (name, use, ending)
                shutil.copy('%s/%s-%s-2048.%s.pem' % (KEYS, role, use, from_ending), to)
                os.chmod(to, 0o600)
    xta_world.authority_make()
    xta_world.certificate('host', 'subjectAltName=IP:127.0.0.1')
    xta_world.certificate('melde', 'extendedKeyUsage=clientAuth')
    with open('ca.pem', 'a', encoding='utf-8') as f, \
            open(KEYS + '/ca.cert.pem', encoding='utf-8') as theirs:
        f.write(theirs.read())


def settings_write():
    base = int(free_ports())
    a_osci, a_receiver, a_xta, b_osci, b_receiver, b_xta = range(base, base + 6)
    receiver = ", receiver_url: 'http://127.0.0.1:%d/osci'"
    write('directory.yaml', DIRECTORY % {'service': SERVICE})
    write('s.yaml', TENANT % {'name': 'Ahausen', 'who': 'town-a'}
          + COMMON % {'osci': a_osci, 'own_receiver': a_receiver, 'other_receiver': b_receiver}
          + SUBJECT % {'xta': a_xta, 'xta_url': 'https://127.0.0.1:%d' % b_xta}
          + 'intermediaries:' + INTERMEDIARY % {'name': 'im', 'port': b_osci, 'fetch': 'true'}
          + 'partners:' + PARTNER % {'name': 'Beheim', 'way': 'im', 'who': 'town-b',
                                     'more': receiver % b_receiver}
          + XTA_PARTNER % ('Beheim XTA', 'ags:09163000') + XTA_PARTNER % ('Ahausen XTA', 'ags:3'))
    write('p.yaml', TENANT % {'name': 'Beheim', 'who': 'town-b'}
          + COMMON % {'osci': b_osci, 'own_receiver': b_receiver, 'other_receiver': a_receiver}
          + PEER % {'xta': b_xta}
          + 'intermediaries:' + INTERMEDIARY % {'name': 'im', 'port': b_osci, 'fetch': 'true'}
          + INTERMEDIARY % {'name': 'theirs', 'port': a_osci, 'fetch': 'true'}
          + 'partners:' + PARTNER % {'name': 'Ahausen', 'way': 'im', 'who': 'town-a',
                                     'more': receiver % a_receiver}
          + PARTNER % {'name': 'Selbst', 'way': 'theirs', 'who': 'town-b',
                       'more': receiver % b_receiver})
    return {'subject_xta': a_xta}


def ask(path, method, url, body=None, headers=None):
    """Status and JSON; OSError or HTTPException when the daemon is not there or goes."""
    api = Local(path, PATIENCE)
    try:
        api.request(method, url, body, headers or {})
        answer = api.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data else None
    finally:
        api.close()


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def dies_with_us():
    """Whatever becomes of the harness, it leaves no daemon behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Daemon:
    """One of the two; with the shim when a page is given."""

    def __init__(self, bin_folder, name, folder):
        self.bin_folder, self.name, self.folder = bin_folder, name, folder
        self.process = None
        self.log_name = name + '.log'

    def start(self, shim=None, page=None):
        env = dict(os.environ)
        if page is not None:
            env.update(LD_PRELOAD=shim, DEPESCHE_FAULT=os.path.abspath(page))
        with open(self.log_name, 'ab') as log:
            self.process = subprocess.Popen(
                [self.bin_folder + '/depesched', '--config', self.name + '.yaml'], env=env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=dies_with_us)

    def is_up(self):
        return self.process is not None and self.process.poll() is None

    def is_ready(self):
        try:
            return ask(self.folder + '/api.sock', 'GET', '/v1/status')[0] == 200
        except (OSError, http.client.HTTPException, ValueError):
            return False

    def wait_ready(self, patience=PATIENCE):
        """False: it ended before."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if not self.is_up():
                return False
            if self.is_ready():
                return True
            time.sleep(0.01)
        return False

    def end(self, sig=signal.SIGKILL):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(sig)
            code = self.process.wait()
            self.process = None
            return code
        return None

    def messages(self, **query):
        """All messages that it knows, newest first; None: it does not answer."""
        text = '&'.join('%s=%s' % item for item in query.items())
        try:
            status, page = ask(self.folder + '/api.sock', 'GET', '/v1/messages?limit=1000&' + text)
            return page.get('messages') if status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Desk:
    """What programs have dropped, and what has come out for them: the account that must balance."""

    def __init__(self):
        self.sent = {}  # digest to name
        self.got = {}   # name to how often
        self.strange = []

    def new(self, name, size=300):
        """The content of a new message: its name, and then bytes of every value."""
        seed = sha256(name.encode()).encode()
        data = name.encode() + b'\r\n' + (bytes(range(256)) + seed) * (size // 300 + 1)
        data = data[:max(size, len(name) + 2)]
        self.sent[sha256(data)] = name
        return data

    def arrived(self, data, where):
        name = self.sent.get(sha256(data))
        if name is None:
            self.strange.append(where)
        else:
            self.got[name] = self.got.get(name, 0) + 1

    def empty(self, folder):
        """A program that takes whole messages away as soon as it sees them."""
        try:
            ids = [n for n in os.listdir(folder) if not n.startswith('.')]
        except FileNotFoundError:
            return
        for message in ids:
            taken = 'taken/%s-%d' % (message, time.monotonic_ns())
            try:
                os.rename(os.path.join(folder, message), taken)
            except FileNotFoundError:
                continue
            for name in os.listdir(taken):
                if name.endswith('.bin'):  # beside it stands what the protocols say about it
                    with open(os.path.join(taken, name), 'rb') as f:
                        self.arrived(f.read(), os.path.join(taken, name))
            shutil.rmtree(taken)


def drop(folder, name, data):
    temp = '%s/.%s' % (folder, name)
    with open(temp, 'wb') as f:
        f.write(data)
    os.rename(temp, '%s/%s' % (folder, name))

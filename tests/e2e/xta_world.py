"""xta_world.py - a town with two programs that speak XTA, for the end-to-end tests

In a temporary folder: keys of OSCI by `depesche init --demo`, a CA for TLS, certificates of the
programs "melde" (ags:09162000) and "standes" (ags:09163000), and depesched with its settings.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from ports import free_port

PATIENCE = 600  # seconds that anything may take: sanitizers, two cores, other tests beside this one

SETTINGS = '''
state: state
tenant:
  name: Ahausen
  identity:
    signature: {certificate: demo/pki/town-a-signature.pem, key: demo/pki/town-a-signature.key}
    cipher: {certificate: demo/pki/town-a-cipher.pem, key: demo/pki/town-a-cipher.key}
trust: {osci: [demo/pki/ca.pem], tls: [demo/pki/ca.pem]}
api: {socket: api.sock}
directory: directory.yaml
virus_scan: {command: [%s/scan.sh], max_mb: 200}
endpoints:
  - {name: melde, parties: ['ags:09162000'], receives: {default: true}}
  - {name: standes, parties: ['ags:09163000']}
xta_server:
  instance: test
  message_max_mb: 120
  listeners:
    - port: %d
      tls: {certificate: host.pem, key: host.key}
      client_authorities: [ca.pem]
  accounts:
    - {name: melde, certificates: [melde.pem], parties: ['ags:09162000']}
    - {name: standes, certificates: [standes.pem], parties: ['ags:09163000']}
    - {name: locked, certificates: [locked.pem], parties: ['ags:09163000'], locked: true}
'''

SCANNER = '''#!/bin/sh
# knows one virus
if grep -aq 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE'; then
    echo Eicar-Test-Signature
    exit 1
fi
'''

DIRECTORY = '''
parties:
  - party: ags:09163000
    services:
      - {uri: 'urn:xoev-de:test:dienst/probe_1.wsdl', endpoint: standes}
      - {uri: 'urn:xoev-de:test:dienst/synchron_1.wsdl', mode: synchronous, endpoint: standes}
'''


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificate(name, extensions):
    run('openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
        name + '.key', '-out', name + '.csr', '-subj', '/CN=' + name)
    with open(name + '.ext', 'w') as f:
        f.write(extensions + '\n')
    run('openssl', 'x509', '-req', '-in', name + '.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key',
        '-CAcreateserial', '-days', '800', '-out', name + '.pem', '-extfile', name + '.ext')
    os.chmod(name + '.key', 0o600)


class Server:
    def __init__(self, bin_folder, port):
        self.bin_folder = bin_folder
        self.port = port
        self.process = None

    def up(self):
        self.log = open('depesched.log', 'ab')
        self.process = subprocess.Popen([self.bin_folder + '/depesched', '--config', 'x.yaml'],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.ready()

    def ready(self):
        until = time.time() + PATIENCE
        while True:
            try:
                socket.create_connection(('127.0.0.1', self.port), 5).close()
                return
            except OSError:
                if self.process.poll() is not None or time.time() > until:
                    raise AssertionError('depesched does not become ready')
                time.sleep(0.1)

    def end(self, sig):
        if self.process is not None:
            self.process.send_signal(sig)
            self.process.wait()
            self.process = None
            self.log.close()

    def peak_mb(self):
        with open('/proc/%d/status' % self.process.pid) as f:
            return int(re.search(r'VmHWM:\s+(\d+)', f.read()).group(1)) / 1024


def authority_make():
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
        '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=CA', '-days', '800')


def prepare(bin_folder, port):
    authority_make()
    certificate('host', 'subjectAltName=IP:127.0.0.1')
    for name in ('melde', 'standes', 'nobody', 'locked'):
        certificate(name, 'extendedKeyUsage=clientAuth')
    run(bin_folder + '/depesche', 'init', '--demo', 'demo')
    with open('scan.sh', 'w') as f:
        f.write(SCANNER)
    os.chmod('scan.sh', 0o755)
    with open('directory.yaml', 'w') as f:
        f.write(DIRECTORY)
    with open('x.yaml', 'w') as f:
        f.write(SETTINGS % (os.getcwd(), port))


def play(bin_folder, scenario):
    """scenario(server) with the folder as working directory; it goes unless something fails."""
    keep, folder, port = os.getcwd(), tempfile.mkdtemp(prefix='depesche-xta.'), free_port()
    os.chdir(folder)
    server = Server(bin_folder, port)
    try:
        prepare(bin_folder, port)
        server.up()
        scenario(server)
        server.end(signal.SIGTERM)
    except BaseException:
        server.end(signal.SIGKILL)
        if os.path.exists('depesched.log'):
            with open('depesched.log', errors='replace') as f:
                print(''.join(f.readlines()[-25:]), file=sys.stderr)
        print('the traces are in ' + folder, file=sys.stderr)
        raise
    os.chdir(keep)
    shutil.rmtree(folder)

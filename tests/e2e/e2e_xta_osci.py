#!/usr/bin/env python3
"""e2e_xta_osci.py BIN - a program of one town sends by XTA version 3, one of another fetches by
version 5, and OSCI is in between

Contents, names and metadata come out as they went in; the report of the sender ends with the process
card; an id stays used whatever way its message went; sendMessageSync rides on mediateDelivery.
XTA 2 digest 8, 10, 12: XTA-032, 041, 045 to 048, 084.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import e2e_xta as base  # noqa: E402
import xta_world as world  # noqa: E402

SERVER = '''
xta_server:
  instance: %(instance)s
  sync_seconds: 300
  listeners:
    - port: %(port)d
      tls: {certificate: host.pem, key: host.key}
      client_authorities: [ca.pem]
  accounts:
    - {name: %(account)s, certificates: [%(account)s.pem], parties: ['%(party)s']}
'''
DIRECTORY = '''
parties:
  - party: ags:09163000
    name: Stadt Beheim
    services:
      - {uri: '%s', partner: Stadt Beheim}
      - {uri: '%s', partner: Stadt Beheim, mode: synchronous}
'''
RECEIVER = '\nosci_recipient:\n  listeners: [{address: 127.0.0.1, port: %d, path: /osci}]\n'
# Answers a request with its own message, under another name.
ANSWER = """#!/bin/sh
for f in "$DEPESCHE_REQUEST"/*fung.xml; do cp "$f" "$DEPESCHE_ANSWER/antwort.xml"; done
echo once >> %s/answered
"""
SERVICE, SYNC_SERVICE = [
    re.search(r'Service>([^<]+)<', base.vector('v3/%s.request.xml' % name)).group(1)
    for name in ('06-sendMessage', '22-sendMessageSync')]


def settings(name, port, party, account, ports, more=''):
    with open(name + '.yaml', encoding='utf-8') as f:
        text = f.read()
    # the demo's own program: ours is the first endpoint
    text = re.sub(r'^  # a program that speaks XTA.*?(?=^retry:)', '', text, flags=re.M | re.S)
    for old, new in ports.items():
        text = text.replace(old, new)
    text = text.replace('receives: {default: true}',
                        "receives: {default: true}\n    parties: ['%s']" % party)
    text += SERVER % {'instance': account, 'port': port, 'account': account, 'party': party} + more
    with open(name + '.yaml', 'w', encoding='utf-8') as f:
        f.write(text)


class Daemon(world.Server):
    """One of the three, with its own settings."""

    def __init__(self, name, port):
        super().__init__(base.BIN, port)
        self.name = name

    def up(self):
        self.log = open(self.name + '.log', 'ab')
        self.process = subprocess.Popen([self.bin_folder + '/depesched', '--config', self.name + '.yaml'],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.ready()


def wait_for(what, *args):
    until = time.time() + world.PATIENCE
    while time.time() < until:
        found = what(*args)
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError('%s: waited too long' % what.__name__)


def ended(author, message_id):
    return base.report_status(author, message_id) != 0


def one_way(author, reader):
    """Version 3 in, version 5 out."""
    message_id = base.new_id(author)
    author.ask(base.V3['send'], base.send_xml(message_id, '<größe/>'))
    assert base.report_status(author, message_id) == 0
    assert wait_for(base.waiting, reader) == [message_id]
    body = base.fetch(reader, message_id)
    for piece in ('<größe/>', 'prüfung.xml', 'contentType="text/xml"', message_id, SERVICE,
                  'ags:09162000', 'ags:09163000'):
        assert piece.encode() in body, (piece, body[:4000])
    base.close(reader, message_id)
    assert base.waiting(reader) == []
    wait_for(ended, author, message_id)
    report = author.ask(base.V3['management'],
                        base.vector('v3/07-getTransportReport-open.request.xml', message_id))
    assert b'osci.processcard' in report and b'depesche.history' in report
    assert re.search(rb'Status>[12]<', report), report[:2000]
    print('version 3 to version 5 through OSCI, report with its process card')


def twice(author, reader):
    """The id is used, whatever way the first message went."""
    message_id = base.new_id(author)
    xml = base.send_xml(message_id, '<nr>1</nr>')
    author.ask(base.V3['send'], xml)
    assert b'<code>9024</code>' in author.ask(base.V3['send'], xml, want=500)
    assert wait_for(base.waiting, reader) == [message_id]
    base.close(reader, message_id)


def sync_xml(message_id, text):
    xml = base.vector('v3/22-sendMessageSync.request.xml', message_id)
    return xml[:xml.index('<soap-env:Body>')] + base.content_xml(text)


def synchronous(author):
    """mediateDelivery, and the reader's program answers; once more, it is the same answer."""
    message_id = base.new_id(author)
    for _ in range(2):
        body = author.ask(base.V3['send'], sync_xml(message_id, '<frage/>'))
        for piece in ('<frage/>', 'antwort.xml', 'ags:09163000', 'ags:09162000', message_id):
            assert piece.encode() in body, (piece, body[:4000])
    xml = base.send_xml(base.new_id(author), '<a/>').replace(SERVICE, SYNC_SERVICE)
    assert b'<code>9081</code>' in author.ask(base.V3['send'], xml, want=500)
    xml = sync_xml(base.new_id(author), '<a/>').replace(SYNC_SERVICE, SERVICE)
    assert b'<code>9080</code>' in author.ask(base.V3['send'], xml, want=500)
    with open('answered', encoding='utf-8') as f:
        assert len(f.readlines()) == 1
    assert base.report_status(author, message_id) in (1, 2)
    print('sendMessageSync through mediateDelivery, answered once')


def answers_add(to):
    """Town B answers requests by a program, and its intermediary may bring them."""
    with open('answer.sh', 'w', encoding='utf-8') as f:
        f.write(ANSWER % os.getcwd())
    os.chmod('answer.sh', 0o755)
    url = 'http://127.0.0.1:%d/osci' % to
    for name, old, new in (
            ('intermediary', '  mailboxes:', '  receivers: [{url: %s}]\n  mailboxes:' % url),
            ('town-b', 'receives: {default: true}',
             'receives: {default: true}\n    answers: {command: [%s/answer.sh], deadline_seconds: 200}'
             % os.getcwd()),
            ('town-a', '    addresses:', '    receiver_url: %s\n    addresses:' % url)):
        with open(name + '.yaml', encoding='utf-8') as f:
            text = f.read()
        assert old in text, (name, old)
        text = text.replace(old, new, 1) + (RECEIVER % to if name == 'town-b' else '')
        with open(name + '.yaml', 'w', encoding='utf-8') as f:
            f.write(text)


def main():
    keep = os.getcwd()
    folder = tempfile.mkdtemp(prefix='depesche-xta-osci.')
    os.chdir(folder)
    subprocess.run([base.BIN + '/depesche', 'init', '--demo', 'demo'], check=True,
                   stdout=subprocess.DEVNULL)
    os.chdir('demo')
    world.authority_make()
    world.certificate('host', 'subjectAltName=IP:127.0.0.1')
    world.certificate('melde', 'extendedKeyUsage=clientAuth')
    world.certificate('standes', 'extendedKeyUsage=clientAuth')
    ports = {str(p): str(world.free_port()) for p in (9440, 9441)}
    with open('parties.yaml', 'w', encoding='utf-8') as f:
        f.write(DIRECTORY % (SERVICE, SYNC_SERVICE))
    a, b = world.free_port(), world.free_port()
    with open('intermediary.yaml', encoding='utf-8') as f:
        text = f.read()
    for old, new in ports.items():
        text = text.replace(old, new)
    with open('intermediary.yaml', 'w', encoding='utf-8') as f:
        f.write(text)
    settings('town-a', a, 'ags:09162000', 'melde', ports, 'directory: parties.yaml\n')
    settings('town-b', b, 'ags:09163000', 'standes', ports)
    answers_add(world.free_port())
    daemons = [Daemon('intermediary', int(ports['9440'])), Daemon('town-b', b), Daemon('town-a', a)]
    try:
        for d in daemons:
            d.up()
        author, reader = base.Client(daemons[2], 'melde'), base.Client(daemons[1], 'standes')
        one_way(author, reader)
        twice(author, reader)
        synchronous(author)
        for d in reversed(daemons):
            d.end(signal.SIGTERM)
    except BaseException:
        for d in daemons:
            d.end(signal.SIGKILL)
            with open(d.name + '.log', errors='replace') as f:
                print(d.name, ''.join(f.readlines()[-25:]), file=sys.stderr)
        print('the traces are in ' + folder, file=sys.stderr)
        raise
    os.chdir(keep)
    shutil.rmtree(folder)


main()

#!/usr/bin/env python3
"""client.py - a program (Fachverfahren) that speaks with Depesche; nothing but the standard library

  client.py SOCKET send ENDPOINT RECIPIENT FILE   sends a file and waits for its receipt
  client.py SOCKET take ENDPOINT FOLDER           fetches what has come and acknowledges it
"""
import http.client
import json
import os
import socket
import sys
import urllib.parse
import uuid


class Gateway(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('depesche')
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None, **headers):
        self.request(method, path, body, {k.replace('_', '-'): v for k, v in headers.items()})
        answer = self.getresponse()
        if answer.status >= 400:  # a problem document: what happened, what to do, code and side
            problem = json.load(answer)
            sys.exit('%(code)s: %(title)s %(detail)s' % problem)
        return answer


def send(path, endpoint, recipient, file):
    b = uuid.uuid4().hex
    meta = json.dumps({'endpoint': endpoint, 'recipient': recipient})
    body = ('--%s\r\nContent-Disposition: form-data; name="meta"\r\n\r\n%s\r\n--%s\r\nContent-Disposition: '
            'form-data; name="file"; filename="%s"\r\n\r\n' % (b, meta, b, os.path.basename(file))).encode()
    with open(file, 'rb') as f:
        body += f.read() + ('\r\n--%s--\r\n' % b).encode()
    # with the same key the request may be repeated after a broken line: it stays one message
    message = json.load(Gateway(path).ask('POST', '/v1/messages', body, Idempotency_Key=b,
                                          Content_Type='multipart/form-data; boundary=' + b))
    print(message['id'], 'accepted', flush=True)
    events = Gateway(path).ask('GET', '/v1/events?after=0&message=' + message['id'],
                               Accept='text/event-stream')
    for line in events:  # after a broken line: again, with Last-Event-ID
        if line.startswith(b'data: '):
            event = json.loads(line[6:])
            print(event['seq'], event['event'], event['state'], event['en'] or '', flush=True)
            if event['state'] in ('delivered', 'failed', 'expired', 'cancelled'):
                return event['state'] == 'delivered'


def take(path, endpoint, folder):
    gateway = Gateway(path)
    query = urllib.parse.urlencode({'box': 'inbox', 'state': 'opened,handed_over', 'endpoint': endpoint})
    for m in json.load(gateway.ask('GET', '/v1/messages?' + query))['messages']:
        os.makedirs(os.path.join(folder, m['id']), exist_ok=True)
        for f in json.load(gateway.ask('GET', '/v1/messages/' + m['id']))['files']:
            if f['kind'] == 'payload':  # names are the sender's: never as they stand
                with open(os.path.join(folder, m['id'], str(f['n'])), 'wb') as out:
                    out.write(gateway.ask('GET', '/v1/messages/%s/files/%d' % (m['id'], f['n'])).read())
        print(json.load(gateway.ask('POST', '/v1/messages/%s/ack' % m['id']))['id'], m['subject'])
    return True


if __name__ == '__main__':
    done = {'send': send, 'take': take}[sys.argv[2]](sys.argv[1], *sys.argv[3:])
    sys.exit(0 if done else 1)

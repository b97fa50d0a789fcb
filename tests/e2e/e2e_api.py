#!/usr/bin/env python3
"""e2e_api.py BUILD - the local interface, as its description says and as programs use it

Two towns and an intermediary. The example clients send to and fro; then every route of the running
server is asked for what docs/openapi.yaml says of it, each answer is looked at with its schema, and
the description and the table of routes name the same.
"""
import http.client
import json
import os
import re
import socket
import subprocess

import jsonschema
import yaml

from demo_world import Daemon, PATIENCE, demo_make, free_ports, root, run_in_folder

examples = os.path.join(root, 'docs', 'examples')
NOBODY = '019ab000-0000-7000-8000-000000000000'


# ---- the example clients ----

def client(name, daemon, *words):
    done = subprocess.run([os.path.join(examples, name), daemon.socket, *words],
                          capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, (name, words, done)
    return done.stdout


def examples_work(a, b):
    for name in ('client.py', 'client.sh'):
        content = os.urandom(5000)
        with open('datei "1".bin' if name == 'client.py' else 'datei 1.bin', 'wb') as f:
            f.write(content)
            path = f.name
        if name == 'client.py':  # its boundary is no place for quotes
            os.rename(path, 'datei 1.bin')
            path = 'datei 1.bin'
        sent = client(name, a, 'send', 'bauamt', 'Stadt Beheim', path)
        assert 'delivered' in sent, sent
        taken = client(name, b, 'take', ENDPOINT_B, 'taken')
        ids = [line.split()[0] for line in taken.splitlines()]
        assert len(ids) == 1, taken
        with open(os.path.join('taken', ids[0], '1'), 'rb') as f:
            assert f.read() == content, 'another content'
        assert client(name, b, 'take', ENDPOINT_B, 'taken') == '', 'it was acknowledged'


# ---- the description ----

def resolve(api, node):
    while isinstance(node, dict) and '$ref' in node:
        target = api
        for step in node['$ref'].lstrip('#/').split('/'):
            target = target[step]
        node = target
    return node


def schema_check(api, schema, value, what):
    whole = dict(schema, components=api['components'])
    errors = list(jsonschema.Draft202012Validator(whole).iter_errors(value))
    assert not errors, (what, errors[0].message, list(errors[0].path))


def operations(api):
    for path, item in api['paths'].items():
        for method in ('get', 'post', 'put', 'delete'):
            if method in item:
                yield path, method, item[method], item.get('parameters', [])


def description_is_sound(api):
    assert api['openapi'].startswith('3.1.'), api['openapi']
    refs = re.findall(r'\$ref: "(#[^"]*)"', open(os.path.join(root, 'docs', 'openapi.yaml')).read())
    for ref in refs:
        resolve(api, {'$ref': ref})
    for name, schema in api['components']['schemas'].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert 'nullable' not in json.dumps(schema), name
    for path, method, op, shared in operations(api):
        named = [p['name'] for p in map(lambda p: resolve(api, p), shared + op.get('parameters', []))
                 if p['in'] == 'path']
        assert sorted(named) == sorted(re.findall(r'{(\w+)}', path)), (path, named)
        assert 'default' in op['responses'] and 'summary' in op, (path, method)


def routes_are_the_same(api):
    with open(os.path.join(root, 'gateway', 'api.c')) as f:
        table = set(re.findall(r'{GW_HTTP_(\w+), "(/[^"]*)"', f.read()))
    told = {(m.upper(), re.sub(r'{\w+}', '{}', p)) for p, m, _, _ in operations(api)}
    assert table == told, table ^ told


def answer_check(api, op, answer, what):
    body = answer.read()
    told = resolve(api, op['responses'].get(str(answer.status), op['responses']['default']))
    content = told.get('content', {})
    for name in told.get('headers', {}):
        assert answer.headers[name] is not None, (what, answer.status, name)
    kind = answer.headers.get('Content-Type', '').split(';')[0]
    assert not content or kind in content, (what, answer.status, kind)
    if answer.status >= 400:
        assert kind == 'application/problem+json', (what, answer.status, kind)
    if kind.endswith('json'):
        schema_check(api, content[kind]['schema'], json.loads(body), what)
    return answer.status


def every_operation(api, town, ids):
    form = 'multipart/form-data; boundary=b'
    upload = ('--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{"endpoint": "bauamt", '
              '"recipient": "Stadt Beheim"}\r\n--b\r\nContent-Disposition: form-data; name="file"; '
              'filename="a"\r\n\r\n1\r\n--b--\r\n')
    special = {  # what else a request needs to succeed, and how it then ends
        ('post', '/v1/messages'): ('', upload, 202),
        ('post', '/v1/messages/{id}/answer'): ('', upload, 409),
        ('post', '/v1/messages/{id}/release'): ('?reason=x', None, 409),
        ('post', '/v1/messages/{id}/discard'): ('?reason=x', None, 409),
        ('post', '/v1/messages/{id}/ack'): ('', None, 409),
        ('post', '/v1/messages/{id}/retry'): ('', None, 409),
        ('post', '/v1/messages/{id}/cancel'): ('', None, 409),
        ('post', '/v1/redeliver'): ('?endpoint=bauamt&since=2020-01-01', None, 200),
        ('post', '/v1/fetch'): ('', None, 202),
        ('post', '/v1/reload'): ('', None, 202),
        ('post', '/v1/backup'): ('?dir=' + os.path.abspath('backup'), None, 200),
        ('get', '/v1/outlook'): ('?on=2099-12-31', None, 200),
        ('get', '/v1/mailboxes'): ('', None, None),
        ('get', '/v1/intermediary'): ('', None, None),
        ('get', '/v1/directory'): ('', None, None),
    }
    asked = 0
    for path, method, op, _ in operations(api):
        what = method + ' ' + path
        there = path.replace('{id}', ids).replace('{n}', '1')
        query, body, expected = special.get((method, path), ('', None, 200))
        headers = {'Content_Type': form} if body else {}
        status = answer_check(api, op, town.ask(method.upper(), there + query, body, **headers), what)
        assert expected is None or status == expected, (what, status)
        bad = answer_check(api, op, town.ask(method.upper(), there + '?no_such=1', body, **headers), what)
        assert bad == 400, (what, bad)
        if '{id}' in path:
            gone = path.replace('{id}', NOBODY).replace('{n}', '1')
            status = answer_check(api, op, town.ask(method.upper(), gone + query, body, **headers), what)
            assert status == 404, (what, status)
        wrong = town.ask('DELETE', there)
        assert wrong.headers['Allow'], what
        assert answer_check(api, op, wrong, what) == 405, what
        asked += 1
    return asked


def broken_requests_are_problems(api, town):
    """What no operation ever sees; what is said of problems holds for it too."""
    problem = api['components']['schemas']['Problem']
    for request in (b'hello\r\n\r\n', b'GET / HTTP/1.1\r\n\r\n', b'GET / HTTP/3.0\r\nHost: x\r\n\r\n',
                    b'GET /' + 9000 * b'a' + b' HTTP/1.1\r\nHost: x\r\n\r\n',
                    b'GET / HTTP/1.1\r\nHost: x\r\n' + 200 * b'A: b\r\n' + b'\r\n',
                    b'POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n'):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(PATIENCE)
            raw.connect(town.socket)
            raw.sendall(request)
            answer = http.client.HTTPResponse(raw)
            answer.begin()
            assert answer.headers['Content-Type'] == 'application/problem+json', request[:40]
            told = json.load(answer)
            schema_check(api, problem, told, request[:40])
            assert told['status'] == answer.status >= 400, request[:40]


def downloads_go_on(town, message):
    path = '/v1/messages/%s/files/1' % message
    answer = town.ask('GET', path)
    whole, tag = answer.read(), answer.headers['ETag']
    rest = town.ask('GET', path, Range='bytes=3-', If_Range=tag)
    assert (rest.status, rest.read()) == (206, whole[3:])
    assert rest.headers['Content-Range'] == 'bytes 3-%d/%d' % (len(whole) - 1, len(whole))
    assert town.ask('GET', path, If_None_Match=tag).status == 304
    assert town.ask('GET', path, Range='bytes=%d-' % len(whole)).status == 416


# ---- all of it ----

def main():
    global ENDPOINT_B
    demo_make('--ports', free_ports())
    with open('town-b.yaml') as f:
        ENDPOINT_B = yaml.safe_load(f)['endpoints'][0]['name']
    with open(os.path.join(root, 'docs', 'openapi.yaml')) as f:
        api = yaml.safe_load(f)
    description_is_sound(api)
    routes_are_the_same(api)
    daemons = [Daemon(name) for name in ('intermediary', 'town-b', 'town-a')]
    try:
        town_b, town_a = daemons[1:]
        examples_work(town_a, town_b)
        last = json.load(town_a.ask('GET', '/v1/messages?box=outbox&state=delivered'))['messages'][0]
        asked = every_operation(api, town_a, last['id'])
        broken_requests_are_problems(api, town_a)
        downloads_go_on(town_a, last['id'])
        print('%d operations are as described' % asked)
        for d in reversed(daemons):
            d.end()
    finally:
        for d in daemons:
            d.kill()


if __name__ == '__main__':
    run_in_folder(main)

#!/usr/bin/env python3
"""e2e_backup.py BUILD - a backup taken while messages flow, and what a restored state does

Two towns and an intermediary. Programs send without a pause while town A is backed up: nobody may be
turned away meanwhile. Then its state is lost. A damaged backup is refused and the file named; the
good one is restored, and with it every message from before the backup is known and nothing arrives
at town B twice.
"""
import json
import os
import re
import shutil
import subprocess
import time

from demo_world import Daemon, Local, PATIENCE, build, demo_make, free_ports, run_in_folder
from e2e_reload import Load, ask

WORKING = ('accepted', 'sealed', 'deferred', 'unclear', 'submitted', 'forwarded')


def sender(path, prefix):
    """Each message has a subject of its own, by which town B knows it."""
    count = 0

    def send():
        nonlocal count
        count += 1
        subject = '%s-%d' % (prefix, count)
        body = ('--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n'
                '{"endpoint": "bauamt", "recipient": "Stadt Beheim", "subject": "%s"}\r\n'
                '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
                '%s\r\n--b--\r\n' % (subject, 'x' * 10000)).encode()
        code, text = ask(Local(path), 'POST', '/v1/messages', body,
                         {'Content-Type': 'multipart/form-data; boundary=b'})
        assert code == 202, (code, text)
        return subject, json.loads(text)['id'], time.time()
    return send


def depesche(*words):
    return subprocess.run([build + '/depesche', '--lang', 'en', *words], capture_output=True, text=True)


def messages(daemon, box):
    done = daemon.depesche('--json', 'list', box, '--limit', '1000000')
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def settled(daemon):
    """All outbound messages, once nothing goes on by itself any more."""
    until = time.time() + PATIENCE
    while True:
        all_of_them = messages(daemon, 'outbox')
        if not any(m['state'] in WORKING for m in all_of_them):
            return {m['id']: m for m in all_of_them}
        assert time.time() < until, [m['state'] for m in all_of_them if m['state'] in WORKING]
        time.sleep(0.5)


def back_up_under_load(town):
    """What was accepted before it began, all that was, and how many while it ran."""
    loads = [Load('sender %d' % i, sender(town.socket, 's%d' % i)) for i in range(4)]
    for load in loads:
        load.start()
    try:
        until = time.time() + PATIENCE
        while sum(len(load.answers) for load in loads) < 200:
            assert time.time() < until, [load.failures[:1] for load in loads]
            time.sleep(0.05)
        before = [a for load in loads for a in list(load.answers)]
        begun = time.time()
        done = town.depesche('backup', os.path.abspath('backup'))
        ended = time.time()
        assert done.returncode == 0, done
        time.sleep(1)
    finally:
        Load.stop = True
        for load in loads:
            load.join()
    assert not any(load.failures for load in loads), [load.failures[:1] for load in loads]
    after = [a for load in loads for a in load.answers]
    return before, after, sum(begun < a[2] < ended for a in after), ended - begun


def damaged_is_refused():
    shutil.copytree('backup', 'damaged')
    victim = next(line.split('  ')[1].strip() for line in open('damaged/manifest.sha256')
                  if 'payload/' in line)
    with open(os.path.join('damaged', victim), 'r+b') as f:
        f.write(b'?')
    for words in (('backup', '--verify', 'damaged'), ('restore', 'damaged', '--state', 'never')):
        done = depesche(*words)
        assert done.returncode == 65 and victim in done.stderr, (words, done)
    assert not os.path.exists('never'), 'something was restored'


def state_of(name):
    with open(name + '.yaml') as f:
        return re.search(r'^state: (.*)$', f.read(), re.M).group(1)


def arrived(daemon, subjects):
    """How often each of them has come; waits until none is missing."""
    until = time.time() + PATIENCE
    while True:
        come = [m['subject'] for m in messages(daemon, 'inbox')]
        missing = set(subjects) - set(come)
        if not missing:
            return {s: come.count(s) for s in come}
        assert time.time() < until, ('lost', sorted(missing)[:5], len(missing))
        time.sleep(0.5)


def main():
    demo_make('--ports', free_ports())
    daemons = [Daemon(name) for name in ('intermediary', 'town-b', 'town-a')]
    try:
        town = daemons.pop()
        before, sent, meanwhile, took = back_up_under_load(town)
        assert meanwhile > 0, 'nothing was accepted while the backup was taken'
        assert depesche('backup', '--verify', 'backup').returncode == 0
        damaged_is_refused()
        town.end()
        state = state_of('town-a')
        os.rename(state, state + '.lost')
        done = depesche('--json', 'restore', 'backup', '--state', state)
        assert done.returncode == 0, done
        restored = json.loads(done.stdout)
        os.truncate('town-a.log', 0)
        town = Daemon('town-a')
        daemons.append(town)
        known = settled(town)
        assert all(i in known for _, i, _ in before), 'a message from before the backup is lost'
        held = [m for m in known.values() if m['state'] != 'delivered']
        assert all(m['state'] == 'failed' and m['last_error']['code'] == 'D-1413' for m in held), held[:2]
        assert len(held) == restored['held'], (len(held), restored)
        certain = [m['subject'] for m in known.values() if m['state'] == 'delivered']
        times = arrived(daemons[1], certain)
        assert all(n == 1 for n in times.values()), {s: n for s, n in times.items() if n != 1}
        subject, number, _ = sender(town.socket, 'new')()
        assert settled(town)[number]['state'] == 'delivered'
        arrived(daemons[1], [subject])
        print('%d messages before the backup, %d in all, %d accepted in the %.2f s that it took; '
              'restored: %d known, %d unclear, %d held; lost 0, doubled 0'
              % (len(before), len(sent), meanwhile, took, len(known), restored['unclear'], len(held)))
    finally:
        Load.stop = True
        for daemon in daemons:
            daemon.kill()


if __name__ == '__main__':
    run_in_folder(main)

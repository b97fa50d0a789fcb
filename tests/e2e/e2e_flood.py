#!/usr/bin/env python3
"""e2e_flood.py BUILD - very many files dropped at once

They are renamed into out/ while the daemon runs and its destination does not answer. Each must be
accepted once, have both its receipts, and the local interface must answer meanwhile. Then as many
files wait for their markers: to look at them again and again must cost little.
FILES=n: so many (1,000); PEAK_MB=n: so much memory may it take (300). The last line is JSON with the
figures; waiting_cpu_percent is what the files cost that wait.
"""
import json
import os
import re
import threading
import time

from demo_world import Daemon, demo_make, run_in_folder, wait_for

files = int(os.environ.get('FILES', '1000'))
peak_mb = int(os.environ.get('PEAK_MB', '300'))
watched_s = 5 if files <= 1000 else 30  # of files that wait


def wait(done, what):
    wait_for(what, done, 0.2 + files / 50000)


class Asking(threading.Thread):
    """How long the local interface takes to answer, again and again."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.town, self.stop, self.seconds, self.failure = daemon, False, [], None

    def run(self):
        while not self.stop:
            begun = time.time()
            try:
                self.town.ask('GET', '/v1/health').read()
            except Exception as e:
                self.failure = self.failure or repr(e)
            self.seconds.append(time.time() - begun)
            time.sleep(0.05)


def count(pattern_folder, ending=''):
    return sum(1 for e in os.scandir(pattern_folder)
               if not e.name.startswith('.') and e.name.endswith(ending))


def put(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, 'w') as f:
        f.write(text)


def flood(town, folder, figures):
    os.mkdir('stage')
    for i in range(files):
        put('stage', 'brief-%d.txt' % i, 'Brief Nummer %d\n' % i)
    asking = Asking(town)
    asking.start()
    begun = time.time()
    for i in range(files):
        os.rename('stage/brief-%d.txt' % i, folder + '/out/brief-%d.txt' % i)
    figures['dropped_s'] = time.time() - begun
    wait(lambda: count(folder + '/sent') >= files and count(folder + '/out') == 0, 'acceptance')
    figures['accepted_s'] = time.time() - begun
    wait(lambda: count(folder + '/receipts', '.txt') >= files and
         count(folder + '/receipts', '.json') >= files, 'the receipts')
    figures['receipts_s'] = time.time() - begun
    asking.stop = True
    asking.join()
    assert asking.failure is None, asking.failure
    figures['health_max_ms'] = max(asking.seconds) * 1000
    figures['health_p99_ms'] = sorted(asking.seconds)[int(len(asking.seconds) * 0.99)] * 1000
    figures['peak_mb'] = town.peak_mb()
    sent = set()
    for entry in os.scandir(folder + '/sent'):
        sent.update(os.listdir(entry.path))
    assert len(sent) == files and count(folder + '/sent') == files, 'lost or taken twice'


def idle(town, figures):
    """What the daemon needs while nothing happens but files that wait."""
    for i in range(files):
        put('marked/out', 'wartet-%d.txt' % i, 'x')
    time.sleep(watched_s / 2)
    before = town.cpu_seconds()
    time.sleep(watched_s)
    figures['waiting_cpu_percent'] = (town.cpu_seconds() - before) / watched_s * 100
    assert count('marked/out') == files


def main():
    figures = {'files': files}
    demo_make()
    with open('town-a.yaml') as f:
        text = f.read()
    folder = re.search(r'^    folder: (.*)$', text, re.M).group(1).strip('"\'')
    # no door but the local one, and nobody at the other end
    text = re.sub(r'  # a program that speaks XTA.*(?=^retry:)', '', text, flags=re.M | re.S)
    text = re.sub(r'https://127.0.0.1:\d+/', 'https://127.0.0.1:9/', text)
    text = text.replace('endpoints:\n', 'endpoints:\n  - name: marked\n    folder: %s/marked\n'
                        '    complete: marker\n' % os.getcwd(), 1)
    with open('town-a.yaml', 'w') as f:
        f.write(text)
    town = Daemon('town-a')
    try:
        flood(town, folder, figures)
        idle(town, figures)
        town.end()
    finally:
        town.kill()
    print(json.dumps({k: round(v, 1) for k, v in figures.items()}))
    assert figures['health_max_ms'] < 30000, figures
    assert figures['peak_mb'] < peak_mb, figures
    assert figures['waiting_cpu_percent'] < 50, figures


run_in_folder(main)

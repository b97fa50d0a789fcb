#!/usr/bin/env python3
"""keys_drop.py BUILD [MESSAGES [PAIRS]] - from drop folder to drop folder, without and with key processes

Three daemons of a demo, in turns with security.key_process off and on, each turn in a world of its
own. So many files of 10 KB are dropped at once at town A, and the turn ends when all are at town B.
Prints a JSON object for each turn: messages a second, and the processor time of a message in all
processes, those of the keys included; then the medians of the ratios of the pairs, on by off. On a
machine that does other things, too, only processor time says something.
"""
import json
import os
import re
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
from demo_world import Daemon, demo_make, free_ports, run_in_folder, wait_for  # noqa: E402

PARTIES = ('intermediary', 'town-b', 'town-a')
MESSAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 100
PAIRS = int(sys.argv[3]) if len(sys.argv) > 3 else 3


def cpu_seconds(pid):
    with open('/proc/%d/stat' % pid) as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def processes(daemons):
    """The daemons, and the key processes that they have named."""
    found = [d.process.pid for d in daemons]
    for d in daemons:
        with open(d.name + '.log') as log:
            found += [int(pid) for pid in re.findall(r'event=keys.started pid=(\d+)', log.read())]
    return found


def arrived():
    return sum('bench-' in name for _, _, names in os.walk('town-b/bauamt/in') for name in names)


def turn(on):
    demo_make('--ports', free_ports())
    for who in PARTIES:
        with open(who + '.yaml', 'a') as f:
            f.write('security:\n  key_process: %s\n' % ('true' if on else 'false'))
    daemons = [Daemon(who) for who in PARTIES]
    pids = processes(daemons)
    assert len(pids) == (6 if on else 3), pids
    os.mkdir('payloads')
    for i in range(MESSAGES):
        with open('payloads/bench-%d.bin' % i, 'wb') as f:
            f.write(os.urandom(10240))
    cpu, began = sum(map(cpu_seconds, pids)), time.time()
    for name in os.listdir('payloads'):
        os.rename('payloads/' + name, 'town-a/bauamt/out/' + name)
    wait_for('all messages', lambda: arrived() >= MESSAGES, 0.2)
    took, cpu = time.time() - began, sum(map(cpu_seconds, pids)) - cpu
    for d in daemons:
        d.end()
    with open('/proc/loadavg') as f:
        load = float(f.read().split()[0])
    return {'key_process': on, 'messages_per_second': round(MESSAGES / took, 2),
            'cpu_ms_per_message': round(cpu * 1000 / MESSAGES, 2), 'load': load}


def turn_in_folder(on):
    folder, before = tempfile.mkdtemp(dir='.'), os.getcwd()
    os.chdir(folder)
    result = turn(on)
    os.chdir(before)
    print(json.dumps(result), flush=True)
    return result


def main():
    pairs = [(turn_in_folder(False), turn_in_folder(True)) for _ in range(PAIRS)]
    print(json.dumps({
        'throughput_on_by_off': round(statistics.median(
            on['messages_per_second'] / off['messages_per_second'] for off, on in pairs), 3),
        'cpu_off_by_on': round(statistics.median(
            off['cpu_ms_per_message'] / on['cpu_ms_per_message'] for off, on in pairs), 3)}))


run_in_folder(main)

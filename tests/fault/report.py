"""report.py - docs/torture.md, from what a run has found"""
import collections

import harm
import page
import scenarios

HEAD = '''# Torture

Written by `./run torture --page docs/torture.md`; whoever changes the gateway or the harness runs it
again. How it works: [tests/fault](../tests/fault/torture.py).

The daemon under test plays every role at once: drop folder, API, XTA server, XTA client, OSCI client,
intermediary, passive recipient. A library in front of libc numbers its writes, fsyncs, renames, links,
removals, connects, sends and so on, those of the database included. In each trial one to three messages
pass one door, and at one of these calls something happens. Then the daemon is started again, everything
drains, and the account is balanced: each message has arrived exactly once, with the same SHA-256, and
its rows on both sides have come to their end.

- *Killed*: SIGKILL before or behind the call. In three of four trials the power goes, too: what was
  not flushed is undone on the disk, all of it, its bytes alone, or a part of it.
- *Failed*: the call returns an error or does less than asked, once. In the end the power goes. A failed
  fsync stays failed: what it was to make durable is undone by that cut unless it was written again.
- *Harmed at rest*: files are changed, cut or removed while the daemon is down; each message arrives or
  is named.
- *Time*: the clock jumps while messages are on their way.

A point is a place in the program (the call, the kind of file or line, and who called whom), the visit
to it, and before or behind; no two trials of a kind share a point.

'''


def table(head, rows):
    lines = ['| ' + ' | '.join(head) + ' |', '| ' + ' | '.join('---' for _ in head) + ' |']
    return '\n'.join(lines + ['| ' + ' | '.join(str(c) for c in row) + ' |' for row in rows]) + '\n\n'


def bad(results):
    return [sum(r.lost for r in results), sum(r.doubled for r in results),
            sum(r.altered for r in results), sum(bool(r.stuck) for r in results)]


def by_door(done, kind):
    rows = []
    for s in scenarios.ALL:
        mine = [(t, r) for t, r in done if t.kind == kind and t.door == s.name]
        if mine:
            sites = len({t.site[0] for t, _ in mine})
            rows.append([s.door, sites, len(mine)] + bad([r for _, r in mine]))
    return table(['door', 'places', 'points', 'lost', 'doubled', 'altered', 'stuck'], rows)


def by_call(done, kind):
    found = collections.OrderedDict()
    for t, r in sorted(done, key=lambda x: (x[0].site[1], x[0].site[2]) if x[0].site else (0, 0)):
        if t.kind == kind:
            found.setdefault((page.CALLS[t.site[1]], page.THINGS[t.site[2]]), []).append(t)
    rows = []
    for (call, thing), tasks in found.items():
        what = collections.Counter(w for t in tasks for w in t.what)
        rows.append([call, thing, len(tasks), ', '.join('%s %d' % i for i in sorted(what.items()))])
    return table(['call', 'on', 'points', 'how'], rows)


def write(path, done, total):
    text = HEAD
    text += '%d kill points, %d fault points, %d harms at rest, %d jumps of the clock: %d lost, ' \
            '%d doubled, %d altered, %d stuck.\n\n' % tuple(
                total[k] for k in ('kill_points', 'fault_points', 'harms', 'jumps', 'lost',
                                   'doubled', 'altered', 'stuck'))
    text += '## Killed\n\n' + by_door(done, 'kill') + by_call(done, 'kill')
    told = sum(bool(r.told) for t, r in done if t.kind == 'fault')
    died = sum(r.exited for t, r in done if t.kind == 'fault')
    text += '## Failed\n\nIn %d trials a message ended with an error that its sender was told; in all ' \
            'others it arrived. In %d the daemon ended by itself, which costs a restart.\n\n' % (
                told, died)
    text += by_door(done, 'fault') + by_call(done, 'fault')
    rows = []
    for h, _ in harm.HARMS:
        mine = [r for t, r in done if t.kind == 'harm' and t.door == h.__name__]
        if mine:
            outcome = collections.Counter(r.told[0] if r.told else 'arrived' for r in mine)
            rows.append([h.__name__.replace('_', ' '), len(mine), outcome['arrived'],
                         outcome['named'], outcome['refused']] + bad(mine))
    text += '## Harmed at rest\n\n*arrived*: nothing was missing. *named*: what could not be sent was ' \
            'said to be damaged, or put aside under its name. *refused*: the start named the index, ' \
            'and with a copy of it all arrived.\n\n'
    text += table(['harm', 'trials', 'arrived', 'named', 'refused', 'lost', 'doubled', 'altered',
                   'stuck'], rows)
    rows = []
    for s in scenarios.ALL:
        mine = [(t, r) for t, r in done if t.kind == 'jump' and t.door == s.name]
        if mine:
            rows.append([s.door, ', '.join(t.what[0] for t, _ in mine)] + bad([r for _, r in mine]))
    text += '## Time\n\n' + table(['door', 'jumps', 'lost', 'doubled', 'altered', 'stuck'], rows)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text.rstrip('\n') + '\n')

#!/usr/bin/env python3
"""torture.py BIN SHIM - kills, fails and harms the gateway at every step; nothing may be lost

  --json             what happened, one object a line; the last is the sum
  --slice N          only about N points, evenly from all, for a test among others
  --page FILE        writes the report
  --doors A,B        only these scenarios (tests/fault/scenarios.py)
  --kinds A,B        of kill, fault, harm, jump
  --kills N, --faults N  at most so many, evenly from all there are
  --workers N        trials at the same time; without: two for each core
  --self-test        nothing but: what is lost on purpose must be seen

Exit code 0 only if nothing was lost, doubled or altered, and nothing got stuck.
"""
import argparse
import collections
import errno
import itertools
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
import harm  # noqa: E402
import page  # noqa: E402
import report  # noqa: E402
import scenarios  # noqa: E402
import self_test  # noqa: E402
import trial  # noqa: E402

CALL = {name: i for i, name in enumerate(page.CALLS)}
THING = {name: i for i, name in enumerate(page.THINGS)}
NETWORK = {CALL[c] for c in ('connect', 'accept', 'send', 'recv')}
BEHIND = {CALL[c] for c in ('fsync', 'rename', 'link', 'unlink', 'mkdir', 'send', 'connect')}
POWER = {page.POWER_KEPT: 'process', page.POWER_ALL: 'power', page.POWER_DATA: 'power, bytes',
         page.POWER_SOME: 'power, some'}
# how each call may fail, and what is said of it
FAILURES = {
    'write': ('ENOSPC', 'EIO', 'short'), 'fsync': ('EIO', 'ENOSPC'), 'rename': ('EIO', 'ENOSPC'),
    'link': ('EMLINK', 'ENOSPC'), 'unlink': ('EIO',), 'truncate': ('EIO',), 'mkdir': ('ENOSPC', 'EIO'),
    'open': ('EMFILE', 'ENOSPC', 'EIO'), 'read': ('EMFILE', 'EIO'),
    'connect': ('ENETUNREACH', 'ECONNREFUSED'), 'accept': ('EMFILE', 'ENOMEM'),
    'send': ('ECONNRESET', 'EPIPE', 'short'), 'recv': ('ECONNRESET',), 'malloc': ('ENOMEM',)}

HOUR_MS = 3600 * 1000
JUMPS = {'an hour back': -HOUR_MS, 'a year forward': 365 * 24 * HOUR_MS}
ALLOCATIONS = 6  # places of each door whose first allocation fails

# what one trial is to do; site is (key, call, thing)
Task = collections.namedtuple('Task', 'kind door site occurrence orders what')


def spread(rows, most):
    """The first, the last, and some between."""
    if len(rows) <= most:
        return rows
    step = (len(rows) - 1) / (most - 1) if most > 1 else 0
    return [rows[i] for i in sorted({round(k * step) for k in range(most)})]


def by_site(points):
    found = collections.OrderedDict()
    for key, call, thing, occurrence, frames in points:
        found.setdefault((key, call, thing), []).append(occurrence)
    return found


def is_meant(door, call, thing):
    """The API is polled by ourselves everywhere; as a door it has a scenario."""
    return thing != THING['API'] or door == 'api'


def kill_tasks(door, points, most):
    powers = itertools.cycle((page.POWER_ALL, page.POWER_KEPT, page.POWER_SOME, page.POWER_DATA))
    for site, occurrences in by_site(points).items():
        key, call, thing = site
        if not is_meant(door, call, thing) or page.CALLS[call] == 'read':
            continue
        network = call in NETWORK
        for n in spread(occurrences, min(2, most) if network else most):
            for mode in (page.KILL, page.KILL_BEHIND):
                if mode == page.KILL_BEHIND and call not in BEHIND:
                    continue
                power = next(powers)
                yield Task('kill', door, site, n,
                           {'mode': mode, 'key': key, 'occurrence': n, 'power': power, 'seed': n},
                           ('behind' if mode == page.KILL_BEHIND else 'before', POWER[power]))


def fault_tasks(door, points, most):
    turn = collections.Counter()
    for site, occurrences in by_site(points).items():
        key, call, thing = site
        if not is_meant(door, call, thing):
            continue
        failures = FAILURES[page.CALLS[call]]
        for n in spread(occurrences, 1 if call in NETWORK else most):
            failure = failures[turn[call] % len(failures)]
            turn[call] += 1
            short = failure == 'short'
            orders = {'mode': page.SHORT if short else page.FAIL, 'key': key, 'occurrence': n,
                      'times': 1, 'number': 0 if short else getattr(errno, failure)}
            if page.CALLS[call] == 'malloc':
                orders['memory'] = 1
            yield Task('fault', door, site, n, orders, (failure,))


def harm_tasks():
    for h, count in harm.HARMS:
        for n in range(count):
            yield Task('harm', h.__name__, None, n, {}, ())


def jump_tasks(doors):
    for door, (what, jump) in itertools.product(doors, JUMPS.items()):
        yield Task('jump', door, None, 0, {'jump': jump}, (what,))


def jump_during(ms):
    def during(t):
        t.step()
        t.place.shared.page.time_ms = ms
    return during


def perform(place, task):
    if task.kind == 'harm':
        return harm.Harm(place).run_harm(harm.BY_NAME[task.door], task.occurrence)
    t = trial.Trial(place, scenarios.BY_NAME[task.door])
    if task.kind == 'jump':
        result = t.run(may_fail=True, during=jump_during(task.orders['jump']))
        return result._replace(hit=1)
    return t.run(cut_at_end=task.kind == 'fault', may_fail=task.kind == 'fault', **task.orders)


def record(place, door, memory):
    t = trial.Trial(place, scenarios.BY_NAME[door])
    result = t.run(memory=1 if memory else 0)
    return result, place.shared.allocations() if memory else place.shared.points()


def worker(folder, args, tasks, results):
    try:
        place = trial.Place(folder, args.bin, args.shim)
    except BaseException:
        results.put((None, 'broken', traceback.format_exc()))
        results.put((None, 'end', None))
        return
    try:
        while True:
            task = tasks.get()
            if task is None:
                break
            try:
                if task.kind == 'record':
                    results.put((task, 'record', record(place, task.door, task.what)))
                elif task.kind == 'self':
                    results.put((task, 'self', self_test.check(place)))
                else:
                    results.put((task, 'result', perform(place, task)))
            except BaseException:
                results.put((task, 'broken', traceback.format_exc()))
                break
    finally:
        place.end()
        results.put((None, 'end', None))


class Symbols:
    """Names of the program's functions, for the report."""

    def __init__(self, program):
        self.program, self.known = program, {}

    def learn(self, frames):
        new = sorted(f for f in frames if f not in self.known)
        if not new:
            return
        lines = subprocess.run(['addr2line', '-f', '-e', self.program], check=False,
                               input='\n'.join(hex(f - 1) for f in new), capture_output=True,
                               text=True).stdout.split('\n')
        for i, frame in enumerate(new):
            self.known[frame] = lines[2 * i] if 2 * i < len(lines) else '?'


class Run:
    def __init__(self, args):
        self.args = args
        self.out = []
        self.places = {}  # site key to where it is in the program
        self.done = []    # (task, result)
        self.missed = 0
        self.broken = []
        self.symbols = Symbols(args.bin + '/depesched')
        self.begun = time.monotonic()

    def say(self, **what):
        if self.args.json:
            print(json.dumps(what), flush=True)

    def tell(self, text):
        print(text, file=sys.stderr if self.args.json else sys.stdout, flush=True)

    def workers_start(self, folder):
        self.tasks, self.results = multiprocessing.Queue(), multiprocessing.Queue()
        self.processes = [multiprocessing.Process(target=worker, args=(
            '%s/%d' % (folder, i), self.args, self.tasks, self.results))
            for i in range(self.args.workers)]
        for p in self.processes:
            p.start()

    def workers_end(self):
        for _ in self.processes:
            self.tasks.put(None)
        ended = 0
        while ended < len(self.processes):
            if self.results.get()[1] == 'end':
                ended += 1
        for p in self.processes:
            p.join()

    def all_of(self, tasks):
        """Performs them; yields (task, kind, value) as they come."""
        tasks = list(tasks)
        for t in tasks:
            self.tasks.put(t)
        for _ in tasks:
            task, kind, value = self.results.get()
            if kind == 'broken':
                raise SystemExit('torture: the harness itself has failed:\n' + value)
            yield task, kind, value

    def record(self, doors):
        """What there is to be killed at, from a run in which nothing happens."""
        points = {}
        for task, _, (result, found) in self.all_of(
                Task('record', d, None, 0, {}, memory) for d in doors for memory in (False, True)):
            if result.why:
                raise SystemExit('torture: %s does not even work undisturbed: %s'
                                 % (task.door, result.why))
            points[task.door, task.what] = found
            for p in found:
                self.places[p[0]] = p[4]
        return points

    def where(self, key):
        frames = self.places.get(key, ())
        self.symbols.learn(frames)
        names = []
        for f in frames:
            name = self.symbols.known.get(f, '?').split('.')[0]
            if name not in ('??', 'main', '_start') and (not names or names[-1] != name):
                names.append(name)
        return names

    def perform(self, tasks):
        for task, _, r in self.all_of(tasks):
            if r.hit == 0:
                self.missed += 1
            else:
                self.done.append((task, r))
            bad = bool(r.why)
            if bad or self.args.verbose:
                self.say(trial=self.title(task), bad=r.why, told=r.told, hit=r.hit,
                         exited=r.exited, seconds=round(r.seconds, 1))
            if bad:
                self.tell('%s: %s' % (self.title(task), '; '.join(r.why)))

    def title(self, task):
        if task.site is None:
            return ' '.join([task.kind, task.door, str(task.occurrence), *task.what])
        return '%s %s: %s of %s, visit %d (%s), in %s' % (
            task.kind, task.door, page.CALLS[task.site[1]], page.THINGS[task.site[2]],
            task.occurrence, ', '.join(task.what), ' < '.join(self.where(task.site[0])[:6]))

    def sum(self):
        kinds = collections.Counter()
        for task, _ in self.done:
            kinds[task.kind] += 1
        rs = [r for _, r in self.done]
        return {'kill_points': kinds['kill'], 'fault_points': kinds['fault'],
                'harms': kinds['harm'], 'jumps': kinds['jump'],
                'lost': sum(r.lost for r in rs), 'doubled': sum(r.doubled for r in rs),
                'altered': sum(r.altered for r in rs), 'stuck': sum(r.stuck for r in rs),
                'told': sum(bool(r.told) for r in rs), 'not_reached': self.missed,
                'seconds': round(time.monotonic() - self.begun)}


def choose(args, run, by_kind):
    tasks = [t for kind in args.kinds.split(',') for t in by_kind[kind]]
    if args.match:
        tasks = [t for t in tasks if args.match in run.title(t)] * args.repeat
    if args.slice:
        tasks = spread(tasks, args.slice)
    random.Random(1).shuffle(tasks)  # every door has its turn early
    return tasks


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('bin', type=os.path.abspath)
    parser.add_argument('shim', type=os.path.abspath)
    parser.add_argument('--json', action='store_true')
    parser.add_argument('--verbose', action='store_true')
    parser.add_argument('--slice', type=int, default=0)
    parser.add_argument('--doors')
    parser.add_argument('--kinds', default='kill,fault,harm,jump')
    parser.add_argument('--kills', type=int, default=900)
    parser.add_argument('--faults', type=int, default=350)
    parser.add_argument('--page')
    parser.add_argument('--self-test', action='store_true')
    parser.add_argument('--match', help='only trials whose title holds this')
    parser.add_argument('--repeat', type=int, default=1)
    parser.add_argument('--most', type=int, default=2)
    parser.add_argument('--workers', type=int, default=2 * (os.cpu_count() or 1))
    args = parser.parse_args()
    if args.page:
        args.page = os.path.abspath(args.page)
    doors = args.doors.split(',') if args.doors else [s.name for s in scenarios.ALL]
    folder = tempfile.mkdtemp(prefix='depesche-torture.')
    run = Run(args)
    run.workers_start(folder)
    good = False
    try:
        if args.self_test:
            unseen = [u for _, _, us in run.all_of([Task('self', '', None, 0, {}, ())]) for u in us]
            run.tell('not seen: ' + ', '.join(unseen) if unseen else 'what is lost is seen')
            good = not unseen
            return 0 if good else 1
        points = run.record(doors)
        kills, faults = [], []
        for d in doors:
            kills += kill_tasks(d, points[d, False], args.most)
            faults += fault_tasks(d, points[d, False], 1)
            faults += fault_tasks(d, spread(points[d, True], ALLOCATIONS), 1)
        tasks = choose(args, run, {'kill': spread(kills, args.kills),
                                   'fault': spread(faults, args.faults),
                                   'harm': list(harm_tasks()), 'jump': list(jump_tasks(doors))})
        run.tell('%d trials, %d places where to kill, %d where to fail' % (
            len(tasks), len(kills), len(faults)))
        run.perform(tasks)
        total = run.sum()
        if args.page:
            report.write(args.page, run.done, total)
        good = not any(total[k] for k in ('lost', 'doubled', 'altered', 'stuck'))
        print(json.dumps(total), flush=True)
    finally:
        run.workers_end()
        if good:
            shutil.rmtree(folder)
        else:
            run.tell('torture: the traces are in ' + folder)
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())

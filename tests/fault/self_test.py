"""self_test.py - losing, doubling and altering on purpose must be seen, or the account is worth nothing"""
import os
import shutil
import time

import scenarios
import trial


class Short(scenarios.DropOut):
    seconds = 10


def lost_file(t):
    """The dropped file goes before anybody has seen it."""
    for name in t.scenario.names:
        for folder in ('out', 'sent', 'refused'):
            for path in [os.path.join(base, f) for base, _, files in os.walk('s/amt/' + folder)
                         for f in files if f == name]:
                os.unlink(path)
    t.place.desk.arrived = lambda data, where: None  # and what was quicker does not count


def doubled(t):
    """What has come comes again."""
    while not t.arrived():
        t.step()
        time.sleep(0.02)
    name = t.scenario.names[0]
    for data_name, digest in ((n, d) for d, n in t.place.desk.sent.items()):
        if data_name == name:
            t.place.desk.got[name] += 1
            assert digest


def altered(_):
    os.makedirs('p/amt/in/00000000-strange')
    with open('p/amt/in/00000000-strange/other.bin', 'wb') as f:
        f.write(b'never sent')


def check(place):
    """The names of those that were not seen."""
    unseen = []
    desk = place.desk
    result = trial.Trial(place, Short).run(during=lost_file)
    del desk.arrived
    if result.lost != 1:
        unseen.append('a lost message')
    result = trial.Trial(place, Short).run(during=doubled)
    if result.doubled != 1:
        unseen.append('a doubled message')
    result = trial.Trial(place, Short).run(during=altered)
    if result.altered != 1:
        unseen.append('an altered message')
    shutil.rmtree('p/amt/in/00000000-strange', ignore_errors=True)
    return unseen

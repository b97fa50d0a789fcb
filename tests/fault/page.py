"""page.py - tests/fault/page.h as Python sees it: whoever changes one changes the other"""
import ctypes
import mmap

SITES_MAX, POINTS_MAX, FRAMES, ROOT_SIZE = 8192, 65536, 10, 512
WATCH, KILL, KILL_BEHIND, FAIL, SHORT, FAIL_ALL, SWALLOW = range(7)
POWER_KEPT, POWER_ALL, POWER_DATA, POWER_SOME = range(4)
CALLS = ['', 'write', 'fsync', 'rename', 'link', 'unlink', 'truncate', 'mkdir', 'open', 'connect',
         'accept', 'send', 'recv', 'malloc', 'read']
THINGS = ['', 'index', 'write-ahead log', 'payload', 'tmp', 'state folder', 'out', 'sent', 'refused',
          'in', 'receipts', 'caller', 'peer', 'API', 'memory']


class Site(ctypes.Structure):
    _fields_ = [('key', ctypes.c_uint64), ('phase', ctypes.c_uint32), ('call', ctypes.c_uint32),
                ('thing', ctypes.c_uint32), ('seen', ctypes.c_uint32),
                ('frames', ctypes.c_uint64 * FRAMES)]


class Point(ctypes.Structure):
    _fields_ = [('site', ctypes.c_uint32), ('occurrence', ctypes.c_uint32)]


class Orders(ctypes.Structure):
    _fields_ = [('mode', ctypes.c_uint32), ('phase', ctypes.c_uint32), ('key', ctypes.c_uint64),
                ('occurrence', ctypes.c_uint32), ('times', ctypes.c_uint32),
                ('number', ctypes.c_int32), ('power', ctypes.c_uint32), ('seed', ctypes.c_uint32),
                ('memory', ctypes.c_uint32), ('time_ms', ctypes.c_int64), ('cut', ctypes.c_uint32),
                ('root', ctypes.c_char * ROOT_SIZE),
                ('hit', ctypes.c_uint32), ('undone', ctypes.c_uint32), ('sites', ctypes.c_uint32),
                ('points', ctypes.c_uint32), ('pid', ctypes.c_uint32),
                ('overflow', ctypes.c_uint32)]


class Page(Orders):
    _fields_ = [('site', Site * SITES_MAX), ('point', Point * POINTS_MAX)]


class Shared:
    """The file behind it, mapped for as long as this lives."""

    def __init__(self, path, root):
        self.path, self.root = path, root
        with open(path, 'w+b') as f:
            f.truncate(ctypes.sizeof(Page))
            self.map = mmap.mmap(f.fileno(), ctypes.sizeof(Page))
        self.page = Page.from_buffer(self.map)

    def order(self, **orders):
        """Forgets what was recorded, and gives new orders."""
        ctypes.memset(ctypes.addressof(self.page), 0, ctypes.sizeof(Page))
        self.page.root = self.root.encode()
        for name, value in orders.items():
            setattr(self.page, name, value)

    def allocations(self, phase=1):
        """As points, the first visit of each site in the program itself."""
        p = self.page
        return [(s.key, s.call, s.thing, 1, tuple(f for f in s.frames if f)) for s in p.site
                if s.key and s.phase == phase and CALLS[s.call] == 'malloc' and s.frames[0]]

    def points(self, phase=1):
        """[(site, occurrence)] in their order"""
        p = self.page
        if p.overflow or p.points >= POINTS_MAX:
            raise AssertionError('the record is not complete')
        found = []
        for i in range(p.points):
            site = p.site[p.point[i].site]
            if site.phase == phase:
                found.append((site.key, site.call, site.thing, p.point[i].occurrence,
                              tuple(f for f in site.frames if f)))
        return found

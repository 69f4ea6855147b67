"""An emulated network path: delay, rate, loss and a queue, between this machine and a network namespace.

    path-shim.py NAMESPACE HERE THERE RTT_MS MBIT LOSS QUEUE_BYTES

Two TUN devices, HERE's in this namespace and THERE's in the other; each IP packet that comes out of one goes into the
other when its time has come. Rate, loss and queue (tail drop) hold for each direction. TUN rather than `tc netem`,
since few kernels have that one. Prints "ready"; ends, and takes the devices with it, when standard input closes.
"""

import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections import deque

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
MOST = 65536


def tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_NO_PI))
    return fd


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Direction:
    def __init__(self, source, target, delay, rate, loss, room, seed):
        self.source, self.target = source, target
        self.delay, self.rate, self.loss, self.room = delay, rate, loss, room
        self.random = random.Random(seed).random
        self.free_at = 0.0
        self.under_way = deque()

    def take(self, now):
        """Reads what has come, a bounded number at a time so that the other direction has its turn."""
        for _ in range(64):
            try:
                packet = os.read(self.source, MOST)
            except BlockingIOError:
                return
            start = max(now, self.free_at)
            if (start - now) * self.rate > self.room or self.random() < self.loss:
                continue
            self.free_at = start + len(packet) / self.rate
            self.under_way.append((self.free_at + self.delay, packet))

    def deliver(self, now):
        """Writes what is due; returns when the next packet is, or None."""
        while self.under_way:
            due, packet = self.under_way[0]
            if due > now:
                return due
            self.under_way.popleft()
            try:
                os.write(self.target, packet)
            except OSError:
                pass  # A full device drops, as a network would.
        return None


def main():
    namespace, here, there, rtt, mbit, loss, queue = sys.argv[1:]
    a, b = tun("porthole0"), tun("porthole1")
    ip("link", "set", "porthole1", "netns", namespace)
    ip("addr", "add", here, "peer", there, "dev", "porthole0")
    ip("link", "set", "porthole0", "up", "txqueuelen", "10000")
    ip("-n", namespace, "addr", "add", there, "peer", here, "dev", "porthole1")
    ip("-n", namespace, "link", "set", "porthole1", "up", "txqueuelen", "10000")
    ip("-n", namespace, "link", "set", "lo", "up")
    one_way = (float(rtt) / 2000, float(mbit) * 125000, float(loss), int(queue))
    directions = [Direction(a, b, *one_way, seed=1), Direction(b, a, *one_way, seed=2)]
    print("ready", flush=True)
    timeout = None
    while True:
        readable, _, _ = select.select([a, b, 0], [], [], timeout)
        if 0 in readable and not os.read(0, MOST):
            return
        now = time.monotonic()
        for direction in directions:
            if direction.source in readable:
                direction.take(now)
        nexts = [due for due in (d.deliver(now) for d in directions) if due is not None]
        timeout = max(0.0, min(nexts) - time.monotonic()) if nexts else None


main()

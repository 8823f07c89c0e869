"""A client in a process of its own that is killed, or stopped while its answers arrive.

Run as a script it sends large requests a few at a time, says so in a line, waits for the answers
and says what came in a second line, until its input ends.
"""

import collections
import json
import random
import signal
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

AT_ONCE = 4  # requests of a burst
_DEADLINE = 120.0
_REQUEST, _ANSWER = "request", "answer.json"


def client(folder, target):
    """What the process does: bursts of the request that lies in `folder`."""
    import grpc
    from _open_loop import METHOD

    from export.wire import CONTENT_WANTED

    request = (folder / _REQUEST).read_bytes()
    right = json.loads((folder / _ANSWER).read_text())
    limits = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
    call = grpc.insecure_channel(target, options=limits).unary_unary(METHOD)
    while sys.stdin.readline():
        calls = [
            call.future(request, timeout=_DEADLINE, metadata=[CONTENT_WANTED])
            for _ in range(AT_ONCE)
        ]
        print("sent", flush=True)
        found = collections.Counter()
        for one in calls:
            code = one.code().name  # waits
            good = code == "OK" and zlib.crc32(one.result()) == right
            found["WRONG" if code == "OK" and not good else code] += 1
        print(json.dumps(found), flush=True)


class Rude:
    """Threads that start such clients and treat them badly; a context manager.

    One client is killed (SIGKILL) within a second of every burst, and another takes its place.
    Another one is stopped (SIGSTOP) at every burst, so that its answers are not read, and goes on
    `seconds` later: all of them must be there.

    Args:
        folder: Path, empty, for what the clients send.
        target: where the service listens.
        prepared: request as bytes, CRC-32 of the answer.
        seconds: float, between the bursts of either client.

    Attributes:
        killed: clients that were.
        read: Counter, what became of the calls of the slow one, by gRPC code, "WRONG" included.
        errors: list of str, what went wrong with the clients themselves.
    """

    def __init__(self, folder, target, prepared, seconds):
        request, answer = prepared
        (folder / _REQUEST).write_bytes(request)
        (folder / _ANSWER).write_text(json.dumps(answer))
        self._command = [sys.executable, __file__, str(folder), target]
        self._seconds, self._ended, self._draw = seconds, threading.Event(), random.Random(0)
        self.killed, self.read, self.errors = 0, collections.Counter(), []
        self._threads = [
            threading.Thread(target=self._guarded, args=(one,)) for one in (self._kill, self._slow)
        ]

    def _start(self):
        pipe = subprocess.PIPE
        return subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True)

    def _guarded(self, treat):
        try:
            treat()
        except Exception as error:  # a soak of an hour goes on, and tells it at its end
            self.errors.append(f"{type(error).__name__}: {error}")

    def _kill(self):
        while not self._ended.wait(self._seconds):
            with self._start() as process:
                self._burst(process)
                time.sleep(self._draw.random())
                process.kill()
            self.killed += 1

    def _slow(self):
        with self._start() as process:
            while not self._ended.is_set():
                self._burst(process)
                process.send_signal(signal.SIGSTOP)
                self._ended.wait(self._seconds)
                process.send_signal(signal.SIGCONT)
                self.read.update(json.loads(process.stdout.readline()))
            process.stdin.close()

    def _burst(self, process):
        print("go", file=process.stdin, flush=True)
        if (line := process.stdout.readline()) != "sent\n":
            raise RuntimeError(f"a client said {line!r}")

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        for thread in self._threads:
            thread.join()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    client(Path(sys.argv[1]), sys.argv[2])

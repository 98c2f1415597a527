#!/bin/sh
# Names what is missing for a build from source, and what to do about it. Everything else is installed into .venv.
missing=0
need() { # command, what it is, how to get it
    command -v "$1" >/dev/null 2>&1 && return
    printf 'penstock needs %s (%s is not on PATH): %s\n' "$2" "$1" "$3" >&2
    missing=1
}
need cargo "Rust 1.95 or newer" "install it with rustup, or from your distribution"
need gcc "a C linker" "install gcc (Debian, Ubuntu: apt install gcc; Fedora: dnf install gcc)"
python=${PYTHON:-python3}
need "$python" "Python 3.11 or newer" "install it, or name another one: make PYTHON=python3.12"
[ "$missing" = 0 ] || exit 1

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    printf 'penstock needs Python 3.11 or newer; %s is %s. Name another one: make PYTHON=python3.12\n' \
        "$python" "$("$python" -V)" >&2
    exit 1
}
"$python" -c 'import venv, ensurepip' 2>/dev/null || {
    printf 'penstock needs the venv module of %s (Debian, Ubuntu: apt install python3-venv)\n' "$python" >&2
    exit 1
}
rust=$(cargo --version | cut -d' ' -f2)
oldest=$(printf '1.95.0\n%s\n' "$rust" | sort -V | head -n 1)
[ "$oldest" = 1.95.0 ] || {
    printf 'penstock needs Rust 1.95 or newer; this is %s. Update it: rustup update stable\n' "$rust" >&2
    exit 1
}

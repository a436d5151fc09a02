# Sourced by the other scripts: finds Python, and makes virtual environments with the wheels of this
# checkout in them, editable. Everything said here goes to standard error.
#
# PYTHON  the interpreter to start from (default: python3)
# VENV    where the development environment is kept (default: .venv)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
python=${PYTHON:-python3}
venv=${VENV:-.venv}

# The tests start hundreds of interpreters. Without caches each compiles all that it imports.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

require_python() {
    command -v "$python" >/dev/null 2>&1 ||
        fail "'$python' was not found. Python 3.11 or newer is needed; PYTHON=/path/to/python names another one."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "'$python' is $("$python" --version 2>&1 | head -n 1). Python 3.11 or newer is needed;" \
            "PYTHON=/path/to/python names another one."
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "'$python' has no complete venv module. On Debian and Ubuntu: apt install python3-venv."
}

# every_wheel: the folder of each wheel, dw-core first.
every_wheel() {
    printf '%s\n' libs/dw-core
    find libs -mindepth 2 -maxdepth 2 -name pyproject.toml -exec dirname {} \; | sort | grep -v '^libs/dw-core$'
}

# meta_package_wheels: the folders of what `pip install durable-workflow` brings, and its own.
meta_package_wheels() {
    "$python" - <<'PROGRAM'
import re, tomllib
with open("libs/durable-workflow/pyproject.toml", "rb") as file:
    dependencies = tomllib.load(file)["project"]["dependencies"]
for name in (*(re.match(r"[\w-]+", line)[0] for line in dependencies), "durable-workflow"):
    print(f"libs/{name}")
PROGRAM
}

# What an environment was made from: while this is unchanged nothing is installed again.
environment_stamp() {
    printf '%s\n' "$root" "$@"
    "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
    cat "$root"/libs/*/pyproject.toml "$root/libs/dw-core/src/durable_workflow/_version.py" \
        "$root/scripts/environment.sh" "$root/scripts/requirements-dev.txt"
}

# install_into ENVIRONMENT ARGUMENTS...: uv is many times faster, pip is always there.
install_into() {
    local environment=$1
    shift
    if "$environment/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.8' >&2; then
        "$environment/bin/uv" pip install --quiet --python "$environment/bin/python" "$@" >&2 && return
        say "uv could not install; trying pip"
    else
        say "uv cannot be had here; using pip"
    fi
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2
}

# make_environment FOLDER REQUIREMENTS WHEEL...: a no-op where the stamp matches. REQUIREMENTS is a file, or ''.
make_environment() {
    local environment=$1 requirements=$2 wheel stamp
    shift 2
    require_python
    stamp=$(environment_stamp "$requirements" "$@" | cksum)
    if [ "$(cat "$environment/made-from" 2>/dev/null)" = "$stamp" ] && "$environment/bin/python" -c '' 2>/dev/null; then
        return
    fi
    say "making the environment $environment with $("$python" --version 2>&1)"
    "$python" -m venv --clear "$environment" >&2 || fail "'$python -m venv $environment' failed"
    local arguments=()
    [ -z "$requirements" ] || arguments+=(--requirement "$requirements")
    for wheel in "$@"; do arguments+=(--editable "$wheel"); done
    install_into "$environment" "${arguments[@]}" || fail "installing into $environment failed; the reason stands above"
    printf '%s\n' "$stamp" >"$environment/made-from"
}

make_development_environment() {
    # shellcheck disable=SC2046
    make_environment "$venv" scripts/requirements-dev.txt $(every_wheel)
    "$venv/bin/python" scripts/link_typings
}

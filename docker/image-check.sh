#!/usr/bin/env bash
# Build the cpu image without a Docker engine, start the service in it and get an answer: `make image-check`.
#
# Needs root on Debian or Ubuntu; installs buildah and debootstrap if they are missing. The base is a bare Debian with
# its own Python, made once and kept under build/image-check. The network, the CA certificates and the pip settings are
# the host's. BUNDLE=DIR checks with that model bundle in place of the committed one; STORAGE_DRIVER=vfs is slower, but
# works where the kernel has no overlay mounts.
set -euo pipefail
cd "$(dirname "$0")/.."

SKYFIX=$(realpath -s "${SKYFIX:-.venv/bin/skyfix}")
PYTHON=$(dirname "$SKYFIX")/python
SUITE=${SUITE:-bookworm}
UID_WANTED=10001
SIZE_LIMIT_MB=400  # of the program and its packages

WORK=$PWD/build/image-check
BASE=localhost/skyfix-base:$SUITE
IMAGE=localhost/skyfix:image-check
export BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=docker TMPDIR=$WORK/tmp

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'image-check: %s\n' "$*" >&2; exit 1; }
in_storage() {
    buildah ${STORAGE_DRIVER:+--storage-driver "$STORAGE_DRIVER"} --root "$WORK/storage" --runroot "$WORK/run" "$@"
}

install_tools() {
    local tool missing=()
    for tool in buildah debootstrap curl; do
        [[ -n $(type -P "$tool") ]] || missing+=("$tool")
    done
    ((${#missing[@]})) || return 0
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}" > "$WORK/apt.log"
}

# A bare Debian from the mirror that the host itself uses.
make_base() {
    in_storage inspect --type image "$BASE" > "$WORK/base.json" 2>&1 && return
    local mirror container
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | head -n 1)
    rm -rf "$WORK/rootfs"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$SUITE" "$WORK/rootfs" "$mirror" \
        > "$WORK/debootstrap.log" || fail "debootstrap failed, see $WORK/debootstrap.log"
    rm -rf "$WORK"/rootfs/var/cache/apt/archives/*.deb "$WORK"/rootfs/var/lib/apt/lists/*
    container=$(in_storage from scratch)
    in_storage add --quiet "$container" "$WORK/rootfs" / > "$WORK/base.id"
    in_storage commit --quiet --rm "$container" "$BASE" > "$WORK/base.id"
    rm -rf "$WORK/rootfs"
}

# The host's pip settings in one file, the environment before the files; and as `mounts` the paths that they name.
host_settings() {
    local certificates=/etc/ssl/certs/ca-certificates.crt word path
    { echo '[global]'
      "$PYTHON" -m pip config list \
        | sed -nE "s/^(:env:|global)\.\.?([a-z-]+)='(.*)'$/\2 = \3/p" | sed 's/\\n/ /g' | awk '!seen[$1]++'
    } > "$WORK/pip.conf"
    mounts=(--volume "$WORK/pip.conf:/etc/pip.conf:ro")
    [[ ! -f $certificates ]] || mounts+=(--volume "$certificates:$certificates:ro")
    for word in $(cut -d= -f2- "$WORK/pip.conf"); do
        path=${word#file://}
        [[ $path == "$word" ]] || path=$(dirname "$path")  # a folder index links to files beside it
        [[ $path != /* || ! -e $path || $path == "$certificates" ]] || mounts+=(--volume "$path:$path:ro")
    done
}

build_image() {
    in_storage build --network host --pull=false --layers=false --target cpu "${mounts[@]}" \
        --build-arg "BASE_IMAGE=$BASE" --build-arg "REVISION=$(git rev-parse HEAD 2> "$WORK/git.log" || echo unknown)" \
        --file docker/Dockerfile --tag "$IMAGE" . > "$WORK/build.log" 2>&1 \
        || { tail -n 30 "$WORK/build.log"; fail "the build failed, see $WORK/build.log"; }
}

# A small city of its own: imagery, an index that the image's user may read, and a photo.
make_index() {
    rm -rf "$WORK/city" "$WORK/index"
    "$SKYFIX" sample-city --seed 7 --extent 250 --photos 1 --panoramas 1 --out "$WORK/city"
    "$SKYFIX" index build --source "$WORK/city/ortho.tif" --out "$WORK/index" ${BUNDLE:+--bundle "$BUNDLE"}
    chmod -R a+rX "$WORK/index"
}

# A key, and a key file that the image's user may read.
make_key() {
    rm -f "$WORK/keys.json"
    key=$("$SKYFIX" keys new --file "$WORK/keys.json" --name image-check 2> "$WORK/keys.log")
    chmod 644 "$WORK/keys.json"
}

check_contents() {
    local rootfs size
    [[ $(in_container id -u) == "$UID_WANTED" ]] || fail "the image's user is $(in_container id -u), not $UID_WANTED"
    ! in_container sh -c 'touch /x || touch /opt/skyfix/x || touch /index/x' 2> "$WORK/touch.log" \
        || fail "the image's user can write to / or to the program"
    in_container python3 -c "
from importlib.util import find_spec
assert not [name for name in ('torch', 'numba', 'rasterio', 'pip') if find_spec(name)]" \
        || fail "a serving image must hold no torch, numba, rasterio or pip"
    in_container python3 -c "
import json
from importlib.metadata import distributions
listed = {each['purl'].partition('/')[2] for each in json.load(open('/opt/skyfix/sbom.cdx.json'))['components'] if 'purl' in each}
held = {f\"{each.name.lower().replace('_', '-')}@{each.version}\" for each in distributions() if each.name != 'skyfix'}
assert listed == held, listed ^ held" || fail "the bill of materials is not what is installed"
    rootfs=$(in_storage mount "$container")
    size=$(du -sm "$rootfs/opt/skyfix" | cut -f 1)
    echo "image $(du -sm "$rootfs" | cut -f 1) MB, of which the program and its packages are $size MB"
    ((size < SIZE_LIMIT_MB)) || fail "the installed program takes $size MB, more than $SIZE_LIMIT_MB MB"
}

in_container() {
    in_storage run --network host --cap-drop ALL --mount type=tmpfs,destination=/tmp \
        --volume "$WORK/index:/index:ro" --volume "$WORK/keys.json:/keys.json:ro" \
        ${BUNDLE:+--volume "$(realpath "$BUNDLE"):/bundle:ro" --env SKYFIX_BUNDLE=/bundle} \
        --env "SKYFIX_PORT=$port" --env "SKYFIX_ADMIN_PORT=$admin_port" "$container" -- "$@"
}

from_image() {
    in_storage inspect --type image "$IMAGE" | "$PYTHON" -c "
import json, shlex, sys
config = json.load(sys.stdin)['Docker']['config']
print(shlex.join($1))"
}

# buildah passes no signals on, so this finds the service at the end of its chain; what decodes photos are its children.
innermost() {
    local pid=$1 child
    while [[ $(basename "$(readlink "/proc/$pid/exe")") != python3* ]] && child=$(pgrep -o -P "$pid"); do pid=$child; done
    echo "$pid"
}

free_port() {
    "$PYTHON" -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
}

# Start what the image says, wait with the image's own health check, ask about the photo, and stop it by SIGTERM.
check_service() {
    local command health started=$SECONDS rc=0
    eval "command=($(from_image "config['Entrypoint'] + config['Cmd']"))"
    eval "health=($(from_image "config['Healthcheck']['Test'][1:]"))"
    touch "$WORK/before"
    ! in_container "${command[@]}" > "$WORK/refused.log" 2>&1 || fail "the service started without keys"
    grep -q insecure-no-auth "$WORK/refused.log" || fail "no word about keys: $(cat "$WORK/refused.log")"
    in_container "${command[@]}" --key-file /keys.json > "$WORK/serve.log" 2>&1 &
    server=$!
    until in_container "${health[@]}" 2> "$WORK/health.log"; do
        kill -0 "$server" 2> "$WORK/kill.log" || fail "the service stopped: $(cat "$WORK/serve.log")"
        ((SECONDS - started < 120)) || fail "not ready after 120 s: $(cat "$WORK/serve.log")"
        sleep 1
    done
    echo "ready after $((SECONDS - started)) s"
    [[ $(curl --silent --output "$WORK/refused.json" --write-out '%{http_code}' "http://127.0.0.1:$port/info") == 401 ]] \
        || fail "somebody without a key was answered: $(cat "$WORK/refused.json")"
    curl --fail-with-body --silent --show-error --header "X-API-Key: $key" --form "image=@$(find "$WORK/city/photos" -type f | head -n 1)" \
        "http://127.0.0.1:$port/localize" > "$WORK/answer.json" || fail "no answer: $(cat "$WORK/answer.json")"
    "$PYTHON" -c "
import json, sys
answer = json.load(open(sys.argv[1]))
best, count = answer['candidates'][0], len(answer['candidates'])
print(f\"{count} candidates, the best at {best['lat']:.6f}, {best['lon']:.6f} with similarity {best['similarity']:.3f}\")
" "$WORK/answer.json" || fail "an answer without candidates: $(cat "$WORK/answer.json")"
    curl --fail --silent --show-error "http://127.0.0.1:$admin_port/metrics" > "$WORK/metrics.txt"
    grep -q '^skyfix_localizations_total{.*} 1.0' "$WORK/metrics.txt" || fail "/metrics does not count the answer"
    check_rights "$(innermost "$server")"
    kill -TERM "$(innermost "$server")"
    wait "$server" || rc=$?
    server=''
    ((rc == 0)) || fail "SIGTERM ended the service with $rc: $(cat "$WORK/serve.log")"
}

# No right is held (buildah's chroot leaves one in the bounding set), and nothing lies where it could have written.
check_rights() {
    local rights left
    rights=$(sed -nE 's/^Cap(Eff|Prm|Amb):\t0*([0-9a-f]+)$/\2/p' "/proc/$1/status" | sort -u)
    [[ $rights == 0 ]] || fail "the service has rights: $rights"
    left=$(find "/proc/$1/root/tmp" -mindepth 1)
    [[ -z $left ]] || fail "the service left in /tmp: $left"
}

check_nothing_written() {
    local written
    written=$(find "$(in_storage mount "$container")" -xdev -newer "$WORK/before" -uid "$UID_WANTED")
    [[ -z $written ]] || fail "the service wrote to its root: $written"
}

clean_up() {
    [[ -z $server ]] || { kill "$(innermost "$server")" && wait "$server"; } || true
    [[ -z $container ]] || in_storage rm "$container" > "$WORK/rm.log" 2>&1 || true
    in_storage rmi --force "$IMAGE" > "$WORK/rm.log" 2>&1 || true
    ! mountpoint -q "$WORK/storage/overlay" || umount "$WORK/storage/overlay"
}

[[ $(id -u) == 0 ]] || fail "must run as root"
mkdir -p "$TMPDIR"
server='' container='' key='' port=$(free_port) admin_port=$(free_port)
trap clean_up EXIT

say "base"; install_tools; make_base; host_settings
say "build"; SECONDS=0; build_image; echo "built in $SECONDS s"
say "index"; make_index; make_key
container=$(in_storage from --pull-never "$IMAGE")
say "contents"; check_contents
say "service"; check_service; check_nothing_written
say "the image passes"

#!/usr/bin/env bash
# A bare Debian or Ubuntu machine -> one that can run the tests. Safe to run again: what is there stays.
#
#   1. the npm packages of package-lock.json
#   2. a Vulkan driver that Dawn accepts: the machine's own GPU, else Mesa's software driver (lavapipe).
#      Dawn refuses Mesa < 24. Debian 12 carries 22.3, so there the driver comes from the backports suite
#      of the mirror that the machine's own apt sources already name.
#   3. a Chromium for the tests that run in a page: what is there (TFMC_CHROMIUM, the PATH), else Debian's package.
#
# The system's apt sources and package lists are left as they are: both are copied to a temporary folder first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Runs a command with its output kept in a file, and shows that file only if the command fails.
quietly() {
  if ! "$@" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    return 1
  fi
}

# --- npm packages -------------------------------------------------------------------------------------------------

command -v node >/dev/null || fail "Node 20 or newer is needed; it is not on the PATH."
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || fail "Node 20 or newer is needed; this is $(node -v)."

# npm leaves a copy of the lock file inside node_modules; where each package agrees, there is nothing to do.
packages_are_current() {
  node -e '
    const read = (path) => JSON.parse(require("fs").readFileSync(path, "utf8")).packages;
    const wanted = read("package-lock.json"), present = read("node_modules/.package-lock.json");
    for (const [name, entry] of Object.entries(wanted)) {
      if (name === "" || (entry.optional && !present[name])) continue;
      if (!present[name] || present[name].version !== entry.version) process.exit(1);
    }' 2>/dev/null
}

if packages_are_current; then
  say "npm packages: already there"
else
  quietly npm ci --ignore-scripts --loglevel=warn || fail "npm ci failed (output above)."
  say "npm packages: installed"
fi

# --- Vulkan driver ------------------------------------------------------------------------------------------------

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# sudo may ask for a password where somebody sits at a terminal to type it.
can_be_root() {
  [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }
}

# The machine's own source entries for suite $1, with suite $2 in its place: same address, same signing keys.
# Reads both of apt's formats; prints one-line entries to $3.list and stanzas to $3.sources.
derive_sources() {
  local files
  files=$(find /etc/apt/sources.list /etc/apt/sources.list.d -name '*.list' 2>/dev/null || true)
  # shellcheck disable=SC2086 # a list of file names without spaces: apt accepts no others
  [ -z "$files" ] || awk -v old="$1" -v new="$2" '
    $1 == "deb" {
      for (i = 2; i < NF; i++) if ($i == old) { $i = new; print; next }
    }' $files >"$3.list"
  files=$(find /etc/apt/sources.list.d -name '*.sources' 2>/dev/null || true)
  # shellcheck disable=SC2086
  [ -z "$files" ] || awk -v old="$1" -v new="$2" '
    function flush() {
      if (wanted && binary && enabled) printf "%s\n", stanza
      stanza = ""; wanted = 0; binary = 0; enabled = 1
    }
    BEGIN { enabled = 1 }
    FNR == 1 || /^[ \t]*$/ { flush() }
    /^[ \t]*$/ || /^#/ { next }
    tolower($1) == "types:" { for (i = 2; i <= NF; i++) if ($i == "deb") binary = 1; $0 = "Types: deb" }
    tolower($1) == "enabled:" && tolower($2) == "no" { enabled = 0 }
    tolower($1) == "suites:" { for (i = 2; i <= NF; i++) if ($i == old) wanted = 1; $0 = "Suites: " new }
    { stanza = stanza $0 "\n" }
    END { flush() }' $files >"$3.sources"
}

# A copy of the machine's sources, with the backports of release $1 added where $2 asks for them.
prepare_apt() {
  rm -rf "$work/apt"
  mkdir -p "$work/apt" "$work/lists/partial"
  cp /etc/apt/sources.list "$work/apt/system.list" 2>/dev/null || true
  cp /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources "$work/apt/" 2>/dev/null || true
  if [ "$2" = backports ]; then
    derive_sources "$1" "$1-backports" "$work/apt/added-backports"
    cat "$work"/apt/added-backports.* 2>/dev/null | grep -q . ||
      fail "found no apt source for $1 to derive its backports suite from. Install mesa-vulkan-drivers >= 24 by hand."
  fi
  chmod -R a+rX "$work"
}

# apt-get on that copy. It would fetch as the user _apt, who cannot write to a temporary folder of root's.
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get \
    -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt" -o Dir::State::lists="$work/lists" \
    -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@"
}

# Fetches the lists of that copy. A third party's source that is away must not keep a package away: what counts is
# whether install finds it.
update_lists() {
  quietly apt_get update || say "apt-get update complained (output above); trying to install all the same"
}

install_software_driver() {
  command -v apt-get >/dev/null || fail "no Vulkan driver found, and this is no apt system. Install Mesa's lavapipe >= 24."
  local ID="" VERSION_ID=0 VERSION_CODENAME="" suite=own
  # shellcheck source=/dev/null
  . /etc/os-release
  if [ "$ID" = debian ] && [ "${VERSION_ID%%.*}" -lt 13 ]; then suite=backports; fi
  if ! can_be_root; then
    local target=""
    [ $suite = own ] || target=" -t $VERSION_CODENAME-backports (after adding that suite to the apt sources)"
    fail "a Vulkan driver is missing and installing one needs root. Run this script as root, or have someone run:
       apt-get update && apt-get install mesa-vulkan-drivers libvulkan1$target"
  fi
  prepare_apt "$VERSION_CODENAME" $suite
  update_lists
  local target=()
  [ $suite = own ] || target=(-t "$VERSION_CODENAME-backports")
  quietly apt_get install -y --no-install-recommends "${target[@]}" mesa-vulkan-drivers libvulkan1 ||
    fail "installing mesa-vulkan-drivers failed (output above)."
  say "Vulkan driver: installed mesa-vulkan-drivers $(dpkg-query -W -f '${Version}' mesa-vulkan-drivers)"
}

# Compiled shaders stay here between runs: a cold contraction costs a software driver about a second.
mkdir -p .cache/mesa

if adapter=$(node scripts/adapter.mjs 2>/dev/null); then
  say "Vulkan driver: already there ($adapter)"
else
  install_software_driver
  adapter=$(node scripts/adapter.mjs) || fail "a driver is installed, but Dawn finds no adapter (output above)."
  say "WebGPU adapter: $adapter"
fi

# --- browser ------------------------------------------------------------------------------------------------------

find_browser() {
  if [ -n "${TFMC_CHROMIUM:-}" ]; then
    printf '%s\n' "$TFMC_CHROMIUM"
    return
  fi
  local name
  for name in chromium chromium-browser google-chrome-stable google-chrome chrome; do
    command -v "$name" && return
  done
  node --input-type=module -e '
    import { existsSync } from "node:fs";
    import { chromium } from "playwright-core";
    const path = chromium.executablePath();
    if (!existsSync(path)) process.exit(1);
    console.log(path);' 2>/dev/null
}

by_hand="Install Chromium or Chrome by hand, or run \`npx playwright-core install --with-deps chromium\`, and run this again."

install_browser() {
  command -v apt-get >/dev/null || fail "no Chromium found, and this is no apt system. $by_hand"
  local ID=""
  # shellcheck source=/dev/null
  . /etc/os-release
  # Ubuntu's package of that name only fetches a snap, which containers and headless machines cannot run.
  [ "$ID" != ubuntu ] || fail "no Chromium found, and Ubuntu's archive carries none as a package. $by_hand"
  can_be_root || fail "Chromium is missing and installing it needs root. Run this script as root, or have someone run:
       apt-get update && apt-get install chromium"
  prepare_apt "" own
  update_lists
  quietly apt_get install -y --no-install-recommends chromium fonts-dejavu-core ||
    fail "installing chromium failed (output above). $by_hand"
  say "browser: installed chromium $(dpkg-query -W -f '${Version}' chromium)"
}

if found=$(find_browser); then
  say "browser: already there ($found)"
else
  install_browser
fi

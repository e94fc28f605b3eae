// package-lock.json -> the same, with an entry for every optional package of another platform, and without addresses.
//
//   "@biomejs/cli-darwin-arm64": "2.6.8" among optionalDependencies, and no entry for it
//   -> "node_modules/@biomejs/cli-darwin-arm64": { "version": "2.6.8", "optional": true, "os": ["darwin"], … }
//
// A mirror that carries one platform only makes npm leave the others out, and `npm ci` then refuses the lock file on
// every platform. The entries added here have no checksum; npm fills it in where such a package is really installed.
// Where packages ask for money is an address that no install reads. With `--check` it writes nothing and exits 1 if there is
// something to do. Run it after adding a package.
import { readFileSync, writeFileSync } from "node:fs";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";

const path = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const lock = JSON.parse(readFileSync(path, "utf8"));

const systems = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

/** The platform that a package's name ends in; by convention it is spelled as in `process`. @param {string} name */
function platformOf(name) {
  const words = name.split("/").at(-1)?.split("-") ?? [];
  const cpu = processors.filter((processor) => words.includes(processor));
  const os = systems.filter((system) => words.includes(system));
  const musl = words.some((word) => word.startsWith("musl"));
  const libc =
    os.includes("linux") && (musl || words.some((word) => word.startsWith("gnu")))
      ? [musl ? "musl" : "glibc"]
      : [];
  return { cpu, os, libc };
}

/** In npm's own order of keys, so that npm leaves it as it is. @param {string} name @param {string} version @param {boolean} dev */
function entryFor(name, version, dev) {
  const { cpu, os, libc } = platformOf(name);
  return {
    version: version.replace(/^[~^]/, ""),
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev }),
    ...(libc.length > 0 && { libc }),
    optional: true,
    ...(os.length > 0 && { os }),
  };
}

/** Where npm looks a name up: beside the dependent's own packages, then outwards. @param {string} from @param {string} name */
function isLocked(from, name) {
  for (
    let folder = from;
    ;
    folder = folder.slice(0, folder.lastIndexOf("node_modules/")).replace(/\/$/, "")
  ) {
    if (lock.packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`]) return true;
    if (folder === "") return false;
  }
}

/** @type {Record<string, object>} */
const added = {};
for (const [from, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(from, name)) continue;
    added[`node_modules/${name}`] = entryFor(name, String(version), entry.dev === true);
  }
}

const missing = Object.keys(added).length;
const funded = Object.values(lock.packages).filter((entry) => "funding" in entry);
const due = missing > 0 || funded.length > 0;
if (due && argv.includes("--check")) {
  console.error(
    `package-lock.json lacks ${missing} packages of other platforms and has ${funded.length} addresses: run \`node scripts/lockfile.mjs\``,
  );
  exit(1);
}
if (due) {
  for (const entry of funded) delete entry.funding;
  const packages = Object.entries({ ...lock.packages, ...added });
  packages.sort(([a], [b]) => a.localeCompare(b, "en"));
  writeFileSync(
    path,
    `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, undefined, 2)}\n`,
  );
  console.log(
    `package-lock.json: added ${missing} packages of other platforms, removed ${funded.length} addresses`,
  );
}

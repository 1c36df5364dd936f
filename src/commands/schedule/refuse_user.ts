import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { HarborError } from "../../base/errors.ts";
import { otherKindAt } from "../../base/files/regular_file.ts";
import { quoteForShell } from "../../base/quote_shell.ts";

/** What a service is to read, and as whom. */
export interface Reading {
  /** A name or a number; `null` for one that systemd makes up, `undefined` for who runs this. */
  readonly user: string | null | undefined;
  readonly paths: readonly string[];
}

/** Prints what may not be read of its arguments, each ended by NUL. */
const script =
  'for path do [ -r "$path" ] && { [ ! -d "$path" ] || [ -x "$path" ]; } || printf "%s\\0" "$path"; done';

/**
 * Refuses a user that may not read what the service is to check, by trying it as that user, without privileges as the
 * service has none. Where that cannot be tried, nothing is refused.
 *
 * @throws {HarborError} `bad_config`
 */
export function refuseUnreadable({ user, paths }: Reading): void {
  const there = paths.filter(isThere).flatMap((path) => [path, ...firstIn(path)]);
  const [unread] = tried(user, ["sh", "-c", script, "sh", ...there])?.split("\0") ?? [];
  if (unread === undefined || unread === "") return;
  throw new HarborError(
    "bad_config",
    `Cannot schedule "verify": ${wordsFor(user)} may not read "${unread}"`,
    {
      hint: [
        user === undefined
          ? "Run this as the user that may, or as root with that one's name: --user <name>"
          : "Let it run as the user that may: --user <name>",
        ...typeof user === "string" ? [`Or, as root: chown -R ${user} ${quoteForShell(unread)}`] : [],
      ],
      details: { path: unread },
    },
  );
}

/**
 * Refuses a user that there is none of: its service would not start. Where nobody can be asked, nobody is refused.
 *
 * @throws {HarborError} `bad_config`
 */
export function refuseUnknown(user: Reading["user"]): void {
  // A user that runs this, or that systemd makes up, is no question.
  if (typeof user !== "string" || !isUnknown(user)) return;
  const isNumber = /^\d+$/.test(user);
  throw new HarborError("bad_config", `Cannot schedule "verify": there is no user ${user}`, {
    hint: [
      "Let it run as one that there is: --user <name>",
      ...isNumber ? [] : [`Or, as root, make it: useradd --system ${quoteForShell(user)}`],
    ],
    details: { user },
  });
}

/** Asks as systemd does: also for those that are on no list of this machine. */
function isUnknown(user: string): boolean {
  // Not before each getent is `--` the end of its options: that of musl looks for a user of that name. None begins so.
  if (user.startsWith("-")) return true;
  try {
    execFileSync("getent", ["passwd", user], { stdio: "ignore" });
    return false;
  } catch (error) {
    return (error as { readonly status?: unknown }).status === notFound;
  }
}

/** By which getent says that there is no such key. */
const notFound = 2;

/** Whether there is something, or may be: what this user cannot look at is not missing for that. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** Files in a folder of backups have one owner, mostly. */
function firstIn(path: string): readonly string[] {
  try {
    return readdirSync(path).filter((name) => name.endsWith(".json")).map((name) => join(path, name)).slice(
      -3,
    );
  } catch {
    return [];
  }
}

/** What a service writes: a file that it appends to, one that it puts another in the place of, or all in a folder. */
export interface Output {
  readonly kind: "append" | "replace" | "folder";
  readonly path: string;
}

/**
 * Prints what stands in the way of its arguments, of which three say an output: its kind, its folder and itself. In a sticky folder
 * nobody replaces what is another's.
 */
const writingScript = `
while [ $# -gt 0 ]; do
  kind=$1 folder=$2 file=$3
  shift 3
  if [ "$kind" = append ] && [ -e "$file" ]; then
    [ -r "$file" ] && [ -w "$file" ] || printf '%s\\0' "$file"
  elif ! { [ -d "$folder" ] && [ -w "$folder" ] && [ -x "$folder" ]; }; then
    printf '%s\\0' "$folder"
  elif [ "$kind" = replace ] && [ -e "$file" ] && ! [ -r "$file" ]; then
    printf '%s\\0' "$file"
  elif [ -k "$folder" ] && [ -e "$file" ] && ! [ -O "$file" ] && ! [ -O "$folder" ]; then
    printf '%s\\0' "$file"
  fi
done`;

/**
 * Refuses a user that may not write what the service is to write, as {@link refuseUnreadable} does.
 *
 * @throws {HarborError} `bad_config`
 */
export function refuseUnwritable(user: Reading["user"], outputs: readonly Output[]): void {
  refuseOtherKinds(outputs);
  const args = outputs.flatMap(({ kind, path }) => [kind, kind === "folder" ? path : dirname(path), path]);
  const [inTheWay] = tried(user, ["sh", "-c", writingScript, "sh", ...args])?.split("\0") ?? [];
  if (inTheWay === undefined || inTheWay === "") return;
  const isMissing = !isThere(inTheWay);
  throw new HarborError(
    "bad_config",
    `Cannot schedule "verify": ${
      isMissing ? `there is no folder "${inTheWay}"` : `${wordsFor(user)} may not write "${inTheWay}"`
    }`,
    {
      hint: isMissing
        ? `Make it: ${folderCommand(user, inTheWay)}`
        : user === undefined
        ? "Give another place, or run this as root with the name of a user that may: --user <name>"
        : [
          "Let it run as a user that may: --user <name>",
          ...typeof user === "string" ? [`Or let it, as root: ${rightCommand(user, inTheWay)}`] : [],
          `Or give a folder of its own: ${folderCommand(user, "/path/of/the/folder")}`,
        ],
      details: { path: inTheWay },
    },
  );
}

/** Refuses for an output what no run writes: a folder, a device, a FIFO. */
function refuseOtherKinds(outputs: readonly Output[]): void {
  for (const { kind, path } of outputs) {
    const other = kind === "folder" ? null : seenKind(path);
    if (other === null) continue;
    throw new HarborError("bad_config", `Cannot schedule "verify": "${path}" is ${other}`, {
      hint: "Give the path of a file.",
      details: { path },
    });
  }
}

/** Who may not look there may not write there, which is said next. */
function seenKind(path: string): string | null {
  try {
    return otherKindAt(path);
  } catch {
    return null;
  }
}

/** Returns the command that makes a folder for that user; one that systemd makes up can have none. */
function folderCommand(user: Reading["user"], folder: string): string {
  const owner = user === undefined ? "" : ` -o ${user === null ? "<name>" : quoteForShell(user)}`;
  return `install -d${owner} ${quoteForShell(folder)}${user === null ? ", and --user <name>" : ""}`;
}

/** Returns the command that lets a user write a file or a folder of another's, and nothing else. */
function rightCommand(user: string, path: string): string {
  const rights = statSync(path).isDirectory() ? "rwx" : "rw";
  return `setfacl -m ${quoteForShell(`u:${user}:${rights}`)} ${quoteForShell(path)}`;
}

function wordsFor(user: Reading["user"]): string {
  return user === null ? "a user that systemd makes up" : `the user ${user ?? "who runs this"}`;
}

/** Returns what a command prints when that user runs it; `undefined` where it cannot be run so. */
function tried(user: Reading["user"], command: readonly string[]): string | undefined {
  const run = ([program = "", ...args]: readonly string[]) =>
    execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  try {
    if (user === undefined) return run(command);
    const [uid, groups] = user === null
      ? ["65534", "65534"]
      : [run(["id", "-u", "--", user]).trim(), run(["id", "-G", "--", user]).trim().replaceAll(" ", ",")];
    const identity = ["--reuid", uid, "--regid", groups.split(",")[0]!, "--groups", groups];
    return run(["setpriv", ...identity, "--inh-caps=-all", "--bounding-set=-all", ...command]);
  } catch {
    return undefined;
  }
}

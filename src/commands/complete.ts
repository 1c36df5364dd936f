import { createApp } from "../cli/app.ts";
import type { Command } from "../cli/command.ts";
import { shells } from "../cli/completion_script.ts";
import { globalOptions } from "../cli/global_options.ts";
import { longName, type Option, type Options, resolveOptions } from "../cli/options.ts";
import { createReport } from "../cli/output/report.ts";
import type { System } from "../cli/system.ts";
import { shownText } from "../base/shown_text.ts";
import { commandEntries, loadCommand } from "./all.ts";

/** A word that may stand at the cursor, and what it means. No word is one that a shell reads as anything but itself. */
type Candidate = readonly [word: string, meaning: string];

/** What may stand at the cursor; of paths the shell knows more. */
interface Candidates {
  readonly words: readonly Candidate[];
  readonly paths?: "files" | "folders";
}

const none: Candidates = { words: [] };

/**
 * Prints what may stand at the cursor, for the scripts of `completions`. Asks nothing, connects nowhere and makes no
 * file; where something is wrong it prints nothing.
 *
 * @param given The shell, and the words behind the program's name up to the cursor, the last one as far as it is typed
 */
export async function complete(system: System, [shell, ...given]: readonly string[]): Promise<void> {
  const words = shell === "bash" ? joined(given) : given;
  const typed = words.at(-1) ?? "";
  // bash puts a candidate in the place of what stands behind the last of these.
  const start = shell === "bash" ? typed.search(/[^=:]*$/) : 0;
  const { words: found, paths } = await candidatesFor(system, words.slice(0, -1), typed).catch(() => none);
  const lines = found.filter(([word]) => word.startsWith(typed))
    .map(([word, meaning]) => `${word.slice(start)}\t${shownText(meaning)}`);
  if (paths !== undefined) lines.push(`:${paths}`);
  system.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** Puts together what bash cuts at `=` and `:`. */
function joined(words: readonly string[]): readonly string[] {
  const whole: string[] = [];
  let isOpen = false;
  for (const word of words) {
    const isBreak = /^[=:]+$/.test(word);
    if (isOpen || isBreak && whole.length > 0) whole.push(whole.pop()! + word);
    else whole.push(word);
    isOpen = isBreak;
  }
  return whole;
}

/** What the words before the cursor say. */
interface Line {
  /** The name of the command, or "". */
  readonly path: string;
  readonly command: Command | undefined;
  readonly given: ReadonlyMap<string, string | true>;
  /** How many arguments there are. */
  readonly count: number;
  /** The option whose value the next word is. */
  readonly open: Option<unknown> | undefined;
}

async function candidatesFor(
  system: System,
  before: readonly string[],
  typed: string,
): Promise<Candidates> {
  const asksHelp = before[0] === "help";
  const line = await readLine(asksHelp ? before.slice(1) : before);
  const { path, command, given, count, open } = line;
  const options: Options = { ...command?.options, ...globalOptions };
  if (open !== undefined) return await valuesOf(system, line, { ...open, prefix: "", typed });
  const [, name, value] = /^(--[\w-]+=)(.*)$/.exec(typed) ?? [];
  if (name !== undefined) {
    const option = optionOf(options, name.slice(0, -1));
    return option === undefined
      ? none
      : await valuesOf(system, line, { ...option, prefix: name, typed: value! });
  }
  if (typed.startsWith("-")) {
    const left = Object.values(options).filter((each) => each.isRepeatable || !given.has(longName(each)));
    return {
      words: [...left.map((each) => [`--${longName(each)}`, each.summary] as const), [
        "--help",
        "print help",
      ]],
    };
  }
  const below = count > 0 ? [] : commandsBelow(path);
  const argument = asksHelp ? undefined : command?.arguments?.[count];
  if (argument === undefined) return { words: below };
  const { words, paths } = await valuesOf(system, line, { flags: argument.name, prefix: "", typed });
  return { words: [...below, ...words], ...paths === undefined ? {} : { paths } };
}

async function readLine(words: readonly string[]): Promise<Line> {
  let path = "";
  let command: Command | undefined;
  let count = 0;
  const given = new Map<string, string | true>();
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [name = "", value] = word.split(/=(.*)/s);
    const option = optionOf({ ...command?.options, ...globalOptions }, name);
    if (option !== undefined) {
      const takesValue = option.flags.includes("<");
      if (takesValue && value === undefined && at === words.length - 1) {
        return { path, command, given, count, open: option };
      }
      given.set(longName(option), takesValue ? value ?? words[++at]! : true);
      continue;
    }
    const entry = commandEntries.find((each) => each.name === `${path} ${word}`.trim());
    if (entry === undefined || count > 0) count++;
    else {
      path = entry.name;
      command = await loadCommand(entry);
    }
  }
  return { path, command, given, count, open: undefined };
}

function optionOf(options: Options, name: string): Option<unknown> | undefined {
  return Object.values(options).find(({ flags }) => flags.split(/[ ,]+/).includes(name));
}

/** Returns the commands directly below one. */
function commandsBelow(path: string): readonly Candidate[] {
  const start = path === "" ? "" : `${path} `;
  const below = commandEntries.filter(({ name }) =>
    name.startsWith(start) && !name.slice(start.length).includes(" ")
  );
  const words = below.map(({ name, summary }) => [name.slice(start.length), summary] as const);
  return [...words, ...path === "" ? [["help", "print help for a command"] as const] : []];
}

/** An option's value or an argument: how help writes it, and as far as it is typed, behind what stays before it. */
interface Wanted {
  readonly flags: string;
  readonly words?: readonly string[];
  readonly prefix: string;
  readonly typed: string;
}

async function valuesOf(
  system: System,
  line: Line,
  { flags, words, prefix, typed }: Wanted,
): Promise<Candidates> {
  const behind = (candidates: readonly Candidate[]) =>
    candidates.map(([word, meaning]): Candidate => [prefix + word, meaning]);
  if (words !== undefined) return { words: behind(words.map((word) => [word, ""])) };
  const find = finders[valueName(flags) ?? ""];
  if (find === undefined) return none;
  const found = await find(system, line, typed);
  return { ...found, words: behind(found.words) };
}

/** Returns what help calls the value of an option, or an argument: `<file>`. */
export function valueName(flags: string): string | undefined {
  return /[<[](\w+)[>\]]/.exec(flags)?.[1];
}

type Find = (system: System, line: Line, typed: string) => Candidates | Promise<Candidates>;

/** What may stand for a value, by what help calls it. */
export const finders: Readonly<Record<string, Find>> = {
  dir: () => ({ words: [], paths: "folders" }),
  place: () => ({ words: [], paths: "folders" }),
  file: () => ({ words: [], paths: "files" }),
  shell: () => ({ words: shells.map((name) => [name, ""]) }),
  checks: async (_system, _line, typed) => {
    const { allChecks } = await import("../verify/checks/all.ts");
    const chosen = /^(?:.*,)?/.exec(typed)![0];
    return { words: allChecks.map(({ name, summary }) => [chosen + name, summary]) };
  },
  target: async (system, line) => ({
    words: [...await revisions(system, line).catch(() => []), ...endsFor[line.path] ?? []],
  }),
  revision: async (system, line) => ({ words: await revisions(system, line) }),
  backup: async (system, line) => ({
    words: await backups(system, line).catch(() => []),
    paths: "files",
  }),
};

/** The targets that are no revisions, by command. */
const endsFor: Readonly<Record<string, readonly Candidate[]>> = {
  upgrade: [["head", "the last revision"], ["+1", "one revision on"]],
  downgrade: [["base", "no revision"], ["-1", "undo the last revision"]],
  stamp: [["head", "the last revision"], ["base", "no revision"]],
};

/** Returns the revisions of the history in force. */
async function revisions(system: System, line: Line): Promise<readonly Candidate[]> {
  const app = quietApp(system, line);
  const history = await app.readHistory(app.databaseUrl().dialect);
  return history.revisions.map(({ id, name }) => [id, name]);
}

async function backups(system: System, line: Line): Promise<readonly Candidate[]> {
  const [{ backupFolder, folderOptions }, { readBackups }] = await Promise.all([
    import("./backup/options.ts"),
    import("../backup/store/folder.ts"),
  ]);
  const app = quietApp(system, line);
  const options = resolveOptions(folderOptions, { given: line.given, environment: system.environment });
  const { backups } = readBackups(backupFolder(app, app.databaseUrl(), options));
  return backups.map(({ manifest }) => [manifest.id, `${manifest.createdAt}, ${manifest.reason}`]);
}

function quietApp(system: System, { given }: Line) {
  const silent = { isTerminal: false, write: () => {} };
  const report = createReport({
    stdout: silent,
    stderr: silent,
    json: false,
    quiet: true,
    color: false,
    now: () => 0,
  });
  return createApp({
    system,
    report,
    settings: resolveOptions(globalOptions, { given, environment: system.environment }),
  });
}

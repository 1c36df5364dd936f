import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectFile } from "./project.ts";
import { baseEnvironment, cliCommand } from "./run_cli.ts";

/** A block of commands in a page. */
export interface Block {
  readonly page: string;
  /** What stands above it, invisible on the page: `<!-- test: tour -->`; `null` where nothing does. */
  readonly setUp: string | null;
  readonly text: string;
}

/** Commands stand in these; a block of another language holds none. */
const languages = ["console", "sh", ""];

/** Lists the blocks of commands in a page, in its order. */
export function blocksOf(page: string): readonly Block[] {
  const blocks = readFileSync(projectFile(page), "utf8").matchAll(
    /(?:^<!-- test: (.+) -->\n)?^```(\w*)\n([^]*?)^```$/gm,
  );
  return [...blocks].flatMap(([, setUp = null, language = "", text = ""]) =>
    languages.includes(language) ? [{ page, setUp, text }] : []
  );
}

/** A command of a block, and what the page says that it prints. */
export interface Transcript {
  /** As it stands on the page. */
  readonly written: string;
  readonly command: string;
  readonly output: string;
}

/** Returns what is run in a block. Without a `$` every line is a command, and what it prints is not on the page. */
export function transcriptsOf(text: string): readonly Transcript[] {
  if (!/^\$ /m.test(text)) {
    return text.replaceAll("\\\n", "").split("\n").flatMap((line) => {
      const command = line.replace(/ {2,}# .*/, "").trim();
      return command === "" || command.startsWith("#") ? [] : [{ written: line, command, output: "" }];
    });
  }
  return text.split(/^\$ /m).slice(1).map((part) => {
    const [, written = "", output = ""] = /^((?:[^\n]*\\\n)*[^\n]*)\n?([^]*)$/.exec(part) ?? [];
    const command = written.replaceAll("\\\n", "").replace(/ {2,}# .*/, "");
    return { written, command, output: output.trimEnd() };
  });
}

/** Where a block's commands run. */
export interface Scratch {
  readonly cwd: string;
  /** What the page calls otherwise, by its name there. */
  readonly names: Map<string, string>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command as a shell does that has harbor-db in its PATH, and returns what came to stdout and stderr. */
export async function runShell(
  command: string,
  { cwd, names, env }: Scratch,
  answer?: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const bin = join(cwd, ".bin");
  await mkdir(bin, { recursive: true });
  const quoted = cliCommand([]).map((word) => `'${word}'`).join(" ");
  await writeFile(join(bin, "harbor-db"), `#!/bin/sh\nexec ${quoted} "$@"\n`);
  await chmod(join(bin, "harbor-db"), 0o755);
  // A name may begin as another one does.
  const longest = [...names].sort(([a], [b]) => b.length - a.length);
  const real = longest.reduce((text, [name, value]) => text.replaceAll(name, value), command);
  await writeFile(join(bin, "line"), `exec 2>&1\n${real}\n`);
  const line = ["bash", join(bin, "line")];
  const terminal = ["script", "-qec", `stty cols 250; exec ${line.join(" ")}`, "/dev/null"];
  const [program = "", ...args] = answer === undefined ? line : terminal;
  const base = baseEnvironment();
  const child = spawn(program, args, {
    cwd,
    env: { ...base, NO_COLOR: "1", ...env, PATH: `${bin}:${base["PATH"]}` },
    stdio: ["pipe", "pipe", "ignore"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (answer !== undefined && output.endsWith("[y/N] ")) child.stdin.write(`${answer}\n`);
  });
  child.stdin.on("error", () => {});
  if (answer === undefined) child.stdin.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  clearTimeout(timer);
  return { code, output: output.replaceAll("\r", "").trimEnd() };
}

/** What is another one at every run. */
const changing: readonly (readonly [RegExp, string])[] = [
  [/\u00a0/g, " "],
  // How far it has come is said where it takes long, as on a busy machine.
  [/^[a-z]+\b.*(?:\b\d+ %|rows\/s).*\n/gm, ""],
  [/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME"],
  [/\b\d{8}T\d{9}Z/g, "STAMP"],
  [/\b\d+(?:\.\d+)? (?:ms|s|min|h|d)\b(?: \d+ (?:s|min|h)\b)?/g, "AGE"],
  [/\b\d+(?:\.\d+)? (?:B|kB|MB|GB)\b/g, "SIZE"],
  [/harbor-db \d+\.\d+\.\d+/g, "harbor-db VERSION"],
  // Columns are as wide as what is in them.
  [/ {2,}/g, "  "],
  [/\bpid \d+ on \S+/g, "pid PID on HOST"],
];

/** Returns an output without what differs from run to run. */
export function steady(output: string): string {
  return changing.reduce((text, [pattern, word]) => text.replace(pattern, word), output);
}

/** Whether an output is the one on the page, where `…` stands for any part of a line. */
export function isAsWritten(output: string, written: string): boolean {
  const parts = steady(written).split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(steady(output));
}

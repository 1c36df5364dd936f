import { asFileError, exitCodeOf, HarborError } from "../base/errors.ts";
import { readPlainLine } from "./plain_line.ts";
import { reportFor } from "./report_for.ts";
import type { Action } from "./run_command.ts";
import type { System } from "../cli/system.ts";

/**
 * Runs a command line and returns the exit code. Nothing else in harbor-db turns an error into one.
 *
 * @param given The command line after the program's name
 */
export async function runProgram(system: System, given: readonly string[]): Promise<number> {
  if (given[0] === "complete") {
    await (await import("./complete.ts")).complete(system, given.slice(1));
    return 0;
  }
  const args = rewritten(given);
  // Also for what goes wrong before the options are read.
  const wantsJson = args.includes("--json") ||
    /^(1|true|yes|on)$/i.test(system.environment["HARBOR_DB_JSON"] ?? "");
  let report = reportFor(system, { json: wantsJson, quiet: false, noColor: args.includes("--no-color") });
  let code = 0;
  const action: Action = async (line) => {
    const { runCommand } = await import("./run_command.ts");
    code = await runCommand({
      ...line,
      outside: system,
      args,
      reportTo: (next) => report = next,
      again: runProgram,
    });
  };
  try {
    const plain = await readPlainLine(args);
    if (plain !== null) {
      await action(plain);
      return code;
    }
    let help = "";
    const print = (text: string) => {
      if (wantsJson) help += text;
      else system.stdout.write(text);
    };
    const { runAnyLine } = await import("./any_line.ts");
    const helpWidth = system.stdout.columns ?? pipedWidth;
    const isHelp = await runAnyLine(args, { print, helpWidth, action });
    if (isHelp) report.document({ ok: true, help });
    return code;
  } catch (error) {
    // What a schema.ts left running stops what is under way, which then fails in any words.
    const { reason } = system.signal;
    const failure = reason instanceof HarborError ? reason : asHarborError(asFileError(error));
    report.failure(failure);
    return exitCodeOf(failure);
  }
}

/** How wide help is that no terminal is there for. */
const pipedWidth = 80;

/** Turns `help backup list` into what commander understands in any depth, and a question for the version into a command. */
function rewritten(args: readonly string[]): readonly string[] {
  if (args[0] === "help") return [...args.slice(1).filter((arg) => arg !== "help"), "--help"];
  const asksVersion = args.includes("--version") || args.includes("-V");
  return asksVersion ? ["version", ...args.filter((arg) => arg === "--json")] : args;
}

function asHarborError(error: unknown): HarborError {
  if (error instanceof HarborError) return error;
  const { stack, message } = error instanceof Error ? error : new Error(String(error));
  return new HarborError("internal", `harbor-db itself failed: ${message}`, {
    hint: "This is a defect in harbor-db. Please report it with the details of --json.",
    details: { stack },
    cause: error,
  });
}

import { HarborError } from "../../base/errors.ts";
import type { Report } from "../../cli/output/report.ts";
import { variableOf } from "../../cli/options.ts";
import type { System } from "../../cli/system.ts";

/** What is run for each. */
export interface AllDatabases {
  /** With what the file of settings names. */
  readonly system: System;
  /** Without what it says, which is each database's own. */
  readonly outside: System;
  readonly report: Report;
  /** The command line, which has `--all`. */
  readonly args: readonly string[];
  readonly isJson: boolean;
  /** Whether the first that fails is the last: the databases behind it are then not touched. */
  readonly stopsAtFailure: boolean;
  /** Runs a command line to its end and returns its exit code. */
  run(system: System, args: readonly string[]): Promise<number>;
}

/**
 * Refuses what one run would do over another's: the page is one database's, and a monitor would hear of the last one alone.
 *
 * @param options Of the command line, the environment and what the file of settings says for all
 * @throws {HarborError} `usage`
 */
export function refuseShared(options: Readonly<Record<string, unknown>>): void {
  const shared = ["report", "ping"].find((each) => options[each] !== undefined);
  if (shared === undefined) return;
  throw new HarborError("usage", `Cannot use one --${shared} for all databases`, {
    state: "each would take the place of the one before",
    hint: `Give each its own in the file of settings: ${shared} under [databases.NAME]`,
  });
}

/**
 * Runs a command line for each database of the file of settings, in the order in which it names them.
 *
 * @returns The exit code of the first that failed, else 0; with `--json` the documents; the names of those not touched
 * @throws {HarborError} `bad_config` when it names none
 */
export async function runForAll(
  { system, outside, report, args, isJson, stopsAtFailure, run }: AllDatabases,
) {
  const { path = null, databases: names = [] } = system.settingsFile ?? {};
  if (names.length === 0) {
    throw new HarborError("bad_config", "Cannot go through all databases", {
      state: path === null ? "there is no file of settings" : `"${path}" names none`,
      hint: "Name each there: [databases.NAME], with database-url or database-url-file",
    });
  }
  const documents: unknown[] = [];
  let code = 0;
  let count = 0;
  for (const name of names) {
    count++;
    report.line(`${report.colors.bold("database")}   ${name}`);
    let printed = "";
    const stdout = { ...outside.stdout, write: (text: string) => void (printed += text) };
    const own = [...args.filter((each) => each !== "--all"), "--database", name];
    const ended = await run(withoutAll(isJson ? { ...outside, stdout } : outside), own);
    if (isJson) documents.push({ name, ...JSON.parse(printed) });
    if (code === 0) code = ended;
    if (ended !== 0 && stopsAtFailure) break;
  }
  const untouched = names.slice(count);
  if (untouched.length > 0) report.note(`not touched: ${untouched.join(", ")}`);
  return { code, databases: documents, untouched };
}

function withoutAll(system: System): System {
  const { [variableOf("all")]: _, ...environment } = system.environment;
  return { ...system, environment };
}

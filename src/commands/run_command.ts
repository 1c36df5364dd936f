import { createApp, isNamed } from "../cli/app.ts";
import type { Command } from "../cli/command.ts";
import { exitCodeOf } from "../base/errors.ts";
import { globalOptions } from "../cli/global_options.ts";
import { resolveOptions } from "../cli/options.ts";
import type { Report } from "../cli/output/report.ts";
import { userFiles } from "../cli/read_url.ts";
import { remedyOf } from "../cli/remedy.ts";
import type { System } from "../cli/system.ts";
import { commandEntries } from "./all.ts";
import { withSecretFiles, withUrlFile } from "./config/secret_files.ts";
import { withConfig } from "./config/with_config.ts";
import { reportFor } from "./report_for.ts";

/** A command, and what its line says. */
export interface Line {
  readonly command: Command;
  readonly positional: readonly (string | undefined)[];
  /** What stands on the line, by long name. */
  readonly given: ReadonlyMap<string, string | true>;
}

/** Does what a line says. */
export type Action = (line: Line) => Promise<void>;

/** A line, and what it is run with. */
export interface Run extends Line {
  readonly outside: System;
  /** The whole line. */
  readonly args: readonly string[];
  /** Is told where an error is to be reported from then on. */
  readonly reportTo: (report: Report) => void;
  /** Runs a line for one of several databases. */
  readonly again: (system: System, args: readonly string[]) => Promise<number>;
}

/** Runs a command with the settings that its line, the environment and the file of settings say, and returns the exit code. */
export async function runCommand(run: Run): Promise<number> {
  const { command, positional, given, outside, args } = run;
  const system = withSecretFiles(await withConfig({ given, system: outside }));
  const { environment, settingsFile } = system;
  const sources = { given, environment, origins: settingsFile?.origins ?? {} };
  const settings = withUrlFile(resolveOptions(globalOptions, sources), system);
  const commands = commandEntries.map(({ name }) => name);
  const report = reportFor(system, settings, remedyOf({ ...sources, commands, files: userFiles(system) }));
  run.reportTo(report);
  const { remarks, problem } = system.envFile;
  for (const remark of remarks) report.note(remark);
  if (problem !== null && isNamed(system, settings)) report.note(problem);
  const options = resolveOptions(command.options, sources);
  if (options["all"] === true) {
    const { refuseShared, runForAll } = await import("./config/all_databases.ts");
    const stopsAtFailure = command.name !== "verify";
    refuseShared(options);
    const parts = { system, outside, report, args, isJson: settings.json, stopsAtFailure, run: run.again };
    const { code, ...json } = await runForAll(parts);
    report.document({ ok: code === 0, ...json });
    return code;
  }
  const app = createApp({ system, report, settings });
  const { ok = true, exitCode = 3, json, failure } = await command.run(app, { args: positional, options });
  if (failure === undefined) report.document({ ok, ...json });
  else report.failure(failure, json);
  return failure !== undefined ? exitCodeOf(failure) : ok ? 0 : exitCode;
}

import { Command as Commander, CommanderError, Option as CommanderOption } from "commander";
import { asFileError, exitCodeOf, HarborError } from "../base/errors.ts";
import { createApp, isNamed } from "../cli/app.ts";
import type { Command } from "../cli/command.ts";
import { commandsFor } from "./all.ts";
import { globalOptions } from "../cli/global_options.ts";
import { type Option, type Options, resolveOptions } from "../cli/options.ts";
import { createReport, type Report } from "../cli/report.ts";
import type { System } from "../cli/system.ts";
import { versionText } from "../cli/version_text.ts";

/**
 * Runs a command line and returns the exit code. Nothing else in harbor-db turns an error into one.
 *
 * @param given The command line after the program's name
 */
export async function runProgram(system: System, given: readonly string[]): Promise<number> {
  // commander's own help knows one word only.
  const args = given[0] === "help" && given.length > 2 ? [...given.slice(1), "--help"] : given;
  // Also for what goes wrong before the options are read.
  const wantsJson = args.includes("--json") ||
    /^(1|true|yes|on)$/i.test(system.environment["HARBOR_DB_JSON"] ?? "");
  let report = reportFor(system, { json: wantsJson, quiet: false, noColor: args.includes("--no-color") });
  let code = 0;
  const program = buildProgram(system, await commandsFor(args), async (command, positional, given) => {
    const sources = { given, environment: system.environment };
    const settings = resolveOptions(globalOptions, sources);
    report = reportFor(system, settings);
    const { remarks, problem } = system.envFile;
    for (const remark of remarks) report.note(remark);
    if (problem !== null && isNamed(system, settings)) report.note(problem);
    const options = resolveOptions(command.options, sources);
    const app = createApp({ system, report, settings });
    const { ok = true, exitCode = 3, json, failure } = await command.run(app, { args: positional, options });
    if (failure === undefined) report.document({ ok, ...json });
    else report.failure(failure, json);
    code = failure !== undefined ? exitCodeOf(failure) : ok ? 0 : exitCode;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = asHarborError(asFileError(error));
    report.failure(failure);
    return exitCodeOf(failure);
  }
}

type Action = (
  command: Command,
  args: readonly (string | undefined)[],
  given: ReadonlyMap<string, string | true>,
) => Promise<void>;

function buildProgram(system: System, commands: readonly Command[], action: Action): Commander {
  const program = new Commander("harbor-db")
    .description("Keeps the database of The Open Harbor at the schema that its code expects.")
    .usage("[options] COMMAND")
    .version(versionText(system), "--version", "print version, commit and runtime")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .configureHelp({ showGlobalOptions: true, sortOptions: false })
    .configureOutput({
      writeOut: (text) => system.stdout.write(text),
      // Errors are printed by the report, in the same form as all others.
      writeErr: (text) => system.stderr.write(text),
      outputError: () => {},
    })
    .exitOverride()
    .addHelpText("after", exitCodeHelp);
  addOptions(program, globalOptions);
  // Called without a command, it shows what there is.
  program.argument("[command]").allowExcessArguments().action((name: string | undefined) => {
    if (name !== undefined) throw unknownCommand(name);
    program.outputHelp();
  });
  for (const command of commands) addCommand(program, command, action);
  return program;
}

function addCommand(program: Commander, command: Command, action: Action): void {
  const [name, ...parents] = command.name.split(" ").toReversed();
  const parent = parents.reduceRight(
    (above, word) => above.commands.find((each) => each.name() === word)!,
    program,
  );
  const sub = parent.command(name!)
    .summary(command.summary)
    .description([`${capital(command.summary)}.`, command.description ?? ""].join(" ").trim())
    .allowExcessArguments(false)
    .addHelpText("after", examplesText(command));
  for (const { name, summary } of command.arguments ?? []) sub.argument(name, summary);
  addOptions(sub, command.options);
  sub.action((...received: unknown[]) => {
    const args = received.slice(0, command.arguments?.length ?? 0) as (string | undefined)[];
    return action(command, args, givenOptions(sub));
  });
}

function addOptions(target: Commander, options: Options): void {
  for (const option of Object.values(options)) {
    target.addOption(commanderOption(option));
  }
}

function commanderOption({ flags, summary, isRepeatable }: Option<unknown>): CommanderOption {
  const option = new CommanderOption(flags, summary);
  // `--no-rename` is a flag of its own: commander would make it and `--rename` one option, of which the last counts.
  option.negate = false;
  if (isRepeatable) {
    option.argParser((value, before: string | undefined) =>
      before === undefined ? value : `${before}\n${value}`
    );
  }
  return option;
}

/** Returns what stands on the command line, by long name. */
function givenOptions(command: Commander): ReadonlyMap<string, string | true> {
  const given = new Map<string, string | true>();
  const values: Readonly<Record<string, unknown>> = command.optsWithGlobals();
  for (let owner: Commander | null = command; owner !== null; owner = owner.parent) {
    for (const option of owner.options) {
      const name = option.attributeName();
      if (command.getOptionValueSourceWithGlobals(name) !== "cli") continue;
      const value = values[name];
      given.set(option.name(), typeof value === "string" ? value : true);
    }
  }
  return given;
}

function reportFor(
  system: System,
  { json, quiet, noColor }: { readonly json: boolean; readonly quiet: boolean; readonly noColor: boolean },
): Report {
  const { stdout, stderr, environment } = system;
  const color = !noColor && !environment["NO_COLOR"];
  return createReport({ stdout, stderr, json, quiet, color, now: () => performance.now() });
}

function asHarborError(error: unknown): HarborError {
  if (error instanceof HarborError) return error;
  if (error instanceof CommanderError) {
    return new HarborError("usage", capital(error.message.replace(/^error: /, "")), {
      hint: "harbor-db help",
    });
  }
  const { stack, message } = error instanceof Error ? error : new Error(String(error));
  return new HarborError("internal", `harbor-db itself failed: ${message}`, {
    hint: "This is a defect in harbor-db. Please report it with the details of --json.",
    details: { stack },
    cause: error,
  });
}

function unknownCommand(name: string): HarborError {
  return new HarborError("usage", `Cannot run "${name}": there is no such command`, {
    hint: "harbor-db help",
  });
}

function examplesText({ examples }: Command): string {
  const width = Math.max(...examples.map((example) => example.line.length));
  const lines = examples.map(({ line, does }) => `  harbor-db ${line.padEnd(width)}  ${does}`);
  return `\nExamples:\n${lines.join("\n")}\n`;
}

const exitCodeHelp = `
Every option also has an environment variable: --lock-wait is HARBOR_DB_LOCK_WAIT.

Exit codes: 0 done or nothing to do · 1 failed · 2 wrong command line, configuration or history ·
3 something needs attention · 4 refused · 5 locked by another harbor-db · 130 interrupted
`;

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

import { Command as Commander, CommanderError, Help, Option as CommanderOption } from "commander";
import { HarborError } from "../base/errors.ts";
import type { Command, Heading } from "../cli/command.ts";
import { commandEntries, commandsFor } from "./all.ts";
import { exitCodes } from "./exit_codes.ts";
import { globalOptions } from "../cli/global_options.ts";
import { longName, type Option, type Options } from "../cli/options.ts";
import type { Action } from "./run_command.ts";
import { wrap } from "../cli/output/wrap.ts";

/**
 * Reads any command line with commander, which knows more than `readPlainLine` and takes longer to load than most commands: help, mistakes,
 * and options in every place and spelling.
 *
 * @param action Runs what the line means
 * @returns Whether it was help that was asked for, and was printed
 * @throws {HarborError} `usage`, and what `action` throws
 */
export async function runAnyLine(args: readonly string[], parts: Parts): Promise<boolean> {
  const program = buildProgram(await commandsFor(args), parts);
  try {
    await program.parseAsync([...args], { from: "user" });
    return false;
  } catch (error) {
    if (error instanceof CommanderError) return true;
    throw error;
  }
}

/** Puts commands before options, of which there may be more than a terminal has lines. */
function commandsFirst(help: string): string {
  return help.replace(
    /\n(Options:\n[^]*\n)(Commands:\n[^]*)$/,
    (_, options: string, commands: string) => `\n${commands}\n${options.trimEnd()}\n`,
  );
}

interface Parts {
  /** Takes the text of help, in pieces. */
  readonly print: (text: string) => void;
  readonly helpWidth: number;
  readonly action: Action;
}

function buildProgram(commands: readonly Command[], { print, helpWidth, action }: Parts): Commander {
  const program = prepared(new Commander("harbor-db"), "").helpCommand(false)
    // Errors are printed by the report, in the same form as all others. Called without a command, it shows what there is.
    .configureOutput({
      writeOut: print,
      writeErr: print,
      outputError: () => {},
      // commander would ask the process's own output, which loads Node's streams and terminals.
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  describe(program, helpWidth);
  for (const command of commands) {
    const sub = addCommand(program, command, action);
    addOptions(sub, command.options);
    sub.description([`${capital(command.summary)}.`, command.description ?? ""].join(" ").trim())
      .addHelpText("after", () => examplesText(command, helpWidth));
  }
  // Where none is named, help lists all of them, and what was meant is looked for among their names.
  if (commands.length === 0) commandEntries.forEach((heading) => addHeading(program, heading));
  return program;
}

/** Gives the program its options, and what help says of it. */
function describe(program: Commander, helpWidth: number): void {
  program
    .description(
      "Keeps the database of The Open Harbor, or of any Drizzle project, at the schema that its code expects.",
    )
    .usage("[options] COMMAND")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .configureHelp({
      helpWidth,
      formatHelp: (command, helper) => commandsFirst(Help.prototype.formatHelp.call(helper, command, helper)),
      // As each is called. That it takes options is said where they are.
      subcommandTerm: (command) => Help.prototype.subcommandTerm(command).replace(" [options]", ""),
      showGlobalOptions: true,
      // Not those of a command that this one stands below, which it does not take.
      visibleGlobalOptions: (command) => command.parent === null ? [] : [...program.options],
    })
    .addHelpText("after", () => exitCodeHelp.map((line) => wrap(line, helpWidth)).join("\n"))
    .option("-V, --version", "print version, commit and runtime");
  addOptions(program, globalOptions);
}

/** Lets a command refuse what it does not know with errors of ours, also when it is asked for help. */
function prepared(command: Commander, path: string): Commander {
  return command
    .exitOverride((error) => {
      throw asUsageError(error, path);
    })
    .addHelpText("before", () => (refuseUnknown(command), ""));
}

/** Refuses a name that none of the commands below a command has. */
function refuseUnknown(command: Commander): void {
  const isNamed = command.args.length > 0 && !command.args[0]!.startsWith("-");
  // commander's own, which has the name that may be meant; for that there is no other way in.
  if (command.commands.length > 0 && isNamed) (command as unknown as Suggesting).unknownCommand();
}

interface Suggesting {
  unknownCommand(): never;
}

function addHeading(program: Commander, { name: path, summary, arguments: list = [] }: Heading): Commander {
  const words = path.split(" ");
  const name = words.pop()!;
  let parent = program;
  for (const word of words) parent = parent.commands.find((each) => each.name() === word)!;
  const sub = prepared(parent.allowExcessArguments().command(name), path).summary(summary);
  for (const { name, summary } of list) sub.argument(name, summary);
  return sub;
}

function addCommand(program: Commander, command: Command, action: Action): Commander {
  const sub = addHeading(program, command).allowExcessArguments(false);
  return sub.action((...received: unknown[]) => {
    refuseUnknown(sub);
    const positional = received.slice(0, command.arguments?.length ?? 0) as (string | undefined)[];
    const given = givenOptions(sub);
    refuseForeign(command, given);
    return action({ command, positional, given });
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

/** Refuses the options of a command that this one stands below: commander takes them, and nobody would look at them. */
function refuseForeign({ name, options }: Command, given: ReadonlyMap<string, unknown>): void {
  const known = Object.values({ ...options, ...globalOptions }).map(longName);
  const foreign = [...given.keys()].find((each) => !known.includes(each));
  if (foreign === undefined) return;
  throw new HarborError("usage", `Cannot take "--${foreign}"`, {
    state: `${name} has no such option`,
    hint: `harbor-db help ${name}`,
  });
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

/** Returns what commander has against a command line as an error of ours; that it printed help stays as it is. */
function asUsageError(error: CommanderError, path: string): CommanderError | HarborError {
  if (/^commander\.help/.test(error.code)) return error;
  const [, said = "", meant] = /^(?:error: )?([^]*?)(?:\n\(D(id you mean [^]*)\))?$/.exec(error.message) ??
    [];
  const name = /'([^]*)'/.exec(said)?.[1] ?? "";
  const suggestion = meant === undefined ? "" : `; d${meant}`;
  const hint = `harbor-db help ${path}`.trim();
  switch (error.code) {
    case "commander.unknownCommand": {
      const action = `Cannot run "${`${path} ${name}`.trim()}"`;
      return new HarborError("usage", action, { state: `there is no such command${suggestion}`, hint });
    }
    case "commander.unknownOption":
      return new HarborError("usage", `Cannot take "${name}"`, {
        state: `there is no such option${suggestion}`,
        hint,
      });
    case "commander.missingArgument":
      return new HarborError("usage", `Cannot run "${path}"`, {
        state: `it is not said which ${name}`,
        hint,
      });
    case "commander.optionMissingArgument":
      return new HarborError("usage", `Cannot take "${name}"`, { state: "it has no value", hint });
    case "commander.excessArguments": {
      const extra = said.split(": ").at(-1)!.split(", ").at(-1)!.replace(/\.$/, "");
      return new HarborError("usage", `Cannot take "${extra}"`, {
        state: "it is one argument too many",
        hint,
      });
    }
    default:
      return new HarborError("usage", capital(said), { hint });
  }
}

function examplesText({ examples }: Command, columns: number): string {
  const width = Math.max(...examples.map((example) => example.line.length));
  const beside = examples.map(({ line, does }) => `  harbor-db ${line.padEnd(width)}  ${does}`);
  const below = examples.map(({ line, does }) => `  harbor-db ${line}\n      ${does}`);
  const fit = beside.every((line) => line.length <= columns);
  return `\nExamples:\n${(fit ? beside : below).join("\n")}\n`;
}

const exitCodeHelp = [
  "",
  "Every option also has an environment variable: --lock-wait is HARBOR_DB_LOCK_WAIT.",
  "",
  `Exit codes: ${exitCodes.map(([code, meaning]) => `${code} ${meaning}`).join(" · ")}`,
  "",
];

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

import { longName, type Option } from "../cli/options.ts";
import { globalOptions } from "../cli/global_options.ts";
import { commandEntries, loadCommand } from "./all.ts";
import type { Line } from "./run_command.ts";

/**
 * Reads a command line as most are written: a command, and behind it values and options in their long spelling, each once. `null` for
 * any other, also for one with a mistake: what is read here means what `runAnyLine` makes of it, which takes longer to load than most
 * commands.
 */
export async function readPlainLine(args: readonly string[]): Promise<Line | null> {
  const starts = ({ name }: { readonly name: string }) =>
    name.split(" ").every((word, place) => word === args[place]);
  const entry = commandEntries.findLast(starts);
  if (entry === undefined) return null;
  const words = entry.name.split(" ").length;
  const isAbove = commandEntries.some(({ name }) => name.startsWith(`${entry.name} `));
  const command = await loadCommand(entry);
  const options: readonly Option<unknown>[] = Object.values({ ...command.options, ...globalOptions });
  const given = new Map<string, string | true>();
  const positional: (string | undefined)[] = [];
  for (let at = words; at < args.length; at++) {
    const word = args[at]!;
    if (!word.startsWith("-")) {
      positional.push(word);
      continue;
    }
    const [, name, written] = /^--([\w-]+)(?:=([^]+))?$/.exec(word) ?? [];
    const option = options.find((each) => longName(each) === name);
    if (name === undefined || option === undefined || given.has(name)) return null;
    const takesValue = option.flags.endsWith(">");
    const value = takesValue && written === undefined ? args[++at] : written;
    if (takesValue ? value === undefined || value.startsWith("-") : value !== undefined) return null;
    given.set(name, takesValue ? value! : true);
  }
  const taken = command.arguments ?? [];
  const isShort = taken.some(({ name }, place) => name.startsWith("<") && positional[place] === undefined);
  if (isShort || positional.length > taken.length || (isAbove && positional.length > 0)) return null;
  // In the order in which help lists them.
  const inOrder = options.map(longName).filter((name) => given.has(name));
  return {
    command,
    positional: taken.map((_, place) => positional[place]),
    given: new Map(inOrder.map((name) => [name, given.get(name)!])),
  };
}

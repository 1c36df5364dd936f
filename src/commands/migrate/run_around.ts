import { HarborError, messageOf } from "../../base/errors.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Direction } from "../../history/applied.ts";
import type { Outcome } from "../../cli/command.ts";
import type { Around, Ending } from "./around.ts";
import type { SafetyNet } from "./safety_net.ts";

/** What there is for a change to fall back on. */
export interface Surroundings {
  readonly context: RunContext;
  readonly net: SafetyNet;
  readonly around: Around;
  readonly direction: Direction;
  /** Whether all of it is done when there was nothing to do, too. */
  readonly isAlways: boolean;
  /** Whether the backup is restored when the application is not well after it. */
  readonly goesBack: boolean;
}

/**
 * Makes a change, then starts the application and asks it how it is; and when something fails, says or does what leads back.
 *
 * @param work Makes the change, and calls `around.before` once it is known that there is something to do
 * @throws {HarborError} what `work` throws, with what became of the database and the application; `command_failed`, `unhealthy`
 */
export async function runAround(given: Surroundings, work: () => Promise<Outcome>): Promise<Outcome> {
  const { context, net, around, direction, isAlways } = given;
  let outcome: Outcome;
  try {
    outcome = await work();
  } catch (error) {
    const told = await net.catch(context, error);
    throw await afterFailure(around, told, net.ending());
  }
  const isChange = around.isOpen();
  try {
    if (!isChange) await around.openIfDue();
    if (!around.isOpen() && isAlways) await around.before(direction);
  } catch (error) {
    throw await afterFailure(around, error, "unchanged");
  }
  if (around.isOpen()) {
    try {
      await around.after(`${direction}d`);
      await around.health();
    } catch (error) {
      if (!(error instanceof HarborError)) throw error;
      throw await withdraw(given, error, isChange);
    }
  }
  await net.fold(context);
  return outcome;
}

/** Starts the application again, where it may be stopped, and returns the error with what became of that. */
export async function afterFailure(around: Around, error: unknown, ending: Ending): Promise<unknown> {
  if (!around.isOpen()) return error;
  const words = await start(around, ending);
  return error instanceof HarborError
    ? withWords(error, ...words).with({ details: { outcome: ending } })
    : error;
}

/**
 * Restores the backup, if it is to, for an application that is not well, and starts the one from before.
 *
 * @param isChange Whether anything of the database was changed
 */
async function withdraw(
  { context, net, around, direction, goesBack }: Surroundings,
  error: HarborError,
  isChange: boolean,
): Promise<HarborError> {
  const ending = `${direction}d` as const;
  const isStopped = error.code === "interrupted";
  const known = withWords(
    isStopped ? error.with({ hint: null }) : error,
    isChange ? `the database is ${ending}` : "the database is as it was",
  ).with({ details: { outcome: ending } });
  const wayBack = [...known.hintLines, ...net.wayBack()];
  if (!goesBack || isStopped) return known.with({ hint: wayBack });
  try {
    await around.before("restore");
  } catch (problem) {
    const words = [`NOT restored: ${messageOf(problem)}`, ...await start(around, ending)];
    return withWords(known, ...words).with({ hint: wayBack });
  }
  const gone = isChange ? await net.goBack(context, known) : known;
  const outcome = !isChange || net.ending() === "restored" ? "restored" : ending;
  return withWords(gone, ...await start(around, outcome)).with({ details: { outcome } });
}

/** Starts the application after a change that failed, and returns what is to be said of it. */
async function start(around: Around, ending: Ending): Promise<readonly string[]> {
  try {
    await around.after(ending);
    if (ending !== "restored") return [];
    await around.health();
    return [];
  } catch (error) {
    return [`and then: ${messageOf(error)}`];
  }
}

function withWords(error: HarborError, ...words: readonly string[]): HarborError {
  return words.length === 0 ? error : error.with({ message: [...error.lines, ...words] });
}

import type { HarborError } from "../base/errors.ts";
import type { App } from "./app.ts";
import type { Options, Values } from "./options.ts";

/** What the list of commands says of one. */
export interface Heading {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** As commander writes them, required in angle brackets and optional in square ones, with what they mean. */
  readonly arguments?: readonly Argument[];
}

/** A command of harbor-db, as data. */
export type Command = Heading & CommandBody;

/** What its own file, one each in `commands/`, says of a command. */
export interface CommandBody<O extends Options = Options> {
  /** What the user should know beyond the summary. */
  readonly description?: string;
  readonly options: O;
  readonly examples: readonly Example[];
  /**
   * Does the work and reports it through `app.report`.
   * @returns What `--json` prints beside `ok`, and the exit code when it is not 0
   */
  run(app: App, input: Input<O>): Promise<Outcome>;
}

export interface Argument {
  readonly name: string;
  readonly summary: string;
}

export interface Example {
  /** The command line after `harbor-db`. */
  readonly line: string;
  readonly does: string;
}

/** What the user gave. */
export interface Input<O extends Options> {
  /** In the order of {@link Heading.arguments}; absent optional ones are `undefined`. */
  readonly args: readonly (string | undefined)[];
  readonly options: Values<O>;
}

/** How a command ended without an error. */
export interface Outcome {
  /** The fields of the JSON document. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Whether all is well; `false` goes with exit code 3. */
  readonly ok?: boolean;
  /** Another exit code for when all is not well. */
  readonly exitCode?: 1 | 3;
  /** Why the command stopped, when what it found until then is worth printing: it then stands beside `json`. */
  readonly failure?: HarborError;
}

/** Gives a command's options their types in `run`. */
export function defineCommand<O extends Options>(body: CommandBody<O>): CommandBody {
  return body as unknown as CommandBody;
}

import { HarborError, messageOf } from "../base/errors.ts";

/** An option of the command line, as data: commander reads its flags, the environment its name. */
export interface Option<Value> {
  /** As commander takes them: `--backup-dir <dir>`. */
  readonly flags: string;
  readonly summary: string;
  /** Whether it can be given several times; `parse` then gets all values, one a line. */
  readonly isRepeatable?: boolean;
  /** All values that it takes, where they are few. */
  readonly words?: readonly string[];
  /** Returns of a value what may be shown, where it may hold a secret. */
  readonly shown?: (text: string) => string;
  /** Used when neither the command line nor the environment has it. */
  readonly fallback: Value;
  /**
   * Reads a value from the command line or the environment.
   * @throws {Error} with what the value should be
   */
  parse(text: string): Value;
}

/** The options of a command by the names that its code uses. */
export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values of options. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends Option<infer V> ? V : never;
};

/** Makes an option that is on or off. */
export function flag(flags: string, summary: string): Option<boolean> {
  return {
    flags,
    summary,
    fallback: false,
    parse: (text) => {
      if (/^(1|true|yes|on)$/i.test(text)) return true;
      if (/^(0|false|no|off|)$/i.test(text)) return false;
      throw new Error("use 1 or 0");
    },
  };
}

/** Makes an option that takes a text, which is not empty: a variable that was never set would be taken for a path. */
export function text(flags: string, summary: string): Option<string | undefined> {
  return {
    flags,
    summary,
    fallback: undefined,
    parse: (value) => {
      if (value !== "") return value;
      throw new Error("it is empty; leave it out for what holds without it");
    },
  };
}

/** Makes an option that takes a text and can be given several times; in the environment, one a line. */
export function texts(flags: string, summary: string): Option<readonly string[]> {
  return {
    flags,
    summary,
    isRepeatable: true,
    fallback: [],
    parse: (value) => value.split("\n").filter((line) => line !== ""),
  };
}

/** Makes an option that takes one of a few words. */
export function choice<const Word extends string>(
  flags: string,
  summary: string,
  words: readonly Word[],
): Option<Word | undefined> {
  return {
    flags,
    summary,
    words,
    fallback: undefined,
    parse: (value) => {
      const word = words.find((each) => each === value);
      if (word !== undefined) return word;
      throw new Error(`use ${words.join(" or ")}`);
    },
  };
}

/** Makes an option that takes how many of something. */
export function count(flags: string, summary: string): Option<number | undefined> {
  return {
    flags,
    summary,
    fallback: undefined,
    parse: (value) => {
      if (/^\d{1,9}$/.test(value.trim())) return Number(value);
      throw new Error("use a whole number");
    },
  };
}

/** Makes an option that takes a number which is not negative. Its help ends with what stands for it when it is left out. */
export function number<Fallback extends number | undefined>(
  flags: string,
  summary: string,
  fallback: Fallback,
): Option<number | Fallback> {
  return {
    flags,
    summary: fallback === undefined ? summary : `${summary} (${fallback})`,
    fallback,
    parse: (value) => {
      const parsed = value.trim() === "" ? NaN : Number(value);
      if (Number.isFinite(parsed) && parsed >= 0) return parsed;
      throw new Error("use a number");
    },
  };
}

/** Returns the long name of an option without its dashes: `backup-dir`. */
export function longName({ flags }: Option<unknown>): string {
  return /--([\w-]+)/.exec(flags)![1]!;
}

/** Returns the name of the environment variable that stands for an option: `HARBOR_DB_BACKUP_DIR`. */
export function environmentName(option: Option<unknown>): string {
  return variableOf(longName(option));
}

/** Returns the same by the option's long name. */
export function variableOf(longName: string): string {
  return `HARBOR_DB_${longName.toUpperCase().replaceAll("-", "_")}`;
}

/** Where values come from: what commander parsed, by long name, and the environment. */
export interface OptionSources {
  readonly given: ReadonlyMap<string, string | true>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What variables that are none of the environment's stand for, for errors: `backup-dir of "/etc/…"`. */
  readonly origins?: Readonly<Record<string, string>>;
}

/**
 * Returns the value of every option: the command line's, else the environment's, else its own fallback.
 *
 * @throws {HarborError} `usage` for a bad value on the command line, `bad_config` for one in the environment
 */
export function resolveOptions<O extends Options>(
  options: O,
  { given, environment, origins = {} }: OptionSources,
): Values<O> {
  const values = Object.entries(options).map(([name, option]) => {
    const written = given.get(longName(option));
    if (written === true) return [name, true];
    if (written !== undefined) {
      return [name, parse(option, written, { name: `--${longName(option)}`, code: "usage" })];
    }
    const variable = environmentName(option);
    const set = environment[variable];
    if (set === undefined) return [name, option.fallback];
    return [name, parse(option, set, { name: origins[variable] ?? variable, code: "bad_config" })];
  });
  return Object.fromEntries(values);
}

function parse(
  option: Option<unknown>,
  value: string,
  { name, code }: { readonly name: string; readonly code: "usage" | "bad_config" },
): unknown {
  try {
    return option.parse(value);
  } catch (error) {
    throw new HarborError(
      code,
      `Cannot read ${name} "${option.shown?.(value) ?? value}": ${messageOf(error)}`,
    );
  }
}

/** The variables of a process, or what stands in for them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a `.env` file says. */
export interface EnvFile {
  readonly values: Readonly<Record<string, string>>;
  /** Numbers (from 1) of the lines that say nothing readable, such as one with a quote that never closes. */
  readonly unreadable: readonly number[];
}

const blankOrComment = /[^\S\r\n]*(?:#[^\r\n]*)?(?:\r\n|\n|\r|$)/y;
const restOfLine = /[^\r\n]*(?:\r\n|\n|\r|$)/y;
const nameAndEquals =
  /[^\S\r\n]*(?:export[^\S\r\n]+|(?!export[^\S\r\n]))(?:'(?<quoted>[^']+)'|(?!')(?<bare>[^=#\s]+))[^\S\r\n]*(?<equals>=[^\S\r\n]*)?/y;
// A backslash in quotes always belongs to the character after it.
const anyValue = /'(?<single>(?:\\.|[^'\\])*)'|"(?<double>(?:\\.|[^"\\])*)"|(?!['"])(?<plain>[^\r\n]*)/sy;
const variable = /\$\{(?<name>[^}:]*)(?::-(?<preset>[^}]*))?\}/g;
const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/**
 * Reads a `.env` file as python-dotenv does, because The Open Harbor reads the same file with it: a `#` inside an
 * unquoted value belongs to it unless a blank is in front (the readers of Node and Bun cut a password there), and
 * `${NAME}` and `${NAME:-preset}` stand for other variables, in any quotes. Its rules are those of `parser.py` and
 * `variables.py` in https://github.com/theskumar/python-dotenv.
 *
 * A variable of `environment` wins over one of the file wherever `${NAME}` names it. A name without `=` sets
 * nothing, and takes back what stood above it.
 */
export function parseEnvFile(text: string, environment: Environment = {}): EnvFile {
  // Not asked for by name: every object has a "constructor".
  const outside = new Map(Object.entries(environment));
  const values = new Map<string, string>();
  const unreadable: number[] = [];
  const source = text.replace(/^\uFEFF/, "");
  const take = takerOf(source);
  while (take.position() < source.length) {
    if (take.next(blankOrComment) !== undefined) continue;
    const start = take.position();
    const binding = readBinding(take);
    if (binding === undefined) {
      unreadable.push(source.slice(0, start).split(/\r\n|\n|\r/).length);
      take.next(restOfLine);
    } else if (binding.value === undefined) values.delete(binding.name);
    else {
      values.set(binding.name, expand(binding.value, (name) => outside.get(name) ?? values.get(name)));
    }
  }
  return { values: Object.fromEntries(values), unreadable };
}

type Groups = Readonly<Record<string, string | undefined>>;

interface Taker {
  position(): number;
  /** Moves past what the pattern matches at this place and returns its groups; stays when it does not match. */
  next(pattern: RegExp): Groups | undefined;
}

function takerOf(source: string): Taker {
  let at = 0;
  return {
    position: () => at,
    next(pattern) {
      pattern.lastIndex = at;
      const match = pattern.exec(source);
      if (match === null) return undefined;
      at = pattern.lastIndex;
      return match.groups ?? {};
    },
  };
}

/** Returns `undefined` for what cannot be read, and an undefined value for a name without `=`. */
function readBinding(take: Taker): { readonly name: string; readonly value: string | undefined } | undefined {
  const head = take.next(nameAndEquals);
  if (head === undefined) return undefined;
  const name = head["quoted"] ?? head["bare"] ?? "";
  const equals = head["equals"];
  if (equals === undefined) return take.next(blankOrComment) && { name, value: undefined };
  const groups = take.next(anyValue);
  if (groups === undefined || take.next(blankOrComment) === undefined) return undefined;
  return { name, value: unquote(groups, equals.length > 1) };
}

function unquote({ single, double, plain = "" }: Groups, afterBlank: boolean): string {
  if (single !== undefined) return single.replace(/\\([\\'])/g, "$1");
  if (double !== undefined) {
    return double.replace(/\\([\\'"abfnrtv])/g, (_whole, letter: string) => escapes[letter] ?? letter);
  }
  return afterBlank && plain.startsWith("#") ? "" : plain.replace(/\s+#.*/, "").trimEnd();
}

function expand(value: string, valueOf: (name: string) => string | undefined): string {
  return value.replace(
    variable,
    (_whole, name: string, preset: string | undefined) => valueOf(name) ?? preset ?? "",
  );
}

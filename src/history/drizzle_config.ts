import { type Dialect, dialectNamed } from "../base/dialect.ts";

/** What a `drizzle.config` says that harbor-db goes by, as it stands in it. */
export interface DrizzleConfig {
  /** The folder of the history, from the config's own. */
  readonly out: Setting;
  /** The file of the schema, or the files, from the config's own folder; each may be a folder or a pattern. */
  readonly schema: Setting | readonly string[];
  readonly dialect: Dialect | undefined;
  readonly casing: "snake_case" | "camelCase" | undefined;
}

/** A text; `null` for one that only running the config would tell, `undefined` for one that it does not have. */
export type Setting = string | null | undefined;

/** Comments, and the strings in which what looks like one is none. */
const commentOrString =
  /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

/** Reads the text of a `drizzle.config` of any kind. It is never run: it may connect, read secrets or ask. */
export function parseDrizzleConfig(text: string): DrizzleConfig {
  let outer = text.replaceAll(commentOrString, (_, string: string | undefined) => string ?? " ");
  // What stands in an object of its own (`migrations`, `introspect`) has the same names and another meaning.
  for (let before = ""; before !== outer;) {
    before = outer;
    outer = outer.replaceAll(/(["']?[\w$]+["']?\s*:\s*)\{[^{}]*\}/g, "$1null");
  }
  const valueOf = (name: string): Setting => {
    const found = outer.matchAll(
      new RegExp(`[{,]\\s*(["']?)${name}\\1\\s*(?::\\s*([^,}\\n]*)|(?=[,}]))`, "g"),
    );
    const said = new Set(
      Array.from(found, ([, , value = ""]) => /^(["'`])([^"'`$\\]*)\1\s*$/.exec(value)?.[2] ?? null),
    );
    // Of two objects only running it would tell which one counts.
    return said.size > 1 ? null : [...said][0];
  };
  const casing = valueOf("casing");
  return {
    out: valueOf("out"),
    schema: valueOf("schema") ?? listOf(outer, "schema"),
    dialect: dialectNamed(valueOf("dialect") ?? ""),
    casing: casing === "snake_case" || casing === "camelCase" ? casing : undefined,
  };
}

/** Returns the texts of a list, where it is said once and has nothing else in it; else as a text that is not known. */
function listOf(text: string, name: string): Setting | readonly string[] {
  const all = [
    ...text.matchAll(new RegExp(`[{,]\\s*(["']?)${name}\\1\\s*(?=[:,}])(?::\\s*\\[([^\\]]*)\\])?`, "g")),
  ];
  const [found, ...more] = all;
  if (found === undefined) return undefined;
  const items = (found[2] ?? "").split(",").map((item) => item.trim()).filter((item) => item !== "");
  const texts = items.map((item) => /^(["'`])([^"'`$\\]+)\1$/.exec(item)?.[2]);
  const isPlain = more.length === 0 && texts.length > 0 && texts.every((each) => each !== undefined);
  return isPlain ? texts as string[] : null;
}

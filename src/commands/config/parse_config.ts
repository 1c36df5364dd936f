import { dirname, resolve } from "node:path";
import * as v from "valibot";
import type { HarborError } from "../../base/errors.ts";
import { listOf, readAs, recordOf, type WrongJson } from "../../base/json_schema.ts";
import { badConfig } from "./bad_config.ts";
import { pathNames, settingNames, urlNames } from "./setting_names.ts";

/** A file of settings. */
export interface Config {
  readonly path: string;
  /** By the long names of options, as the command line would have them. */
  readonly settings: Settings;
  /** The same for each database that it names; what one does not say, it has from the others. */
  readonly databases: ReadonlyMap<string, Settings>;
}

export type Settings = Readonly<Record<string, string>>;

const value = v.union(
  [v.string(), v.number(), v.boolean(), listOf(v.string())],
  "is no text, number, truth or list of texts",
);
const form = recordOf(value);
const databasesForm = v.object({ databases: v.optional(recordOf(form), {}) });

/** Reads the text of a file of settings. */
export async function parseConfig(text: string, path: string): Promise<Config> {
  const { parse } = await import("smol-toml");
  let parsed: Record<string, unknown>;
  try {
    parsed = parse(text);
  } catch (error) {
    throw badConfig(path, (error as Error).message.split("\n")[0]!);
  }
  const wrong: WrongJson = (field, state) =>
    badConfig(path, `${field === "" ? "it" : `"${field}"`} ${state}`);
  const { databases: _, ...rest } = parsed;
  const { databases } = readAs(databasesForm, parsed, wrong);
  const own = readAs(form, rest, wrong);
  const folder = dirname(path);
  const merged = (table: Settings): Settings => {
    const isPlaced = urlNames.some((each) => each in table);
    const common = Object.entries(settings).filter(([name]) => !isPlaced || !urlNames.includes(name));
    return { ...Object.fromEntries(common), ...table };
  };
  const settings = settingsOf(own, { path, folder });
  return {
    path,
    settings,
    databases: new Map(
      Object.entries(databases).map((
        [name, table],
      ) => [name, merged(settingsOf(table, { path, folder }))]),
    ),
  };
}

type Value = v.InferOutput<typeof value>;

function settingsOf(
  table: Readonly<Record<string, unknown>>,
  { path, folder }: { readonly path: string; readonly folder: string },
): Settings {
  if (urlNames.every((each) => each in table)) {
    throw badConfig(path, `it says both ${urlNames.join(" and ")}, which say the same thing twice`);
  }
  return Object.fromEntries(
    Object.entries(table as Record<string, Value>).map(([name, value]) => {
      if (!settingNames.includes(name)) throw unknownName(name, path);
      const text = Array.isArray(value) ? value.join("\n") : String(value);
      return [name, pathNames.includes(name) ? resolve(folder, text) : text];
    }),
  );
}

function unknownName(name: string, path: string): HarborError {
  const [nearest] = settingNames.map((each) => [distance(name, each), each] as const)
    .toSorted(([a], [b]) => a - b);
  const meant = nearest !== undefined && nearest[0] <= 3 ? `; did you mean ${nearest[1]}?` : "";
  return badConfig(path, `it has no setting "${name}"${meant}`, `Known are ${settingNames.join(", ")}.`);
}

/** Returns in how many letters two words differ: letters put in, left out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isRecord } from "../../../base/json_schema.ts";
import { mapValues } from "../../../base/records.ts";
import { upwards } from "./upwards.ts";

/** Other names of modules, as tsconfig.json has them. */
export interface PathAliases {
  /** The folder that the targets start from. */
  readonly base: string;
  /** Names, with one `*` at most, and the paths that are tried for them. */
  readonly paths: Readonly<Record<string, readonly string[]>>;
}

/** Returns the file that a module's name stands for in a folder; `null` when there is none. */
export type FindModule = (folder: string, name: string) => string | null;

/**
 * Returns the aliases of the tsconfig.json (or jsconfig.json) that a folder is under; `null` without any.
 *
 * @param find Finds configurations that packages bring
 */
export function aliasesOf(folder: string, find: FindModule): PathAliases | null {
  for (const each of upwards(folder)) {
    const found = ["tsconfig.json", "jsconfig.json"].map((name) => join(each, name)).find((path) =>
      existsSync(path)
    );
    if (found === undefined) continue;
    const { baseUrl, paths } = readSaid(found, { leaf: each, find, seen: new Set() });
    if (baseUrl === undefined) return paths ?? null;
    // With a base, every name may stand for a path from there.
    return { base: baseUrl, paths: { ...paths?.paths, "*": paths?.paths["*"] ?? ["*"] } };
  }
  return null;
}

/** What a configuration says, or what it extends does where it says nothing. */
interface Said {
  readonly baseUrl?: string | undefined;
  /** They start from the configuration that has them, unless there is a `baseUrl`. */
  readonly paths?: PathAliases | undefined;
}

interface Reading {
  /** The folder of the configuration that is begun with, for which `${configDir}` stands. */
  readonly leaf: string;
  readonly find: FindModule;
  readonly seen: Set<string>;
}

/** Source: https://www.typescriptlang.org/tsconfig/#extends */
function readSaid(path: string, reading: Reading): Said {
  const { leaf, find, seen } = reading;
  if (seen.has(path) || !existsSync(path)) return {};
  seen.add(path);
  const json = parseWithComments(readFileSync(path, "utf8"));
  if (!isRecord(json)) return {};
  const folder = dirname(path);
  const { baseUrl, paths } = (json["compilerOptions"] ?? {}) as Readonly<Record<string, unknown>>;
  const place = (text: string) => resolve(folder, text.replace("${configDir}", () => leaf));
  const own: Said = {
    baseUrl: typeof baseUrl === "string" ? place(baseUrl) : undefined,
    paths: isRecord(paths) ? { base: folder, paths: placed(paths as PathAliases["paths"], leaf) } : undefined,
  };
  const extended = [json["extends"] ?? []].flat().filter((each) => typeof each === "string")
    .flatMap((each) =>
      /^\.{0,2}\//.test(each)
        ? [place(each.endsWith(".json") ? each : `${each}.json`)]
        : [each, `${each}/tsconfig.json`].flatMap((name) => find(folder, name) ?? []).find((found) =>
          found.endsWith(".json")
        ) ?? []
    );
  // The last one that says something counts.
  const said = extended.toReversed().reduce(
    (found, each) => filled(found, () => readSaid(each, reading)),
    own,
  );
  if (said.baseUrl !== undefined || said.paths !== undefined) return said;
  // One that only names others is for an editor, which takes each file by the one that has it.
  const others = [json["references"] ?? []].flat().flatMap((each) => isRecord(each) ? [each["path"]] : [])
    .filter((each) => typeof each === "string");
  return others.map((each) => each.endsWith(".json") ? place(each) : join(place(each), "tsconfig.json"))
    .map((each) => readSaid(each, { ...reading, leaf: dirname(each) }))
    .find(({ baseUrl, paths }) => baseUrl !== undefined || paths !== undefined) ?? {};
}

function filled(own: Said, more: () => Said): Said {
  if (own.baseUrl !== undefined && own.paths !== undefined) return own;
  const { baseUrl, paths } = more();
  return { baseUrl: own.baseUrl ?? baseUrl, paths: own.paths ?? paths };
}

function placed(paths: PathAliases["paths"], leaf: string): PathAliases["paths"] {
  return mapValues(paths, (targets) => targets.map((each) => each.replace("${configDir}", () => leaf)));
}

/** Reads JSON that may have comments, and commas at the end of lists; `null` when it is none. */
function parseWithComments(text: string): unknown {
  const plain = text.replaceAll(
    /("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\//g,
    (_, quoted: string | undefined) => quoted ?? "",
  ).replaceAll(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, (_, quoted: string | undefined) => quoted ?? "");
  try {
    return JSON.parse(plain);
  } catch {
    return null;
  }
}

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isRecord } from "../../../base/json_schema.ts";
import { upwards } from "./upwards.ts";

/** Other names of modules, as tsconfig.json has them. */
export interface PathAliases {
  /** The folder that the targets start from. */
  readonly base: string;
  /** Names, with one `*` at most, and the paths that are tried for them. */
  readonly paths: Readonly<Record<string, readonly string[]>>;
}

/** Returns the aliases of the tsconfig.json (or jsconfig.json) that a folder is under; `null` without any. */
export function aliasesOf(folder: string): PathAliases | null {
  for (const each of upwards(folder)) {
    const found = ["tsconfig.json", "jsconfig.json"].map((name) => join(each, name)).find((path) =>
      existsSync(path)
    );
    if (found !== undefined) return readAliases(found, new Set());
  }
  return null;
}

function readAliases(path: string, seen: Set<string>): PathAliases | null {
  if (seen.has(path) || !existsSync(path)) return null;
  seen.add(path);
  const json = parseWithComments(readFileSync(path, "utf8"));
  if (!isRecord(json)) return null;
  const { baseUrl, paths } = (json["compilerOptions"] ?? {}) as Readonly<Record<string, unknown>>;
  if (isRecord(paths) || typeof baseUrl === "string") {
    const base = resolve(dirname(path), typeof baseUrl === "string" ? baseUrl : ".");
    const own = isRecord(paths) ? paths as PathAliases["paths"] : {};
    // With a base, every name may stand for a path from there.
    return { base, paths: typeof baseUrl === "string" ? { ...own, "*": own["*"] ?? ["*"] } : own };
  }
  // The last one that says something counts.
  return [json["extends"] ?? []].flat().toReversed().reduce<PathAliases | null>((found, each) => {
    if (found !== null || typeof each !== "string" || !/^\.{0,2}\//.test(each)) return found;
    const parent = resolve(dirname(path), each);
    return readAliases(parent.endsWith(".json") ? parent : `${parent}.json`, seen);
  }, null);
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

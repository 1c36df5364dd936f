import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { projectFile } from "./project.ts";

/** Set, the tests write the golden files anew instead of comparing with them. */
const updateVariable = "HARBOR_DB_UPDATE_GOLDEN";

/** The scripts of a revision in one dialect. */
export interface GoldenScripts {
  readonly up: string;
  readonly down: string;
}

/**
 * Asserts that a case's scripts are, byte for byte, those in `tests/golden/<dialect>/<case>.{up,down}.sql`. One that
 * is not stands beside its golden file afterwards, as `….actual`.
 */
export function assertGolden(dialect: Dialect, name: string, scripts: GoldenScripts): void {
  for (const direction of ["up", "down"] as const) {
    const path = goldenPath(dialect, `${name}.${direction}.sql`);
    if (process.env[updateVariable] === "1") {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, scripts[direction]);
    }
    const golden = readIfThere(path);
    rmSync(`${path}.actual`, { force: true });
    if (golden === scripts[direction]) continue;
    writeFileSync(`${path}.actual`, scripts[direction]);
    const state = golden === null ? "there is no such file" : "the script is another now";
    assert.equal(
      scripts[direction],
      golden,
      `${path}: ${state}; see ….actual beside it. When it is meant: ${updateVariable}=1 npm test -- <this file>`,
    );
  }
}

/** Asserts that the golden files of a dialect that `isOwn` picks by their names are those of these cases, and no more. */
export function assertNoStrays(
  dialect: Dialect,
  names: readonly string[],
  isOwn: (file: string) => boolean,
): void {
  const expected = names.flatMap((name) => [`${name}.down.sql`, `${name}.up.sql`]).toSorted();
  assert.equal(new Set(expected).size, expected.length, "two cases have one name");
  const found = readdirSync(goldenPath(dialect, ".")).filter((file) => file.endsWith(".sql") && isOwn(file));
  assert.deepEqual(found.toSorted(), expected, "golden files of no case, or cases without one");
}

/** Returns the name of a case's golden files: `adds a NOT NULL column` is `adds_a_not_null_column`. */
export function goldenName(what: string): string {
  return (what.toLowerCase().match(/[a-z0-9]+/g) ?? []).join("_");
}

function goldenPath(dialect: Dialect, file: string): string {
  return projectFile(`tests/golden/${dialect}/${file}`);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "ENOENT") return null;
    throw error;
  }
}
